"""Intervals for annotation formats: in whole milliseconds, ordered, disjoint and not empty.

ELAN and Praat reject tiers with overlapping or empty intervals; transcripts from users can have both.
"""

from __future__ import annotations

from collections.abc import Sequence

from mtmm_video.pipeline.analysis import Analysis

Interval = tuple[int, int]  # milliseconds


def disjoint(
    intervals: Sequence[tuple[float, float]], *, shortest: Sequence[int], within: Interval | None = None
) -> list[Interval]:
    """Round intervals to milliseconds and delay those that overlap earlier ones.

    Parameters
    ----------
    intervals : sequence of (float, float)
        Start and end in seconds, ordered by start.
    shortest : sequence of int
        The minimum length of each in milliseconds.
    within : (int, int) or None
        Interval in milliseconds that bounds all; at least as long as the sum of `shortest`.

    Returns
    -------
    list of (int, int)
        Milliseconds; each starts at or after the end of the previous one.
    """
    low, high = within if within is not None else (0, None)
    room = sum(shortest)  # minimum length of the remaining intervals
    found = []
    for (start, end), least in zip(intervals, shortest, strict=True):
        first = max(round(start * 1000), low)
        if high is not None:
            first = min(first, high - room)
        room -= least
        last = max(round(end * 1000), first + least)
        if high is not None:
            last = min(last, high - room)
        found.append((first, last))
        low = last
    return found


def utterance_intervals(analysis: Analysis) -> list[Interval]:
    """Return the interval of every utterance, with at least 1 ms for each of its words; speakers may overlap."""
    found: dict[int, Interval] = {}
    of_speaker: dict[str | None, list[int]] = {}
    for position, entry in enumerate(analysis.utterances):
        of_speaker.setdefault(entry.utterance.speaker, []).append(position)
    for positions in of_speaker.values():
        utterances = [analysis.utterances[position].utterance for position in positions]
        spans = [(utterance.start, utterance.end) for utterance in utterances]
        intervals = disjoint(spans, shortest=[max(1, len(utterance.words)) for utterance in utterances])
        found |= dict(zip(positions, intervals, strict=True))
    return [found[position] for position in range(len(found))]


def word_intervals(analysis: Analysis) -> list[list[Interval]]:
    """Return the intervals of the words of every utterance, inside those of `utterance_intervals`."""
    return [
        disjoint([(word.start, word.end) for word in words], shortest=[1] * len(words), within=whole)
        for words, whole in zip(
            (entry.utterance.words for entry in analysis.utterances), utterance_intervals(analysis), strict=True
        )
    ]
