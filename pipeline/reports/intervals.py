"""Times as annotation formats want them: whole milliseconds, in order, without overlap, none of them empty.

ELAN and Praat refuse tiers whose intervals overlap or have no length; transcripts from users may have both.
"""

from __future__ import annotations

from collections.abc import Sequence

from mtmm_video.pipeline.analysis import Analysis

Interval = tuple[int, int]  # milliseconds


def disjoint(
    intervals: Sequence[tuple[float, float]], *, shortest: Sequence[int], within: Interval | None = None
) -> list[Interval]:
    """Round intervals to milliseconds and push later ones back where they overlap earlier ones.

    Parameters
    ----------
    intervals : sequence of (float, float)
        Start and end in seconds, ordered by start.
    shortest : sequence of int
        The least length of each in milliseconds.
    within : (int, int) or None
        Milliseconds that all must lie in; it has to be at least as long as the sum of `shortest`.

    Returns
    -------
    list of (int, int)
        Milliseconds; each starts at or after the end of the one before.
    """
    low, high = within if within is not None else (0, None)
    room = sum(shortest)  # what the intervals still to come need at least
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
    """Return the utterances' intervals, each long enough for its words."""
    spans = [(entry.utterance.start, entry.utterance.end) for entry in analysis.utterances]
    return disjoint(spans, shortest=[max(1, len(entry.utterance.words)) for entry in analysis.utterances])


def word_intervals(analysis: Analysis) -> list[list[Interval]]:
    """Return the intervals of every utterance's words, inside those of `utterance_intervals`."""
    return [
        disjoint([(word.start, word.end) for word in words], shortest=[1] * len(words), within=whole)
        for words, whole in zip(
            (entry.utterance.words for entry in analysis.utterances), utterance_intervals(analysis), strict=True
        )
    ]
