"""Reading of transcripts supplied by the user in place of speech recognition.

`read_transcript` converts bytes to utterances: encoding (`encoding`), format (`cues`, `documents`, `whisper_json`,
`services_json`), removal of non-speech text (`heard`, `names`, `rolling`), times (`timing`). The format is detected
from the content, not from the file name. `pipeline.segmentation` splits all but utterances, which keep their bounds,
because the length of a cue is determined by the width of the screen and not by sentences.

Words are kept verbatim, including text that the features do not use.
"""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass, replace
from pathlib import Path

from mtmm_video.foundation.errors import InputError
from mtmm_video.foundation.files import special_kind
from mtmm_video.pipeline.segmentation import segment
from mtmm_video.pipeline.transcripts import documents, services_json, whisper_json
from mtmm_video.pipeline.transcripts.cues import has_cues, is_webvtt, split_cues, to_passage
from mtmm_video.pipeline.transcripts.encoding import decode
from mtmm_video.pipeline.transcripts.heard import without_sounds
from mtmm_video.pipeline.transcripts.json_values import Document
from mtmm_video.pipeline.transcripts.names import with_speakers
from mtmm_video.pipeline.transcripts.passages import Contents, Notes, Passage, Token, quoted
from mtmm_video.pipeline.transcripts.rolling import without_repeats
from mtmm_video.pipeline.transcripts.timing import in_order, in_seconds, interleaved, placed, within
from mtmm_video.pipeline.utterance import Utterance

TRANSCRIPTS_VERSION = "transcripts/4"  # raise when the rules change: stored utterances are then recomputed
LONGEST_TRANSCRIPT = 64 * 2**20  # bytes; a day of speech with word times takes 20 MB
SUPPORTED = "SRT, WebVTT, ASS, SBV, TTML, or JSON of whisper, YouTube and others (docs/utterances.md)"
_JSON = json.JSONDecoder()
_SPACES = re.compile(r"\s*")
_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[@-Z\\-_]?")  # of a terminal
_SPOKEN_SIGNS = frozenset("&%#@+=<>$€£¥×÷/°§")  # symbols that are read aloud: separate words


@dataclass(frozen=True)
class GivenTranscript:
    """A transcript supplied by the user, as utterances.

    Attributes
    ----------
    utterances : tuple of Utterance
        In order of time, not overlapping, within the recording; with speakers if the file names them. Empty if the
        file has non-speech annotations only.
    notes : tuple of str
        Remarks for the report: a detected encoding, and what was removed, truncated or corrected.
    """

    utterances: tuple[Utterance, ...]
    notes: tuple[str, ...]


def read_transcript(path: Path, *, duration: float) -> GivenTranscript:
    """Read a transcript.

    Parameters
    ----------
    path : Path
        In any of `SUPPORTED`.
    duration : float
        Of the recording in seconds; passages after its end are removed, a passage across it is truncated.

    Raises
    ------
    InputError
        If the file is missing, has none of these formats, is damaged, has no words, or lies entirely after the end of
        the recording. The message names the line, or the place in the JSON.
    """
    notes = Notes()
    contents, passages = _read_passages(path, notes)
    if not passages:
        return GivenTranscript((), tuple(notes.sentences))
    if not contents.seconds:
        passages = list(in_seconds(passages, duration=duration, notes=notes))
    ordered = in_order(passages, duration=duration, path=path, notes=notes)
    inside = within(ordered, duration=duration, path=path, notes=notes)
    found = placed(inside if contents.bounded else interleaved(inside))
    if contents.bounded:
        utterances = tuple(
            Utterance(
                index,
                start=min(start, words[0].start),
                end=max(end, words[-1].end),
                text=" ".join(word.text for word in words),
                words=words,
                speaker=passage.tokens[0].speaker,
            )
            for index, (passage, start, end, words) in enumerate(found)
        )
    else:
        speakers = [token.speaker for passage, *_ in found for token in passage.tokens]
        utterances = segment([word for *_, words in found for word in words], speakers=speakers)
    return GivenTranscript(utterances, tuple(notes.sentences))


def names_speakers(path: Path) -> bool:
    """Return whether a transcript names the speakers of its words.

    Raises
    ------
    InputError
        As `read_transcript`, except for errors in the times, which depend on the recording.
    """
    _, passages = _read_passages(path, Notes())
    return any(token.speaker is not None for passage in passages for token in passage.tokens)


def _read_passages(path: Path, notes: Notes) -> tuple[Contents, list[Passage]]:
    """Return the content of a transcript, and its passages without non-speech text."""
    text = _read_text(path, notes)
    contents = _read_contents(text, path=path, notes=notes)
    passages = [_cleaned(passage, notes) for passage in contents.passages]
    passages = [passage for passage in passages if passage.tokens]
    if not passages:
        raise InputError(f"{path}: has no words; omit --transcript to have them recognised")
    if contents.subtitles:
        passages = list(with_speakers(passages))
    passages, heard = _spoken(passages)
    if heard:
        notes.add(f"Transcript: heard but not said, left out: {quoted(list(dict.fromkeys(heard)))}.")
    return contents, passages


