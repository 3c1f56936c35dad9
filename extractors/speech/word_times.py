"""Interpolated times for words without one: between their neighbours, in proportion to word length, and flagged."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from mtmm_video.extractors.speech.words import Word

SHORTEST_ROOM = 0.05  # seconds per word; in a shorter gap, a word shares the time of a neighbour

Span = tuple[float, float]


def fill_times(
    texts: Sequence[str],
    spans: Sequence[Span | None],
    *,
    start: float,
    end: float,
    probabilities: Sequence[float | None] | None = None,
) -> tuple[Word, ...]:
    """Make words, with the missing times interpolated between their neighbours and flagged.

    A run of words without times divides the gap between the previous and the next word in proportion to their lengths
    in letters. Without a gap (an aligner that gives a word no duration), the previous word, or at the beginning the
    next word, divides its time with the run and is flagged as well.

    Parameters
    ----------
    texts : sequence of str, length n
        The words in order.
    spans : sequence of (start, end) or None, length n
        Seconds; None where a word has no time. A span that ends before the previous word ends counts as None.
    start, end : float
        Seconds; bounds for words at the beginning and end of the sequence.
    probabilities : sequence of float or None, length n, optional
        Confidence of each word.

    Returns
    -------
    tuple of Word, length n
        In order of time, none overlapping the next.
    """
    spans = _in_order(spans)
    start = min([start, *(span[0] for span in spans if span is not None)])
    filled: list[Span] = []
    flagged = [span is None for span in spans]
    index = 0
    while index < len(texts):
        span = spans[index]
        if span is not None:
            filled.append(span)
            index += 1
            continue
        following = next((later for later in range(index, len(texts)) if spans[later] is not None), len(texts))
        left = filled[-1][1] if filled else start
        right = spans[following][0] if following < len(texts) else max(end, left)  # type: ignore[index]
        first = index
        if right - left < SHORTEST_ROOM * (following - index):
            if filled:
                first -= 1
                left = filled.pop()[0]
                right = max(left, right)
            elif following < len(texts):
                right = spans[following][1]  # type: ignore[index]
                following += 1
        for changed in range(first, following):
            flagged[changed] = True
        filled.extend(_share(texts[first:following], left, right))
        index = following
    return tuple(
        Word(text, span[0], span[1], None if probabilities is None else probabilities[index], flagged[index])
        for index, (text, span) in enumerate(zip(texts, filled, strict=True))
    )


def _in_order(spans: Sequence[Span | None]) -> list[Span | None]:
    ordered: list[Span | None] = []
    latest = float("-inf")
    for span in spans:
        if span is None or span[1] <= max(latest, span[0]):
            ordered.append(None)
        else:
            ordered.append((max(latest, span[0]), span[1]))
            latest = span[1]
    return ordered


def _share(texts: Sequence[str], start: float, end: float) -> list[Span]:
    lengths = [max(1, len(text)) for text in texts]
    whole = sum(lengths)
    marks = [start + (end - start) * before / whole for before in itertools.accumulate(lengths[:-1], initial=0)]
    return list(zip(marks, [*marks[1:], end], strict=True))
