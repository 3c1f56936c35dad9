"""JSON of services: YouTube, Deepgram, AssemblyAI, Amazon, Azure, Gladia, Google, Rev.ai, Speechmatics, Vosk."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from mtmm_video.pipeline.transcripts.json_values import Document, name
from mtmm_video.pipeline.transcripts.passages import Contents, Passage, Token, tokens_of

_MILLISECONDS = 1000.0  # a second
_TICKS = 1e7  # a second; Azure's unit is 100 ns


def read(content: Any, document: Document) -> Contents | None:
    """Convert the JSON of one of these services.

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
    if not isinstance(content, Mapping):
        return None
    for title, recognised, reader in _READERS:
        if recognised(content):
            return Contents(f"JSON of {title}", tuple(reader(content, document)))
    return None


def _youtube(content: Mapping[str, Any], document: Document) -> list[Passage]:
    passages = []
    events = [(place, event) for place, event in document.entries(content, "events") if event.get("segs")]
    for index, (place, event) in enumerate(events):
        start = document.time(event.get("tStartMs"), place=f"{place}.tStartMs", per_second=_MILLISECONDS)
        length = document.time(event.get("dDurationMs"), place=f"{place}.dDurationMs", per_second=_MILLISECONDS)
        if start is None:
            raise document.error(place, "has no tStartMs")
        end = start + (length or 0.0)
        if index + 1 < len(events):  # an event stays on screen during the next one
            later = document.time(
                events[index + 1][1].get("tStartMs"), place=f"{place}.tStartMs", per_second=_MILLISECONDS
            )
            end = end if later is None or later <= start else min(end, later)
        pieces: list[tuple[str, float | None]] = []
        for spot, piece in document.entries(event, "segs", place=place):
            offset = document.time(piece.get("tOffsetMs"), place=f"{spot}.tOffsetMs", per_second=_MILLISECONDS)
            texts = document.text(piece, ("utf8",), place=spot).split()
            pieces.extend((text, None if number else offset) for number, text in enumerate(texts))
        if pieces:
            passages.append(Passage(start, end, _until_next(pieces, start, end), place=place))
    return passages


def _until_next(pieces: Sequence[tuple[str, float | None]], start: float, end: float) -> tuple[Token, ...]:
    """Set the end of each word to the start of the next; offsets are in seconds from the start of the passage."""
    timed = any(offset is not None for _, offset in pieces)
    starts = [
        start + offset if offset is not None else start if timed and not index else None
        for index, (_, offset) in enumerate(pieces)
    ]
    tokens = []
    for index, (text, _) in enumerate(pieces):
        first, last = starts[index], starts[index + 1] if index + 1 < len(starts) else end
        known = first is not None and last is not None and last > first
        tokens.append(Token(text, first if known else None, last if known else None))
    return tuple(tokens)


def _deepgram(content: Mapping[str, Any], document: Document) -> list[Passage]:
    passages = []
    channels = document.entries(content["results"], "channels", place="results")
    for number, (place, channel) in enumerate(channels):
        speaker = str(number) if len(channels) > 1 else None  # a channel has a speaker of its own
        for spot, alternative in document.entries(channel, "alternatives", place=place)[:1]:
            tokens = [
                token
                for where, entry in document.entries(alternative, "words", place=spot)
                for token in document.word(entry, place=where, texts=("punctuated_word", "word"), speaker=speaker)
            ]
            passages.append(Passage(None, None, tuple(tokens), place=spot))
    return passages


def _speechmatics(content: Mapping[str, Any], document: Document) -> list[Passage]:
    tokens: list[Token] = []
    for place, result in document.entries(content, "results"):
        for spot, best in document.entries(result, "alternatives", place=place)[:1]:
            text = document.text(best, ("content",), place=spot)
            if result.get("type") == "punctuation":
                if tokens:
                    tokens[-1] = replace(tokens[-1], text=tokens[-1].text + text)
                continue
            entry = {**best, "start_time": result.get("start_time"), "end_time": result.get("end_time")}
            tokens.extend(document.word(entry, place=spot, texts=("content",), times=("start_time", "end_time")))
    return [Passage(None, None, tuple(tokens), place="results")]


def _assemblyai(content: Mapping[str, Any], document: Document) -> list[Passage]:
    key = "utterances" if content.get("utterances") else "words"
    tokens: list[Token] = []
    for place, entry in document.entries(content, key):
        words = document.entries(entry, "words", place=place) or [(place, entry)]
        for spot, word in words:
            speaker = name(word.get("speaker")) or name(entry.get("speaker"))
            tokens.extend(document.word(word, place=spot, texts=("text",), per_second=_MILLISECONDS, speaker=speaker))
    return [Passage(None, None, tuple(tokens), place=key)]


def _amazon(content: Mapping[str, Any], document: Document) -> list[Passage]:
    tokens: list[Token] = []
    for place, item in document.entries(content["results"], "items", place="results"):
        (spot, best), *_ = document.entries(item, "alternatives", place=place) or [(place, {})]
        text = document.text(best, ("content",), place=spot)
        if item.get("type") == "punctuation" and tokens:
            tokens[-1] = replace(tokens[-1], text=tokens[-1].text + text)
            continue
        entry = {"word": text, "speaker": item.get("speaker_label"), "confidence": best.get("confidence")}
        times = {"start": item.get("start_time"), "end": item.get("end_time")}
        tokens.extend(document.word(entry | times, place=place))
    return [Passage(None, None, tuple(tokens), place="results.items")]


