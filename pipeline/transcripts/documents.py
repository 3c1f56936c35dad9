"""Parsing of SubStation (ASS, SSA), SAMI, TTML and Whisper's TSV, and detection of unsupported formats."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from mtmm_video.foundation.errors import InputError
from mtmm_video.pipeline.transcripts.passages import Contents, Passage, Token, tokens_of

_MILLISECONDS = 1000.0  # a second
_WAY_OUT = "export it as SRT or WebVTT and give that"
# Unsupported formats that users may supply as transcripts: first bytes or a pattern of the content, and name.
_REFUSED_BYTES = (
    (b"PK\x03\x04", "a document of an office program (DOCX, XLSX, ODT)"),
    (b"%PDF", "a PDF"),
    (b"{\\rtf", "an RTF document"),
    (b"\xd0\xcf\x11\xe0", "a document of an old office program (DOC, XLS)"),
    (b"RIFF", "a sound or video file"),
    (b"ID3", "a sound file"),
    (b"\x1aE\xdf\xa3", "a Matroska or WebM video"),
    (b"\x00\x00\x01\xba", "DVD subtitles, which are pictures,"),
)
_REFUSED_TEXTS = (
    (re.compile(r"\s*File type\s*=\s*\"ooTextFile", re.I), "a TextGrid of Praat"),
    (re.compile(r"\s*(?:<\?xml[^>]*>\s*)?<ANNOTATION_DOCUMENT"), "an ELAN file (EAF)"),
    (re.compile(r"\s*(?:<\?xml[^>]*>\s*)?<(?:Trans|!DOCTYPE Trans)\b"), "a Transcriber file (TRS)"),
    (re.compile(r"\s*@UTF8|\s*@Begin", re.I), "a CHAT transcript (CHA)"),
    (re.compile(r"\s*\{\d+\}\{\d+\}"), "MicroDVD, which counts pictures and not seconds,"),
    (re.compile(r"\s*\[\d+\]\[\d+\]"), "MPL2"),
    (re.compile(r"(?:\s*\[[a-z]+:[^\]]*\])*\s*\[\d{1,3}:\d{2}(?:[.:]\d{1,3})?\]", re.I), "LRC, which has no ends,"),
    (re.compile(r"\s*\d{1,2}:\d{2}:\d{2}:.{1,80}\r?\n\s*\d{1,2}:\d{2}:\d{2}:"), "TMPlayer, which has no ends,"),
    (re.compile(r"\s*Scenarist_SCC", re.I), "Scenarist captions (SCC)"),
    (re.compile(r"\s*(?:<\?xml[^>]*>\s*)?<(?:timedtext|transcript)\b"), "YouTube's XML captions"),
    (re.compile(r"\s*<(?:!DOCTYPE\s+html|html)\b", re.I), "a web page"),
    (re.compile(r"\s*#EXTM3U"), "a playlist"),
    # A paragraph lasts up to a minute: words that are spread over it would have the voice and face of other words.
    (
        re.compile(r"\s*\S[^\n]{0,60}?[ \t]+(?:\d{1,2}:)?\d{1,2}:\d{2}[ \t]*\r?\n[^\n]*\S"),
        "a text with the starts of its paragraphs only, as Otter's,",
    ),
)
_SECTION = re.compile(r"^\[[^\]\n]*\]\s*$", re.MULTILINE)


def name_refused(content: bytes) -> str | None:
    """Return the error text for a file of a known unsupported format, from its bytes; None for any other file."""
    for beginning, title in _REFUSED_BYTES:
        if content.startswith(beginning):
            return f"is {title}, not a transcript with times; {_WAY_OUT}"
    if content[4:8] == b"ftyp":
        return f"is an MP4 file, not a transcript with times; {_WAY_OUT}"
    if re.match(rb"\d{3}STL\d\d\.01", content):
        return f"is an EBU STL file; {_WAY_OUT}"
    return None


def name_refused_text(text: str) -> str | None:
    """Return the error text for a text of a known unsupported format; None for any other text."""
    for pattern, title in _REFUSED_TEXTS:
        if pattern.match(text):
            return f"is {title} and cannot be read; {_WAY_OUT}"
    return None


def read(text: str, *, path: Path) -> Contents | None:
    """Read a transcript in one of these formats.

    Parameters
    ----------
    text : str
        Content of the file.
    path : Path
        For messages.

    Returns
    -------
    Contents or None
        None if the text has none of these formats.

    Raises
    ------
    InputError
        If it is damaged.
    """
    beginning = text[:4096].lstrip("\ufeff \t\r\n")
    if re.search(r"^\s*\[(?:script info|events)\]\s*$", text[:65536], re.IGNORECASE | re.MULTILINE):
        return Contents("SubStation (ASS)", _substation(text, path=path), subtitles=True)
    if re.match(r"<SAMI\b", beginning, re.IGNORECASE):
        return Contents("SAMI", _pysubs2(text, "sami", path=path), subtitles=True)
    if re.match(r"(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:\w+:)?tt\b", beginning, re.DOTALL):
        return Contents("TTML", _ttml(text, path=path), subtitles=True)
    if re.match(r"start\tend\ttext\r?\n", beginning):
        return Contents("TSV of whisper", _whisper_table(text, path=path))
    return None


def _substation(text: str, *, path: Path) -> tuple[Passage, ...]:
    """Parse the [Events] section alone, so that damaged styles and fonts cause no error."""
    sections = list(_SECTION.finditer(text))
    for index, match in enumerate(sections):
        if match[0].strip().casefold() == "[events]":
            end = sections[index + 1].start() if index + 1 < len(sections) else len(text)
            events = text[match.start() : end]
            is_ssa = re.search(r"^Format:\s*Marked\b", events, re.IGNORECASE | re.MULTILINE) is not None
            return _pysubs2(events, "ssa" if is_ssa else "ass", path=path)
    raise InputError(f"{path}: is a SubStation file without [Events]; {_WAY_OUT}")


def _pysubs2(text: str, file_format: str, *, path: Path) -> tuple[Passage, ...]:
    import pysubs2  # noqa: PLC0415 (only these formats need it)

    try:
        events = pysubs2.SSAFile.from_string(text, format_=file_format).events
    except (pysubs2.exceptions.Pysubs2Error, ValueError, KeyError, IndexError, TypeError) as error:
        raise InputError(f"{path}: is damaged ({error}); {_WAY_OUT}") from error
    passages = []
    for number, event in enumerate(events, start=1):
        if event.is_comment or event.is_drawing or event.end < event.start:
            continue
        start, end = (max(time, 0) / _MILLISECONDS for time in (event.start, event.end))
        lines = event.plaintext.splitlines()
        passages.append(_passage(start, end, lines, speaker=event.name.strip() or None, place=f"event {number}"))
    return tuple(passages)


def _passage(start: float | None, end: float | None, lines: list[str], *, speaker: str | None, place: str) -> Passage:
    tokens: list[Token] = []
    begins: list[int] = []
    for line in lines:
        found = tokens_of(line, speaker=speaker)
        if found:
            begins.append(len(tokens))
            tokens.extend(found)
    return Passage(start, end, tuple(tokens), lines=tuple(begins) or (0,), place=place)


def _whisper_table(text: str, *, path: Path) -> tuple[Passage, ...]:
    passages = []
    for number, line in enumerate(text.splitlines()[1:], start=2):
        parts = line.split("\t", 2)
        if not line.strip():
            continue
        if len(parts) < 3 or not (parts[0].isdigit() and parts[1].isdigit()):
            raise InputError(
                f"{path}, line {number}: is not a row of start, end (milliseconds) and text; correct the line"
            )
        start, end = int(parts[0]) / _MILLISECONDS, int(parts[1]) / _MILLISECONDS
        passages.append(_passage(start, max(start, end), [parts[2]], speaker=None, place=f"line {number}"))
    return tuple(passages)


# W3C, "Timed Text Markup Language 2", 2018, section 12: clock times, offsets, frames.
_TTML_CLOCK = re.compile(r"(\d{2,}):(\d{2}):(\d{2})(?:(\.\d+)|:(\d{2,})(?:\.\d+)?)?")
_TTML_OFFSET = re.compile(r"(\d+(?:\.\d+)?)(h|ms|m|s|f|t)")
_XML = "{http://www.w3.org/XML/1998/namespace}"


def _ttml(text: str, *, path: Path) -> tuple[Passage, ...]:
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise InputError(f"{path}: defines XML entities, which are not supported in transcripts; {_WAY_OUT}")
    try:
        root = ElementTree.fromstring(re.sub(r"^\s*<\?xml[^>]*>", "", text.lstrip("\ufeff")))  # noqa: S314 (no entities)
    except ElementTree.ParseError as error:
        raise InputError(f"{path}, line {error.position[0]}: is not TTML ({error}); correct the line") from error
    parameters = {_local(key): value for key, value in root.attrib.items()}
    rate = _number(parameters.get("frameRate"), 30.0)
    multiplier = (parameters.get("frameRateMultiplier") or "1 1").split()
    if len(multiplier) == 2:
        rate *= _number(multiplier[0], 1.0) / _number(multiplier[1], 1.0)
    clock = _Clock(path, rate, _number(parameters.get("tickRate"), rate))
    agents = {
        agent.get(f"{_XML}id", ""): "".join(name.text or "" for name in agent if _local(name.tag) == "name").strip()
        for agent in root.iter()
        if _local(agent.tag) == "agent"
    }
    passages: list[Passage] = []
    for element, start, end in _timed(root, clock, 0.0, None):
        agent = next((value for key, value in element.attrib.items() if _local(key) == "agent"), "")
        lines = [" ".join(line.split()) for line in _shown(element).split("\n")]
        place = f"<p> {len(passages) + 1}"
        passages.append(_passage(start, end, lines, speaker=agents.get(agent) or agent or None, place=place))
    return tuple(passages)


class _Clock:
    """Parser of the time expressions of one TTML file."""

    def __init__(self, path: Path, frame_rate: float, tick_rate: float) -> None:
        self._path = path
        self._units = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "f": 1.0 / frame_rate, "t": 1.0 / tick_rate}

    def seconds(self, expression: str | None) -> float | None:
        if expression is None:
            return None
        if match := _TTML_CLOCK.fullmatch(expression.strip()):
            hours, minutes, seconds, fraction, frames = match.groups()
            whole = int(hours) * 3600 + int(minutes) * 60 + int(seconds)
            return whole + float(fraction or 0.0) + int(frames or 0) * self._units["f"]
        if match := _TTML_OFFSET.fullmatch(expression.strip()):
            return float(match[1]) * self._units[match[2]]
        raise InputError(f"{self._path}: {expression[:40]!r} is not a TTML time expression; correct it")


def _timed(
    element: ElementTree.Element, clock: _Clock, offset: float, limit: float | None
) -> Iterator[tuple[ElementTree.Element, float, float | None]]:
    """Yield every paragraph with start and end in seconds; TTML times are relative to the start of the parent."""
    begin, end, length = (clock.seconds(element.get(key)) for key in ("begin", "end", "dur"))
    start = offset + (begin or 0.0)
    ends = [limit, None if end is None else offset + end, None if length is None else start + length]
    last = min((value for value in ends if value is not None), default=None)
    if _local(element.tag) == "p":
        spans = [child for child in element if child.get("begin") is not None]
        if begin is not None or not spans:
            yield element, start, last
            return
    for child in element:
        yield from _timed_child(child, clock, start, last)


def _timed_child(
    child: ElementTree.Element, clock: _Clock, offset: float, limit: float | None
) -> Iterator[tuple[ElementTree.Element, float, float | None]]:
    if _local(child.tag) == "span" and child.get("begin") is not None:
        begin, end, length = (clock.seconds(child.get(key)) for key in ("begin", "end", "dur"))
        start = offset + (begin or 0.0)
        ends = [limit, None if end is None else offset + end, None if length is None else start + length]
        yield child, start, min((value for value in ends if value is not None), default=None)
        return
    yield from _timed(child, clock, offset, limit)


def _shown(element: ElementTree.Element) -> str:
    """Return the text of a paragraph with its line breaks."""
    parts = [element.text or ""]
    for child in element:
        tag = _local(child.tag)
        parts.append("\n" if tag == "br" else "" if tag == "metadata" else _shown(child))
        parts.append(child.tail or "")
    return "".join(part if part == "\n" else part.replace("\n", " ") for part in parts) if element.tag else ""


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _number(text: str | None, default: float) -> float:
    try:
        value = float(text) if text else default
    except ValueError:
        return default
    return value if value > 0 else default
