"""Fitting of a transcript's times to the recording: unit, order, bounds, and passages beyond its end."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mtmm_video.extractors.speech.word_times import Span, fill_times
from mtmm_video.extractors.speech.words import Word
from mtmm_video.foundation.errors import InputError
from mtmm_video.pipeline.transcripts.passages import Notes, Passage, Token, quoted

# Seconds per word of a passage, at most. The slowest of MOSEI's 22,788 utterances has 4.6; a word list in milliseconds
# that is read as seconds has a hundred or more.
SLOWEST_WORD = 20.0
USUAL_WORD = 0.3  # seconds; English is spoken at about 200 words a minute
UNITS = {"milliseconds": 1e-3, "microseconds": 1e-6, "ticks of 100 ns": 1e-7}  # in seconds
ROUNDING = 0.5  # seconds by which an end may exceed the recording without a note: recognisers pad and round


def in_seconds(passages: Sequence[Passage], *, duration: float, notes: Notes) -> tuple[Passage, ...]:
    """Convert times in smaller units to seconds; times in seconds are returned unchanged.

    Times are no seconds if the median duration of a word would exceed `SLOWEST_WORD`, and there is more than one
    interval or all are whole numbers (a single interval with a fraction is taken for a segment with a wrong end). Of
    the `UNITS` in which the last word lies within the recording, it is that in which words last about `USUAL_WORD`.

    Parameters
    ----------
    passages : sequence of Passage
    duration : float
        Of the recording, in seconds.
    notes : Notes
        Receives what was done.
    """
    times = [time for passage in passages for time in _times(passage)]
    lengths = [length for passage in passages if (length := _seconds_per_word(passage)) is not None]
    telling = len(times) > 2 or all(time == round(time) for time in times)
    length = statistics.median(lengths) if lengths else 0.0
    fitting = {
        unit: factor for unit, factor in UNITS.items() if max(times, default=0.0) * factor <= duration + ROUNDING
    }
    if not telling or not fitting or length <= SLOWEST_WORD:
        return tuple(passages)
    unit = min(fitting, key=lambda each: abs(math.log(length * fitting[each] / USUAL_WORD)))
    notes.add(f"Transcript: its times are {unit}.")
    return tuple(_scaled(passage, fitting[unit]) for passage in passages)


def _times(passage: Passage) -> list[float]:
    own = [passage.start, passage.end]
    return [
        time for time in [*own, *(t for token in passage.tokens for t in (token.start, token.end))] if time is not None
    ]


def _seconds_per_word(passage: Passage) -> float | None:
    lengths = [token.end - token.start for token in passage.tokens if token.start is not None and token.end is not None]
    if lengths:
        return statistics.median(lengths)
    if passage.start is None or passage.end is None or not passage.tokens:
        return None
    return (passage.end - passage.start) / len(passage.tokens)


def _scaled(passage: Passage, factor: float) -> Passage:
    def scale(time: float | None) -> float | None:
        return None if time is None else time * factor

    return replace(
        passage,
        start=scale(passage.start),
        end=scale(passage.end),
        tokens=tuple(replace(token, start=scale(token.start), end=scale(token.end)) for token in passage.tokens),
    )


def in_order(passages: Sequence[Passage], *, duration: float, path: Path, notes: Notes) -> tuple[Passage, ...]:
    """Set the bounds of every passage and sort passages and their words by time.

    Words without a time stay after the word that they follow in the file, and passages without one after the passage
    that they follow: until the next one that has a time, with interpolated word times.

    Parameters
    ----------
    passages : sequence of Passage
        Without empty ones.
    duration : float
        Of the recording, in seconds.
    path : Path
        For messages.
    notes : Notes
        Receives what was done.

    Raises
    ------
    InputError
        If no passage has a time; the message names the place of the first.
    """
    ordered: list[Passage] = []
    for passage in passages:
        tokens = _tokens_in_order(passage.tokens)
        if tokens != passage.tokens:
            notes.add("Transcript: words that were not in the order of their times were put into it.")
        starts = [token.start for token in tokens if token.start is not None]
        ends = [token.end for token in tokens if token.end is not None]
        start = passage.start if passage.start is not None else min(starts, default=None)
        end = passage.end if passage.end is not None else max(ends, default=None)
        ordered.append(replace(passage, tokens=tokens, start=start, end=end))
    closed = sorted(_with_starts(ordered, path=path, notes=notes), key=lambda passage: passage.start or 0.0)
    for index, passage in enumerate(closed):
        if passage.end is None:  # ends at the next passage, the last one at the end of the recording
            later = closed[index + 1].start if index + 1 < len(closed) else duration
            closed[index] = replace(passage, end=max(passage.start or 0.0, later or 0.0))
    return tuple(closed)


def _with_starts(passages: Sequence[Passage], *, path: Path, notes: Notes) -> list[Passage]:
    """Let a passage without a start begin where the one before it in the file ends."""
    if all(passage.start is None for passage in passages):
        raise InputError(f"{path}: {passages[0].place} has no start and end in seconds")
    started: list[Passage] = []
    for index, passage in enumerate(passages):
        if passage.start is not None:
            started.append(passage)
            continue
        notes.add("Transcript: passages without a time were put between their neighbours.")
        following = next((each.start for each in passages[index + 1 :] if each.start is not None), None)
        before = started[-1] if started else None
        start = 0.0 if before is None else before.end if before.end is not None else before.start
        limits = [time for time in (start, following, passage.end) if time is not None]
        end = passage.end if passage.end is not None else following
        started.append(replace(passage, start=min(limits), end=end))
    return started


def _tokens_in_order(tokens: Sequence[Token]) -> tuple[Token, ...]:
    keys = []
    reached = float("-inf")
    for token in tokens:
        reached = token.start if token.start is not None else reached
        keys.append(reached)
    order = sorted(range(len(tokens)), key=keys.__getitem__)
    return tuple(tokens[index] for index in order)


def within(passages: Sequence[Passage], *, duration: float, path: Path, notes: Notes) -> tuple[Passage, ...]:
    """Remove passages before and after the recording, truncate one across its end, and add notes.

    Parameters
    ----------
    passages : sequence of Passage
        With bounds, in order.
    duration : float
        Of the recording, in seconds.
    path : Path
        For messages.
    notes : Notes
        Receives what was done.

    Raises
    ------
    InputError
        If nothing lies within the recording.
    """
    kept: list[Passage] = []
    before: list[str] = []
    beyond: list[str] = []
    crossing: list[str] = []
    for passage in passages:
        assert passage.start is not None and passage.end is not None
        if passage.end <= 0.0:  # negative times count as 0
            before.append(" ".join(token.text for token in passage.tokens))
            continue
        tokens = tuple(token for token in passage.tokens if token.start is None or token.start < duration)
        if passage.start >= duration or not tokens:
            beyond.append(" ".join(token.text for token in passage.tokens))
            continue
        if len(tokens) < len(passage.tokens):
            late = [token.text for token in passage.tokens if token.start is not None and token.start >= duration]
            beyond.append(" ".join(late))
        if passage.end > duration + ROUNDING:
            crossing.append(" ".join(token.text for token in tokens))
        clipped = tuple(
            replace(token, end=min(token.end, duration)) if token.end is not None else token for token in tokens
        )
        kept.append(replace(passage, end=min(passage.end, duration), tokens=clipped))
    if passages and not kept:
        raise InputError(
            f"{path}: all of its times lie {'before the start' if before else 'after the end'} of the recording "
            f"({duration:.1f} s); times are seconds from its start: give the transcript of this recording"
        )
    if before:
        notes.add(f"Transcript: passages before the recording begins left out: {quoted(before)}.")
    if beyond:
        notes.add(
            f"Transcript: {len(beyond)} passage{'s' * (len(beyond) > 1)} after the end of the recording "
            f"({duration:.1f} s) left out: {quoted(beyond)}."
        )
    if crossing:
        notes.add(
            f"Transcript: {len(crossing)} passage{'s' * (len(crossing) > 1)} across the end of the recording "
            f"({duration:.1f} s) cut there: {quoted(crossing)}."
        )
    return tuple(kept)


def interleaved(passages: Sequence[Passage]) -> tuple[Passage, ...]:
    """Join overlapping passages whose words all have times into one, with the words in order of time.

    People who talk at once, and channels of a recording, are such passages. Without word times, `placed` truncates.

    Parameters
    ----------
    passages : sequence of Passage
        With bounds, in order.
    """
    joined: list[Passage] = []
    for passage in passages:
        before = joined[-1] if joined else None
        assert passage.start is not None and passage.end is not None
        if (
            before is not None
            and passage.start < (before.end or 0.0)
            and all(token.start is not None for token in (*before.tokens, *passage.tokens))
        ):
            tokens = sorted((*before.tokens, *passage.tokens), key=lambda token: token.start or 0.0)
            end = max(before.end or 0.0, passage.end)
            joined[-1] = replace(before, end=end, tokens=tuple(tokens), lines=(0,))
        else:
            joined.append(passage)
    return tuple(joined)


def placed(passages: Sequence[Passage]) -> list[tuple[Passage, float, float, tuple[Word, ...]]]:
    """Set non-overlapping bounds of passages and the times of their words.

    Words without a time are interpolated within their passage in proportion to their length, and flagged. Of
    overlapping passages, the earlier ends at the start of the later, because utterances do not overlap.

    Parameters
    ----------
    passages : sequence of Passage
        With bounds, in order, none empty.

    Returns
    -------
    list of (Passage, float, float, tuple of Word)
        Start and end in seconds.
    """
    found: list[tuple[Passage, float, float, tuple[Word, ...]]] = []
    reached = 0.0
    for index, passage in enumerate(passages):
        assert passage.start is not None and passage.end is not None
        start, end = max(passage.start, reached), passage.end
        if index + 1 < len(passages):
            following = passages[index + 1].start
            assert following is not None
            end = min(end, following if following > start else (start + end) / 2)
        end = max(start, end)
        words = _words(passage, start=start, end=end)
        found.append((passage, start, end, words))
        reached = max(end, words[-1].end)
    return found


def _words(passage: Passage, *, start: float, end: float) -> tuple[Word, ...]:
    spans: list[Span | None] = [
        (max(start, token.start), token.end) if token.start is not None and token.end is not None else None
        for token in passage.tokens
    ]
    words = fill_times(
        [token.text for token in passage.tokens],
        spans,
        start=start,
        end=end,
        probabilities=[token.probability for token in passage.tokens],
    )
    return tuple(
        replace(word, interpolated=word.interpolated or token.interpolated)
        for word, token in zip(words, passage.tokens, strict=True)
    )