def _google(content: Mapping[str, Any], document: Document) -> list[Passage]:
    passages = []
    for place, result in document.entries(content, "results"):
        for spot, alternative in document.entries(result, "alternatives", place=place)[:1]:
            tokens: list[Token] = []
            for where, word in document.entries(alternative, "words", place=spot):
                speaker = name(word.get("speakerLabel", word.get("speakerTag")))
                times = ("startTime", "endTime") if "endTime" in word else ("startOffset", "endOffset")
                tokens.extend(document.word(word, place=where, times=times, speaker=speaker))
            passages.append(Passage(None, None, tuple(tokens), place=spot))
    return passages


def _rev(content: Mapping[str, Any], document: Document) -> list[Passage]:
    passages = []
    for place, monologue in document.entries(content, "monologues"):
        tokens: list[Token] = []
        for spot, element in document.entries(monologue, "elements", place=place):
            text = document.text(element, ("value",), place=spot)
            if element.get("type") == "punct":
                if tokens and text.strip():
                    tokens[-1] = replace(tokens[-1], text=tokens[-1].text + text.strip())
                continue
            speaker = name(monologue.get("speaker"))
            tokens.extend(document.word(element, place=spot, texts=("value",), times=("ts", "end_ts"), speaker=speaker))
        passages.append(Passage(None, None, tuple(tokens), place=place))
    return passages


def _azure(content: Mapping[str, Any], document: Document) -> list[Passage]:
    """Convert the results of batch transcription (``recognizedPhrases``) or of fast transcription (``phrases``)."""
    key = "recognizedPhrases" if "recognizedPhrases" in content else "phrases"
    passages = []
    phrases = document.entries(content, key)
    several = len({str(phrase.get("channel")) for _, phrase in phrases}) > 1  # a channel has a speaker of its own
    for place, phrase in phrases:
        best = next((entry for _, entry in document.entries(phrase, "nBest", place=place)), phrase)
        text = document.text(best, ("display", "text", "lexical"), place=place)
        speaker = name(phrase.get("speaker")) or (name(phrase.get("channel")) if several else None)
        start, end = _azure_span(phrase, document, place=place)
        written = tokens_of(text, speaker=speaker)
        spans = [
            _azure_span(word, document, place=spot)
            for words in ("displayWords", "words")
            for spot, word in document.entries(best, words, place=place)
            if words == "displayWords" or "displayWords" not in best
        ]
        if len(spans) == len(written):  # words are listed as they are spoken, the text is as it is written
            written = tuple(replace(token, start=a, end=b) for token, (a, b) in zip(written, spans, strict=True))
        if written:
            passages.append(Passage(start, end, written, place=place))
    return passages


def _azure_span(entry: Mapping[str, Any], document: Document, *, place: str) -> tuple[float | None, float | None]:
    unit, per_second = ("Milliseconds", _MILLISECONDS) if "offsetMilliseconds" in entry else ("InTicks", _TICKS)
    start, length = (
        document.time(entry.get(f"{key}{unit}"), place=f"{place}.{key}{unit}", per_second=per_second)
        for key in ("offset", "duration")
    )
    return (start, start + length) if start is not None and length is not None else (None, None)


def _gladia(content: Mapping[str, Any], document: Document) -> list[Passage]:
    passages = []
    place = "result.transcription"
    for spot, utterance in document.entries(content["result"]["transcription"], "utterances", place=place):
        speaker = name(utterance.get("speaker"))
        start, end = document.span(utterance, ("start", "end"), place=spot)
        tokens = tuple(
            token
            for where, word in document.entries(utterance, "words", place=spot)
            for token in document.word(word, place=where, speaker=speaker)
        )
        tokens = tokens or tokens_of(document.text(utterance, ("text",), place=spot), speaker=speaker)
        passages.append(Passage(start, end, tokens, place=spot))
    return passages


def _vosk(content: Mapping[str, Any], document: Document) -> list[Passage]:
    tokens = [
        token for place, entry in document.entries(content, "result") for token in document.word(entry, place=place)
    ]
    return [Passage(None, None, tuple(tokens), place="result")]


def _is_azure(content: Mapping[str, Any]) -> bool:
    return _first_has(content, "recognizedPhrases", "nBest") or _first_has(content, "phrases", "offsetMilliseconds")


def _has(content: object, outer: str, inner: str) -> bool:
    value = content.get(outer) if isinstance(content, Mapping) else None
    return isinstance(value, Mapping) and isinstance(value.get(inner), list)


def _first_has(content: Mapping[str, Any], outer: str, inner: str) -> bool:
    value = content.get(outer)
    return isinstance(value, list) and bool(value) and isinstance(value[0], Mapping) and inner in value[0]


_Reader = Callable[[Mapping[str, Any], Document], list[Passage]]
_READERS: tuple[tuple[str, Callable[[Mapping[str, Any]], bool], _Reader], ...] = (
    ("YouTube (json3)", lambda content: isinstance(content.get("events"), list), _youtube),
    ("Deepgram", lambda content: _has(content, "results", "channels"), _deepgram),
    ("Amazon Transcribe", lambda content: _has(content, "results", "items"), _amazon),
    ("AssemblyAI", lambda content: "audio_url" in content or "acoustic_model" in content, _assemblyai),
    ("Speechmatics", lambda content: _first_has(content, "results", "start_time"), _speechmatics),
    ("Google Speech-to-Text", lambda content: _first_has(content, "results", "alternatives"), _google),
    ("Rev.ai", lambda content: isinstance(content.get("monologues"), list), _rev),
    ("Azure AI Speech", _is_azure, _azure),
    ("Gladia", lambda content: _has(content.get("result"), "transcription", "utterances"), _gladia),
    ("Vosk", lambda content: isinstance(content.get("result"), list), _vosk),
)
