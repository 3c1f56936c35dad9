"""Parsing of subtitle cues: SubRip (SRT), WebVTT with optional word timestamps, and YouTube's SBV.

Sources: W3C, "WebVTT: The Web Video Text Tracks Format", 2019, section 4. SRT has no specification, so the variants
that players accept are accepted: a decimal point, fields of any length, no hours, no cue numbers, empty lines in a cue,
other dashes and arrows. So are lines of whisper's terminal output, ``[00:00.000 --> 00:02.000] text``.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mtmm_video.foundation.errors import InputError
from mtmm_video.pipeline.transcripts.passages import Notes, Passage, Token, quoted

_TIME = r"([+-]?)(?:(?:(\d+)\s*[:：]\s*)?(\d+)\s*[:：]\s*)?(\d+)(?:\s*[.,:，．：]\s*(\d{1,9}))?"
_ARROW = r"(?:[-‐–—−]{1,3}\s?[>＞]|[→⟶])"
_TIMING = re.compile(rf"^\s*{_TIME}\s*{_ARROW}\s*{_TIME}(?:\s+(?!-?\d).*)?\s*$")
# A time before or after an arrow: a line that is to be a timing line and is none.
_DAMAGED_TIMING = re.compile(r"^\W*\d+\s*[:：]\s*\d[^a-zA-Z]*-->|^[^a-zA-Z]*\d[^a-zA-Z]*-->\W*\d+\s*[:：]\s*\d")
_BRACKETED_TIMING = re.compile(rf"^\[({_TIME}\s*{_ARROW}\s*{_TIME})\](.*)$")
_ARROWS = re.compile(_ARROW)
_SBV_TIMING = re.compile(r"^\s*(\d+):(\d{1,2}):(\d{1,2})\.(\d{1,3}),(\d+):(\d{1,2}):(\d{1,2})\.(\d{1,3})\s*$")
_WORD_TIME = re.compile(r"<(?:(\d+):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})>")
_VOICE = re.compile(r"<v(?:\.[^\s<>]*)?[ \t]([^<>]{1,200})>")
_LINE_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_RUBY_TEXT = re.compile(r"<rt(?:\.[^>]*)?>.*?(?:</rt>|$)")  # pronunciation, printed above the words and not spoken
# The tags that players interpret; anything else between < and > is text.
_TAG = re.compile(r"</?(?:[bius]|br|em|strong|font|ruby|v|lang|c)(?:[.\s][^<>]*)?/?>", re.IGNORECASE)
_OVERRIDE = re.compile(r"\{\\[^{}]*\}|\{[yY]:[ibus]+\}")  # "{\an8}" of SubStation, "{y:i}" of MicroDVD
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")
_VTT_ASIDE = re.compile(r"(?:NOTE|STYLE|REGION)(?:[ \t]|$)")


@dataclass(frozen=True)
class Cue:
    """One cue as written in the file: bounds in seconds, text lines, and position in the file for messages."""

    start: float
    end: float
    lines: tuple[str, ...]
    place: str


def is_webvtt(text: str) -> bool:
    """Return whether the first line of a text is that of WebVTT."""
    return re.match(r"\ufeff?WEBVTT(?:[ \t\r\n]|$)", text) is not None


def has_cues(text: str) -> bool:
    """Return whether a text has timing lines of SRT, WebVTT or SBV."""
    return any(_is_timing(line) or _BRACKETED_TIMING.match(line) for line in text.splitlines())


def split_cues(text: str, *, path: Path, notes: Notes) -> tuple[Cue, ...]:
    """Split a subtitle file into its cues.

    Parameters
    ----------
    text : str
        Content of the file.
    path : Path
        For error messages.
    notes : Notes
        Receives the corrections that were made.

    Returns
    -------
    tuple of Cue
        In file order, without cues that have no text.

    Raises
    ------
    InputError
        If a timing line is malformed or a cue ends before it starts; the message names file and line.
    """
    webvtt = is_webvtt(text)
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if any(_BRACKETED_TIMING.match(line) for line in lines):
        lines = [part for line in lines for part in _unbracketed(line)]
    cues: list[Cue] = []
    beginning: list[str] = []
    outside: list[str] = []
    for number, timing, body in _blocks(lines, webvtt=webvtt):
        if not cues and not beginning:
            beginning = [line.strip() for line in lines[: number - 1] if line.strip()] or [""]
        bounds = _bounds(timing, webvtt=webvtt)
        if bounds is None:
            raise InputError(
                f"{path}, line {number}: {timing.strip()[:60]!r} is not a timing line such as "
                "'00:00:01,000 --> 00:00:02,500'; correct the line"
            )
        start, end = bounds
        if end < start:
            raise InputError(f"{path}, line {number}: the cue ends ({end:.3f} s) before it starts ({start:.3f} s)")
        if start < 0.0 and end <= 0.0:
            outside.append(" ".join(" ".join(body).split()))
            continue
        if start < 0.0:
            notes.add("Transcript: a cue that begins before the recording was taken to begin at 0 s.")
        if any(line.strip() for line in body):
            cues.append(Cue(max(start, 0.0), end, tuple(body), f"line {number}"))
    if outside:
        notes.add(f"Transcript: cues before the recording begins left out: {quoted(outside)}.")
    preamble = [] if webvtt else [line for line in beginning if line and not line.isdigit()]
    if preamble:
        notes.add(f"Transcript: text before the first cue left out: {quoted(preamble)}.")
    return tuple(cues)


def _unbracketed(line: str) -> tuple[str, ...]:
    match = _BRACKETED_TIMING.match(line)
    return (match[1], match[match.re.groups]) if match else (line,)


def _blocks(lines: Sequence[str], *, webvtt: bool) -> Iterator[tuple[int, str, list[str]]]:
    """Yield the number and text of each timing line and the text lines of its cue.

    The text of a cue may contain empty lines and extends to the next cue. A line of digits (in WebVTT: any line)
    directly before a timing line is the identifier of that cue.
    """
    aside = _asides(lines) if webvtt else [False] * len(lines)
    timings = [index for index, line in enumerate(lines) if not aside[index] and _is_timing(line)]
    for place, index in enumerate(timings):
        last = timings[place + 1] if place + 1 < len(timings) else len(lines)
        body = [
            line
            for line, passed_over in zip(lines[index + 1 : last], aside[index + 1 : last], strict=True)
            if not passed_over
        ]
        while body and not body[-1].strip():
            body.pop()
        if last == len(lines) and len(body) > 1 and body[-1].strip() == str(len(timings) + 1) and not body[-2].strip():
            body.pop()  # the number of a cue that is missing
        if last < len(lines) and body and lines[last - 1].strip() and not aside[last - 1]:
            alone = len(body) == 1 or not body[-2].strip()
            if body[-1].strip().isdigit() or (webvtt and alone):
                body.pop()
        yield index + 1, lines[index], body


def _is_timing(line: str) -> bool:
    """Return whether a line is a timing line, valid or damaged; an arrow alone may occur in text."""
    if "-->" in line:
        return _TIMING.match(line) is not None or _DAMAGED_TIMING.match(line) is not None
    if _ARROWS.search(line):  # "5 -> 6" may be text
        return len(re.findall("[:：]", line)) > 1 and _TIMING.match(line) is not None
    return _SBV_TIMING.match(line) is not None


def _asides(lines: Sequence[str]) -> list[bool]:
    """Return for each line whether it belongs to a NOTE, STYLE or REGION block, which ends at an empty line."""
    found: list[bool] = []
    inside = False
    for index, line in enumerate(lines):
        if line == "":
            inside = False
        elif index == 0 or lines[index - 1] == "":
            inside = _VTT_ASIDE.match(line) is not None
        found.append(inside)
    return found


def _bounds(line: str, *, webvtt: bool) -> tuple[float, float] | None:
    if match := _SBV_TIMING.match(line):
        parts = match.groups()
        return _seconds("", *parts[:4]), _seconds("", *parts[4:])
    match = _TIMING.match(line.partition("\t")[0] if webvtt else line)
    return (_seconds(*match.groups()[:5]), _seconds(*match.groups()[5:])) if match else None


def _seconds(
    sign: str | None, hours: str | None, minutes: str | None, seconds: str | None, fraction: str | None
) -> float:
    value = int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds or 0) + float(f"0.{fraction or 0}")
    return -value if sign == "-" else value


def has_word_times(cues: Sequence[Cue]) -> bool:
    """Return whether cues have word timestamps, as automatic captions in WebVTT do."""
    return any(_WORD_TIME.search(line) for cue in cues for line in cue.lines)


def plain(line: str) -> str:
    """Return the displayed text of a line: tags removed, entities resolved."""
    return _unescape(_TAG.sub("", _WORD_TIME.sub("", _without_overrides(line)))).strip()


def _without_overrides(line: str) -> str:
    return _RUBY_TEXT.sub("", _LINE_BREAK.sub(" ", _OVERRIDE.sub("", line)))


def _unescape(text: str) -> str:
    # html.unescape also resolves entities without a semicolon: "R&para" would lose letters.
    return _ENTITY.sub(lambda match: html.unescape(match[0]), text)


def to_passage(cue: Cue) -> Passage:
    """Convert a cue to a passage: words with timestamps and speaker where the cue has them."""
    texts: list[tuple[str, float | None, str | None]] = []
    lines: list[int] = []
    speaker: str | None = None
    start: float | None = None
    for line in cue.lines:
        lines.append(len(texts))
        voices = _VOICE.split(_without_overrides(line))  # text, name, text, name, text ...
        for place, piece in enumerate(voices):
            if place % 2:
                speaker = _unescape(piece).strip() or None
                continue
            parts = _WORD_TIME.split(piece)  # text, then four parts of a time and text, repeated
            for offset in range(0, len(parts), 5):
                if offset:
                    start = _seconds("", *parts[offset - 4 : offset])
                for token in _unescape(_TAG.sub("", parts[offset])).split():
                    texts.append((token, start, speaker))
                    start = None
    return Passage(
        start=cue.start,
        end=cue.end,
        tokens=_timed(texts, cue),
        lines=tuple(dict.fromkeys(place for place in lines if place < len(texts))) or (0,),
        place=cue.place,
    )


def _timed(texts: Sequence[tuple[str, float | None, str | None]], cue: Cue) -> tuple[Token, ...]:
    """Set the end of each word to the start of the next; the first word starts with its cue if others have times."""
    timed = any(start is not None for _, start, _ in texts)
    tokens: list[Token] = []
    for index, (text, own, speaker) in enumerate(texts):
        start = own if own is not None else cue.start if timed and index == 0 else None
        end = texts[index + 1][1] if index + 1 < len(texts) else cue.end
        known = start is not None and end is not None and end > start
        tokens.append(Token(text, start if known else None, end if known else None, speaker=speaker))
    return tuple(tokens)
