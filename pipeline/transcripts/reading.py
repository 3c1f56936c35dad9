"""Transcripts from the user, as an alternative to speech recognition: SRT, WebVTT, and JSON with or without word times.

Supported JSON layouts:

* ``{"utterances": [{"start", "end", "text", "words"?, "speaker"?}]}``, the layout of the JSON report: bounds are kept;
* ``{"segments": [{"start", "end", "text", "words"?, "speaker"?}]}``, as written by whisper, faster-whisper, WhisperX;
* ``{"words": [{"word" or "text", "start"?, "end"?}]}`` or such a list alone.

All but the first, and all subtitles, are segmented by `pipeline.segmentation.segment`, because the length of a cue is
that of a line on the screen, not of a sentence.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mtmm_video.extractors.speech.word_times import Span, fill_times
from mtmm_video.extractors.speech.words import Word
from mtmm_video.foundation.errors import InputError
from mtmm_video.pipeline.segmentation import segment
from mtmm_video.pipeline.transcripts.cues import read_cues
from mtmm_video.pipeline.utterance import Utterance

LONGEST_TRANSCRIPT = 64 * 2**20  # bytes; a day of speech with word times has 20 MB, most videos are larger
SUPPORTED = "SRT, WebVTT, or JSON with utterances, segments or words"  # for error messages


@dataclass(frozen=True)
class _Passage:
    """A cue or segment of a transcript, with the times of its words if the file has them."""

    start: float
    end: float
    texts: tuple[str, ...]
    spans: tuple[Span | None, ...]
    probabilities: tuple[float | None, ...]
    flagged: tuple[bool, ...]
    speakers: tuple[str | None, ...]

    def words(self, *, start: float, end: float) -> tuple[Word, ...]:
        """Return the words of the passage, none before `start`; missing times are interpolated up to `end`."""
        spans = [None if span is None else (max(start, span[0]), span[1]) for span in self.spans]
        words = fill_times(self.texts, spans, start=start, end=end, probabilities=self.probabilities)
        return tuple(
            replace(word, interpolated=word.interpolated or flag)
            for word, flag in zip(words, self.flagged, strict=True)
        )


def read_transcript(path: Path) -> tuple[Utterance, ...]:
    """Read a transcript.

    Words without a time are distributed over their cue or segment in proportion to their length, and flagged. Of two
    overlapping passages, the earlier one is cut at the start of the later one.

    Parameters
    ----------
    path : Path
        UTF-8 or UTF-16; SRT, which specifies no encoding, also Windows-1252. The format is detected from the content.

    Returns
    -------
    tuple of Utterance
        In order of time, not overlapping; with speakers if the file has them.

    Raises
    ------
    InputError
        If the file is missing, of another format, damaged, or without words. The message names the line, or the path
        in the JSON.
    """
    text = _read_text(path)
    beginning = text.lstrip()[:1]
    if beginning in ("{", "["):
        bounded, passages = _json_passages(text, path=path)
    elif "-->" in text:
        bounded, passages = False, _cue_passages(text, path=path)
    else:
        raise InputError(f"{path}: is not a transcript; give {SUPPORTED}")
    if not passages:
        raise InputError(f"{path}: has no words; omit --transcript to have them recognised")
    placed = _placed(passages)
    if bounded:
        return tuple(
            Utterance(
                index,
                start=min(start, words[0].start),
                end=max(end, words[-1].end),
                text=" ".join(word.text for word in words),
                words=words,
                speaker=passage.speakers[0],
            )
            for index, (passage, start, end, words) in enumerate(placed)
        )
    speakers = [speaker for passage, *_ in placed for speaker in passage.speakers]
    return segment([word for *_, words in placed for word in words], speakers=speakers)


def _read_text(path: Path) -> str:
    try:
        if path.stat().st_size > LONGEST_TRANSCRIPT:
            raise InputError(f"{path}: is too large for a transcript; give {SUPPORTED}")
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read as a transcript ({error.strerror}); check the path") from error
    if not content.strip():
        raise InputError(f"{path}: is empty; give {SUPPORTED}")
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        if b"\0" in content or b"-->" not in content or content.startswith(b"WEBVTT"):
            raise InputError(
                f"{path}, line {line}: is not {encoding.removesuffix('-sig').upper()} text; give {SUPPORTED}"
            ) from error
        try:
            text = content.decode("cp1252")
        except UnicodeDecodeError:
            raise InputError(f"{path}, line {line}: is neither UTF-8 nor Windows-1252; save it as UTF-8") from error
    if "\0" in text:
        raise InputError(f"{path}: is not text; give {SUPPORTED}")
    return text


def _cue_passages(text: str, *, path: Path) -> list[_Passage]:
    passages = []
    for cue in read_cues(text, path=path):
        spans: list[Span | None] = []
        for index, word in enumerate(cue.words):
            later = cue.words[index + 1].start if index + 1 < len(cue.words) else cue.end
            first = cue.start if index == 0 and later is not None and len(cue.words) > 1 else None
            begin = word.start if word.start is not None else first
            spans.append((begin, later) if begin is not None and later is not None and later > begin else None)
        passages.append(
            _Passage(
                start=cue.start,
                end=cue.end,
                texts=tuple(word.text for word in cue.words),
                spans=tuple(spans),
                probabilities=(None,) * len(cue.words),
                flagged=(False,) * len(cue.words),
                speakers=tuple(word.speaker for word in cue.words),
            )
        )
    return passages


def _json_passages(text: str, *, path: Path) -> tuple[bool, list[_Passage]]:
    """Return whether the file bounds utterances, and its passages in order of time."""
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{path}, line {error.lineno}: is not JSON ({error.msg})") from error
    except RecursionError as error:
        raise InputError(f"{path}: is nested too deeply for a transcript") from error
    if isinstance(content, Mapping):
        for key in ("utterances", "segments"):
            if isinstance(content.get(key), list):
                entries = [
                    _passage(entry, place=f"{key}[{index}]", path=path) for index, entry in enumerate(content[key])
                ]
                found = [entry for entry in entries if entry is not None]
                return key == "utterances", sorted(found, key=lambda passage: passage.start)
        content = content.get("words", content)
    if isinstance(content, list):
        passage = _passage({"words": content}, place="", path=path)
        return False, [] if passage is None else [passage]
    raise InputError(f"{path}: has no utterances, segments or words; give {SUPPORTED}")


def _passage(entry: object, *, place: str, path: Path) -> _Passage | None:
    if not isinstance(entry, Mapping):
        raise InputError(f"{path}: {place} is not an object with start, end and text")
    start, end = _time(entry, "start", place=place, path=path), _time(entry, "end", place=place, path=path)
    speaker = entry.get("speaker")
    written = entry.get("words")
    if not isinstance(written, list) or not written:
        text = entry.get("text")
        if not isinstance(text, str):
            raise InputError(f"{path}: {place} has neither words nor text")
        written = [{"word": token} for token in text.split()]
    texts: list[str] = []
    spans: list[Span | None] = []
    probabilities: list[float | None] = []
    flagged: list[bool] = []
    speakers: list[str | None] = []
    for index, word in enumerate(written):
        spot = f"{place}.words[{index}]".lstrip(".")
        if not isinstance(word, Mapping):
            raise InputError(f"{path}: {spot} is not an object with word, start and end")
        text = word.get("word", word.get("text"))
        if not isinstance(text, str):
            raise InputError(f"{path}: {spot} has no word")
        if not any(character.isalnum() for character in text):
            continue
        first, last = _time(word, "start", place=spot, path=path), _time(word, "end", place=spot, path=path)
        if first is not None and last is not None and last < first:
            raise InputError(f"{path}: {spot} ends ({last} s) before it starts ({first} s)")
        # Several words in one entry get its time.
        tokens = text.split()
        texts.extend(tokens)
        spans.extend([(first, last) if first is not None and last is not None else None] * len(tokens))
        flagged.extend([word.get("interpolated") is True] * len(tokens))
        score = word.get("probability", word.get("score"))
        valid = isinstance(score, int | float) and not isinstance(score, bool) and 0 <= score <= 1
        probabilities.extend([float(score) if valid else None] * len(tokens))
        voice = word.get("speaker", speaker)
        speakers.extend([None if voice is None else str(voice)] * len(tokens))
    if not texts:
        return None
    timed = [span for span in spans if span is not None]
    start = start if start is not None else timed[0][0] if timed else None
    end = end if end is not None else timed[-1][1] if timed else None
    if start is None or end is None:
        raise InputError(f"{path}: {place or 'words'} has no start and end in seconds")
    if end < start:
        raise InputError(f"{path}: {place} ends ({end} s) before it starts ({start} s)")
    return _Passage(start, end, tuple(texts), tuple(spans), tuple(probabilities), tuple(flagged), tuple(speakers))


def _time(entry: Mapping[str, object], key: str, *, place: str, path: Path) -> float | None:
    value = entry.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise InputError(f"{path}: {place} has {key} {value!r}; times are seconds from the start, 0 or more")
    return float(value)


def _placed(passages: Sequence[_Passage]) -> list[tuple[_Passage, float, float, tuple[Word, ...]]]:
    """Resolve overlaps: return each passage with its final bounds and words."""
    placed: list[tuple[_Passage, float, float, tuple[Word, ...]]] = []
    reached = 0.0
    for index, passage in enumerate(passages):
        start, end = max(passage.start, reached), passage.end
        if index + 1 < len(passages):
            following = passages[index + 1].start
            end = min(end, following if following > start else (start + end) / 2)
        end = max(start, end)
        words = passage.words(start=start, end=end)
        placed.append((passage, start, end, words))
        reached = max(end, words[-1].end)
    return placed
