"""Parsing of subtitle files: SubRip (SRT) and WebVTT, with the word times of some WebVTT files.

Sources: W3C, "WebVTT: The Web Video Text Tracks Format", 2019, section 4. SRT has no specification; variants that
players accept are accepted: a point for the comma, no hours, no cue numbers.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mtmm_video.foundation.errors import InputError

_TIME = r"(?:(\d+):)?(\d{1,2}):(\d{2})[.,](\d{1,3})"
_TIMING = re.compile(rf"^\s*{_TIME}\s*-->\s*{_TIME}(?:\s.*)?$")
_WORD_TIME = re.compile(rf"<{_TIME}>")
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+([^>]+)>")
_TAG = re.compile(r"</?[^>]*>|\{\\[^}]*\}")
_NAME = re.compile(r"^(?:>>\s*)?([A-Z][A-Z0-9 .'’-]{1,30}):\s+")  # "JOHN SMITH: ..."
_NON_SPEECH_EVENT = re.compile(r"\[[^\[\]]*\]|^\s*\([^()]*\)\s*$|[♪♫#]")  # [Music], a cue in brackets, songs
_WEBVTT_BLOCKS = ("NOTE", "STYLE", "REGION")


@dataclass(frozen=True)
class CueWord:
    """One word of a cue: text, and start in seconds and speaker if the file has them."""

    text: str
    start: float | None
    speaker: str | None


@dataclass(frozen=True)
class Cue:
    """One cue: bounds in seconds and its words."""

    start: float
    end: float
    words: tuple[CueWord, ...]


def read_cues(text: str, *, path: Path) -> tuple[Cue, ...]:
    """Parse the cues of an SRT or WebVTT file.

    Formatting, notes and annotations of non-speech events (``[Music]``) are dropped. In roll-up captions, whose cues
    repeat the previous line, every line counts once.

    Parameters
    ----------
    text : str
        Content of the file.
    path : Path
        For error messages.

    Returns
    -------
    tuple of Cue
        In order of time, without empty cues.

    Raises
    ------
    InputError
        If a timing line is malformed or a cue ends before it starts; the message names file and line.
    """
    rolling = bool(_WORD_TIME.search(text))
    cues: list[Cue] = []
    shown: list[str] = []
    for (start, end), lines in _blocks(text, path=path):
        plain = [_TAG.sub("", line).strip() for line in lines]
        fresh = lines
        if rolling:
            repeated = max((k for k in range(1, len(plain) + 1) if plain[:k] == shown[-k:]), default=0)
            fresh = lines[repeated:]
            shown = plain or shown
        words = tuple(_words(fresh))
        if words:
            cues.append(Cue(start, end, words))
    return tuple(sorted(cues, key=lambda cue: cue.start))


def _blocks(text: str, *, path: Path) -> Iterator[tuple[tuple[float, float], list[str]]]:
    """Yield bounds and text lines of each cue."""
    lines = text.splitlines()
    index = 0
    while index < len(lines):
        if lines[index].startswith(_WEBVTT_BLOCKS):
            while index < len(lines) and lines[index].strip():
                index += 1
            continue
        if "-->" not in lines[index]:
            index += 1
            continue
        number = index + 1
        match = _TIMING.match(lines[index])
        if not match:
            raise InputError(
                f"{path}, line {number}: {lines[index].strip()[:60]!r} is not a timing such as "
                "'00:00:01,000 --> 00:00:02,500'; correct the line"
            )
        start, end = _seconds(match.groups()[:4]), _seconds(match.groups()[4:])
        if end < start:
            raise InputError(f"{path}, line {number}: the cue ends ({end:.3f} s) before it starts ({start:.3f} s)")
        index += 1
        body: list[str] = []
        while index < len(lines) and lines[index].strip() and "-->" not in lines[index]:
            body.append(lines[index])
            index += 1
        if index < len(lines) and "-->" in lines[index] and body and body[-1].strip().isdigit():
            body.pop()  # the number of the next cue, if the empty line before it is missing
        yield (start, end), body


def _seconds(parts: tuple[str | None, ...]) -> float:
    hours, minutes, seconds, fraction = parts
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds or 0) + float(f"0.{fraction}")


def _words(lines: list[str]) -> Iterator[CueWord]:
    speaker: str | None = None
    for line in lines:
        voices = _VOICE.split(line)  # text, name, text, name, text ...
        for place, piece in enumerate(voices):
            if place % 2:
                speaker = html.unescape(piece).strip()
                continue
            start: float | None = None
            parts = _WORD_TIME.split(piece)  # text, then four parts of a time and text, repeated
            for offset in range(0, len(parts), 5):
                if offset:
                    start = _seconds(tuple(parts[offset - 4 : offset]))
                spoken = html.unescape(_TAG.sub("", parts[offset]))
                if match := _NAME.match(spoken):
                    speaker = match[1].strip()
                    spoken = spoken[match.end() :]
                for token in _NON_SPEECH_EVENT.sub(" ", spoken).split():
                    if any(character.isalnum() for character in token):
                        yield CueWord(token, start, speaker)
                        start = None
