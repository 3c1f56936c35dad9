"""What must hold of every row of a corpus before hours of work: its file is there, holds its times, and is new."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mtmm_video.foundation.errors import MediaError
from mtmm_video.pipeline.corpora.segment import LabelledSegment, Problem
from mtmm_video.pipeline.media.reading import probe

SLACK = 0.5  # seconds that a segment may end after its file: containers round, and annotators drag to the very end


def check_segments(segments: Sequence[LabelledSegment]) -> tuple[list[LabelledSegment], list[Problem]]:
    """Sort the rows that can be used from those that cannot.

    A file is looked into where a row has times, once. A file without a row's times is only looked for: a clip that
    cannot be decoded fails by itself later and stops no other.

    Returns
    -------
    good : list of LabelledSegment
    problems : list of Problem
        Missing files, times outside the file, rows that were there before.
    """
    good: list[LabelledSegment] = []
    problems: list[Problem] = []
    durations: dict[Path, float | str] = {}
    seen: dict[tuple[object, ...], str] = {}
    names: dict[str, str] = {}
    for segment in segments:
        reason = _reason(segment, durations=durations, seen=seen, names=names)
        if reason is None:
            good.append(segment)
        else:
            problems.append(Problem(segment.origin, reason))
    return good, problems


def _reason(
    segment: LabelledSegment,
    *,
    durations: dict[Path, float | str],
    seen: dict[tuple[object, ...], str],
    names: dict[str, str],
) -> str | None:
    if not segment.file.is_file():
        return f"{segment.file}: no such file"
    place = (segment.file.resolve(), segment.start, segment.end)
    if place in seen:
        return f"is the same utterance as {seen[place]}; keep one of them"
    if segment.name in names:
        return f"is named {segment.name} as {names[segment.name]} is; give each an id of its own"
    if segment.end is not None:
        duration = _duration(segment.file, durations)
        if isinstance(duration, str):
            return duration
        if segment.start is not None and segment.start >= duration:
            return f"starts at {segment.start:g} s, where {segment.file.name} is over ({duration:.1f} s)"
        if segment.end > duration + SLACK:
            return f"ends at {segment.end:g} s, {segment.file.name} at {duration:.1f} s"
    seen[place] = names[segment.name] = segment.origin
    return None


def _duration(file: Path, durations: dict[Path, float | str]) -> float | str:
    if file not in durations:
        try:
            durations[file] = probe(file).duration
        except MediaError as error:
            durations[file] = str(error)
    return durations[file]