def _read_text(path: Path, notes: Notes) -> str:
    try:
        if kind := special_kind(path):
            raise InputError(f"{path}: is {kind}; save the transcript as a file, and name that")
        if path.stat().st_size > LONGEST_TRANSCRIPT:
            raise InputError(f"{path}: is too large for a transcript; give {SUPPORTED}")
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read as a transcript ({error.strerror}); check the path") from error
    if not content.strip():
        raise InputError(f"{path}: is empty; give {SUPPORTED}")
    if refused := documents.name_refused(content):
        raise InputError(f"{path}: {refused}")
    text, encoding, guessed = decode(content, path=path)
    if "\0" in text:
        raise InputError(f"{path}: is not text; give {SUPPORTED}")
    if guessed:
        notes.add(f"Transcript: its encoding was taken for {encoding}, which its bytes suggest.")
    return text.lstrip("\ufeff")


def _read_contents(text: str, *, path: Path, notes: Notes) -> Contents:
    contents = documents.read(text, path=path)
    if contents is not None:
        return contents
    if text.lstrip()[:1] in ("{", "[") and (content := _parsed(text, path=path)) is not None:
        document = Document(path, notes)
        found = services_json.read(content, document) or whisper_json.read(content, document)
        if found is not None:
            return found
        keys = (
            f" (its keys: {', '.join(repr(key)[:40] for key in list(content)[:6])})"
            if isinstance(content, dict)
            else ""
        )
        raise InputError(f"{path}: has no utterances, segments or words of a known format{keys}; give {SUPPORTED}")
    if has_cues(text):
        cues = split_cues(text, path=path, notes=notes)
        cues = without_repeats(sorted(cues, key=lambda cue: cue.start), notes=notes)
        title = "WebVTT" if is_webvtt(text) else "SRT"
        return Contents(title, tuple(to_passage(cue) for cue in cues), subtitles=True)
    if refused := documents.name_refused_text(text):
        raise InputError(f"{path}: {refused}")
    raise InputError(f"{path}: is not a transcript with times; give {SUPPORTED}")


def _parsed(text: str, *, path: Path) -> object:
    """Return the value of a JSON text, a list of JSON lines; None if it begins like JSON but has another format."""
    values: list[object] = []
    place = 0
    try:
        while (start := _SPACES.match(text, place).end()) < len(text):  # type: ignore[union-attr]  # matches always
            value, place = _JSON.raw_decode(text, start)
            values.append(value)
        return values[0] if len(values) == 1 else values
    except json.JSONDecodeError as error:
        if has_cues(text) or documents.name_refused_text(text):
            return None
        raise InputError(f"{path}, line {error.lineno}: is not JSON ({error.msg}); give {SUPPORTED}") from error
    except (RecursionError, ValueError) as error:
        raise InputError(
            f"{path}: is nested too deeply for a transcript, or has numbers with too many digits"
        ) from error


def _cleaned(passage: Passage, notes: Notes) -> Passage:
    """Remove control characters from words and speakers: a terminal would interpret them, and subtitles break lines."""
    tokens: list[Token] = []
    lines: list[int] = []
    for place, token in enumerate(passage.tokens):
        if place in passage.lines:
            lines.append(len(tokens))
        text = _without_controls(token.text).strip()
        name = " ".join((token.speaker or "").split())  # one on several lines is one of several words
        speaker = " ".join(_without_controls(name).split()) or None
        if text != token.text or speaker != (name or None):
            notes.add("Transcript: control characters were taken out of its text.")
        tokens.extend([replace(token, text=text, speaker=speaker)] if text else [])
    begins = tuple(dict.fromkeys(line for line in lines if line < len(tokens)))
    return replace(passage, tokens=tuple(tokens), lines=begins or (0,))


def _without_controls(text: str) -> str:
    return "".join(sign for sign in _ESCAPES.sub("", text) if not _is_control(sign))


def _is_control(sign: str) -> bool:
    """Return whether a character is a control character, a surrogate or a Unicode noncharacter."""
    code = ord(sign)
    return unicodedata.category(sign) in ("Cc", "Cs") or code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF


def _spoken(passages: list[Passage]) -> tuple[list[Passage], list[str]]:
    """Remove non-speech annotations, and join unspoken symbols to the preceding word."""
    spoken: list[Passage] = []
    heard: list[str] = []
    for passage in passages:
        rest, sounds = without_sounds(passage)
        heard.extend(sounds)
        tokens = _joined(rest.tokens)
        if tokens:
            spoken.append(replace(rest, tokens=tokens, lines=(0,)))
    return spoken, heard


def _joined(tokens: tuple[Token, ...]) -> tuple[Token, ...]:
    """Join dashes, emoji and other unspoken symbols to the preceding word, whose time they share."""
    joined: list[Token] = []
    waiting = ""
    for token in tokens:
        if any(sign.isalnum() or sign in _SPOKEN_SIGNS for sign in token.text):
            joined.append(replace(token, text=f"{waiting} {token.text}".strip()))
            waiting = ""
        elif joined:
            joined[-1] = replace(joined[-1], text=f"{joined[-1].text} {token.text}")
        else:
            waiting = f"{waiting} {token.text}".strip()
    if not joined and any(unicodedata.category(sign)[0] == "S" for sign in waiting):
        joined.append(replace(tokens[0], text=waiting))  # nothing but emoji
    return tuple(joined)
