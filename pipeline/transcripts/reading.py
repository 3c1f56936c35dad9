"""Transcripts of the user's own in place of speech recognition: SRT, WebVTT, and JSON with or without word times.

What is read of a JSON file:

* ``{"utterances": [{"start", "end", "text", "words"?, "speaker"?}]}``, as our own report has it: the bounds are kept;
* ``{"segments": [{"start", "end", "text", "words"?, "speaker"?}]}``, as whisper, faster-whisper and WhisperX write it;
* ``{"words": [{"word" or "text", "start"?, "end"?}]}`` or such a list alone.

All but the first, and all subtitles, are cut into utterances by `pipeline.segmentation.segment`: a cue is as long as a
screen is wide, not as long as a thought.
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

LONGEST_TRANSCRIPT = 64 * 2**20  # bytes; a day of speech with word times has 20 MB, a video is larger
FORMATS = "SRT, WebVTT, or JSON with utterances, segments or words"


@dataclass(frozen=True)
class _Passage:
    """A piece of a transcript between two times, with the words' own times where the file has them."""

    start: float
    end: float
    texts: tuple[str, ...]
    spans: tuple[Span | None, ...]
    probabilities: tuple[float | None, ...]
    flagged: tuple[bool, ...]
    speakers: tuple[str | None, ...]

    def words(self, *, start: float, end: float) -> tuple[Word, ...]:
        """Return the passage's words, those without times between `start` and `end`, none before `start`."""
        spans = [None if span is None else (max(start, span[0]), span[1]) for span in self.spans]
        words = fill_times(self.texts, spans, start=start, end=end, probabilities=self.probabilities)
        return tuple(
            replace(word, interpolated=word.interpolated or flag)
            for word, flag in zip(words, self.flagged, strict=True)
        )


def read_transcript(path: Path) -> tuple[Utterance, ...]:
    """Read a transcript.

    Words without a time of their own are put into their cue or segment, longer words longer, and flagged. Of passages
    that overlap, the earlier ends where the later begins: utterances are one at a time.

    Parameters
    ----------
    path : Path
        UTF-8 or UTF-16; SRT, which knows no encoding, also Windows-1252. The content decides the format, not the name.

    Returns
    -------
    tuple of Utterance
        In order of time, not overlapping; speakers where the file gives them.

    Raises
    ------
    InputError
        If the file is missing, is none of these formats, is damaged, or holds no words. The message names the line, or
        the place in the JSON.
    """
    text = _read_text(path)
    beginning = text.lstrip()[:1]
    if beginning in ("{", "["):
        bounded, passages = _json_passages(text, path=path)
    elif "-->" in text:
        bounded, passages = False, _cue_passages(text, path=path)
    else:
        raise InputError(f"{path}: is no transcript; give {FORMATS}")
    if not passages:
        raise InputError(f"{path}: holds no words; leave --transcript out to have them recognised")
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
            raise InputError(f"{path}: is too large for a transcript; give {FORMATS}")
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read as a transcript ({error.strerror}); check the path") from error
    if not content.strip():
        raise InputError(f"{path}: is empty; give {FORMATS}")
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        if b"\0" in content or b"-->" not in content or content.startswith(b"WEBVTT"):
            raise InputError(
                f"{path}, line {line}: is not {encoding.removesuffix('-sig').upper()} text; give {FORMATS}"
            ) from error
        try:
            text = content.decode("cp1252")
        except UnicodeDecodeError:
            raise InputError(f"{path}, line {line}: is neither UTF-8 nor Windows-1252; save it as UTF-8") from error
    if "\0" in text:
        raise InputError(f"{path}: is not text; give {FORMATS}")
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
        raise InputError(f"{path}, line {error.lineno}: is no JSON ({error.msg})") from error
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
    raise InputError(f"{path}: has no utterances, segments or words; give {FORMATS}")


def _passage(entry: object, *, place: str, path: Path) -> _Passage | None:
    if not isinstance(entry, Mapping):
        raise InputError(f"{path}: {place} is no object with start, end and text")
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
            raise InputError(f"{path}: {spot} is no object with word, start and end")
        text = word.get("word", word.get("text"))
        if not isinstance(text, str):
            raise InputError(f"{path}: {spot} has no word")
        if not any(character.isalnum() for character in text):
            continue
        first, last = _time(word, "start", place=spot, path=path), _time(word, "end", place=spot, path=path)
        if first is not None and last is not None and last < first:
            raise InputError(f"{path}: {spot} ends ({last} s) before it starts ({first} s)")
        # Several words in one entry share its time.
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
    """Give each passage its bounds and words, one passage after the other."""
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
