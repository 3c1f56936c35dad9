"""JSON of Whisper and programs based on it, of the report of mtmm-video, and of plain word lists.

* ``{"utterances": [{"start", "end", "text", "words"?, "speaker"?}]}``, as in the JSON report: the bounds are kept;
* ``{"segments": [...]}`` of whisper, faster-whisper and WhisperX; with ``words`` beside it, of OpenAI's API;
* ``{"transcription": [{"offsets": {"from", "to"}, "text", "tokens"?}]}`` of whisper.cpp, in milliseconds;
* ``{"chunks": [{"text", "timestamp": [start, end]}]}`` of Hugging Face's pipeline;
* ``{"words": [{"word" or "text", "start"?, "end"?}]}``; such a list, or one of segments, alone, also as JSON lines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from mtmm_video.pipeline.transcripts.json_values import Document, name
from mtmm_video.pipeline.transcripts.passages import Contents, Passage, Token, tokens_of

_MILLISECONDS = 1000.0  # a second


def read(content: Any, document: Document) -> Contents | None:
    """Convert JSON of one of these formats.

    Parameters
    ----------
    content : value of the JSON
    document : Document
        For messages and notes.

    Returns
    -------
    Contents or None
        None if it has none of these formats.

    Raises
    ------
    InputError
        If it has one of these formats and is damaged; the message names the place.
    """
    if isinstance(content, list):
        key = "chunks" if _timed_texts(content) else "segments" if _has_sentences(content) else "words"
        content = {key: content}
    if not isinstance(content, Mapping):
        return None
    if isinstance(content.get("utterances"), list):
        return Contents("JSON with utterances", _segments(content, "utterances", document), bounded=True, seconds=False)
    if isinstance(content.get("segments"), list):
        passages = _segments(content, "segments", document)
        words = [
            token for place, entry in document.entries(content, "words") for token in document.word(entry, place=place)
        ]
        if words and not any(token.start is not None for passage in passages for token in passage.tokens):
            passages = _with_times(passages, words)
        return Contents("JSON of whisper", passages, seconds=False)
    if isinstance(content.get("transcription"), list):
        return Contents("JSON of whisper.cpp", _of_whisper_cpp(content, document))
    if isinstance(content.get("chunks"), list):
        return Contents("JSON with chunks", _of_chunks(content, document))
    if isinstance(content.get("words"), list):
        entries = document.entries(content, "words")
        tokens = [token for place, entry in entries for token in document.word(entry, place=place)]
        text = content.get("text")
        if isinstance(text, str):
            tokens = list(_spread(tokens_of(text), tokens))
        return Contents("JSON with words", (Passage(None, None, tuple(tokens), place="words"),), seconds=False)
    return None


def _timed_texts(content: Sequence[Any]) -> bool:
    return bool(content) and all(isinstance(entry, Mapping) and "timestamp" in entry for entry in content)


def _has_sentences(content: Sequence[Any]) -> bool:
    """Return whether most entries of a list have several words, as segments do and words do not."""
    texts = [entry.get("text", entry.get("word")) for entry in content if isinstance(entry, Mapping)]
    several = [isinstance(text, str) and len(text.split()) > 1 for text in texts]
    return sum(several) * 2 > len(several)


def _segments(content: Mapping[str, Any], key: str, document: Document) -> tuple[Passage, ...]:
    passages = []
    for place, entry in document.entries(content, key):
        start, end = document.span(entry, ("start", "end"), place=place)
        speaker = name(entry.get("speaker"))
        words = document.entries(entry, "words", place=place)
        tokens = [token for spot, word in words for token in document.word(word, place=spot, speaker=speaker)]
        if not words:
            text = document.text(entry, ("text",), place=place)
            tokens = list(tokens_of(text, speaker=speaker))
        passages.append(Passage(start, end, tuple(tokens), place=place))
    return tuple(passages)


def _with_times(passages: Sequence[Passage], words: Sequence[Token]) -> tuple[Passage, ...]:
    """Set the times of the segments' tokens from the separate word list, which has no punctuation."""
    tokens = [token for passage in passages for token in passage.tokens]
    timed = list(_spread(tokens, words))
    if timed == list(words) and len(timed) != len(tokens):
        return tuple(passages)
    filled = []
    for passage in passages:
        filled.append(replace(passage, tokens=tuple(timed[: len(passage.tokens)])))
        timed = timed[len(passage.tokens) :]
    return tuple(filled)


def _spread(tokens: Sequence[Token], words: Sequence[Token]) -> Sequence[Token]:
    """Return a text's tokens with the times of `words`, which lack punctuation; `words` if the letters differ."""
    timed: list[Token] = []
    rest = list(words)
    for token in tokens:
        key = _letters(token.text)
        start = end = None
        taken = ""
        while rest and len(taken) < len(key):
            word = rest.pop(0)
            taken += _letters(word.text)
            start = word.start if start is None else start
            end = word.end
        if taken != key:
            return words
        timed.append(replace(token, start=start, end=end) if key else token)
    return words if rest else timed


def _letters(text: str) -> str:
    return "".join(sign for sign in text.casefold() if sign.isalnum())


def _of_whisper_cpp(content: Mapping[str, Any], document: Document) -> tuple[Passage, ...]:
    passages = []
    for place, entry in document.entries(content, "transcription"):
        start, end = _offsets(entry, document, place=place)
        tokens: list[Token] = []
        for spot, piece in document.entries(entry, "tokens", place=place):
            text = document.text(piece, ("text",), place=spot)
            if text.startswith("[_"):  # "[_BEG_]", "[_TT_150]": special tokens of the decoder
                continue
            first, last = _offsets(piece, document, place=spot)
            if text.startswith(" ") or not tokens:
                tokens.append(Token(text.strip(), first, last))
            else:
                tokens[-1] = replace(tokens[-1], text=tokens[-1].text + text.strip(), end=last)
        written = tokens_of(document.text(entry, ("text",), place=place))
        if [token.text for token in tokens] != [token.text for token in written]:
            tokens = list(written)  # tokens that split a multi-byte character cannot be joined
        passages.append(Passage(start, end, tuple(tokens), place=place))
    return tuple(passages)


def _offsets(entry: Mapping[str, Any], document: Document, *, place: str) -> tuple[float | None, float | None]:
    offsets = entry.get("offsets")
    if not isinstance(offsets, Mapping):
        raise document.error(place, "has no offsets")
    return document.span(offsets, ("from", "to"), place=f"{place}.offsets", per_second=_MILLISECONDS)


def _of_chunks(content: Mapping[str, Any], document: Document) -> tuple[Passage, ...]:
    """Convert chunks; chunks of one word each become the words of one passage."""
    passages = []
    for place, entry in document.entries(content, "chunks"):
        stamp = entry.get("timestamp")
        if not isinstance(stamp, list) or len(stamp) != 2:
            raise document.error(place, "has no timestamp of start and end")
        start, end = document.span({"start": stamp[0], "end": stamp[1]}, ("start", "end"), place=place)
        text = document.text(entry, ("text",), place=place)
        passages.append(Passage(start, end, tokens_of(text, speaker=name(entry.get("speaker"))), place=place))
    if passages and all(len(passage.tokens) <= 1 for passage in passages):
        tokens = [
            replace(token, start=passage.start, end=passage.end) if passage.end is not None else token
            for passage in passages
            for token in passage.tokens
        ]
        return (Passage(None, None, tuple(tokens), place="chunks"),)
    return tuple(passages)
