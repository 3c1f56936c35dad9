"""Deduplication of roll-up captions, in which each cue repeats lines of the cue before.

YouTube's automatic captions and live television captions have this form. It is detected from the share of cues that
repeat the preceding cue without a pause: speakers repeat sentences, but not most of their lines.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

from mtmm_video.pipeline.transcripts.cues import Cue, has_word_times, plain
from mtmm_video.pipeline.transcripts.passages import Notes

_SHARE_OF_REPEATS = 0.5  # smallest share of repeats among cues that follow another without a pause
_LONGEST_PAUSE = 0.1  # seconds between a cue and one that repeats it
_FEWEST_CUES = 3
_FEWEST_WORDS = 3  # of a cue that only repeats the one before: "No." - "No." is said twice
_SHORTEST_CUE = 0.05  # seconds; programs that convert roll-up captions leave cues of 10 ms, which nobody can read


def without_repeats(cues: Sequence[Cue], *, notes: Notes) -> tuple[Cue, ...]:
    """Return cues with every line once, at the time of its first occurrence.

    Parameters
    ----------
    cues : sequence of Cue
        In order of time. Cues of files that are not roll-up captions are returned unchanged.
    notes : Notes
        Receives the remark that lines were repeated.
    """
    if not _rolls(cues):
        return tuple(cues)
    fresh: list[Cue] = []
    shown: tuple[str, ...] = ()
    for cue in cues:
        lines = tuple(line for line in cue.lines if plain(line))
        texts = tuple(plain(line) for line in lines)
        repeated = _repeated(shown, texts)
        new = list(lines[repeated:])
        if new and repeated == 0 and shown and _grows(shown[-1], texts[0]):
            new[0] = new[0][len(shown[-1]) :] if new[0].startswith(shown[-1]) else new[0]
        if len(new) < len(lines):
            notes.add("Transcript: it has roll-up captions, whose repeated lines were counted once.")
        if new:
            fresh.append(replace(cue, lines=tuple(new)))
        shown = texts or shown
    return tuple(fresh)


def _rolls(cues: Sequence[Cue]) -> bool:
    if has_word_times(cues):
        return True
    repeats = followed = 0
    for earlier, later in itertools.pairwise(cues):
        if later.start - earlier.end <= _LONGEST_PAUSE:
            followed += 1
            before = tuple(text for line in earlier.lines if (text := plain(line)))
            after = tuple(text for line in later.lines if (text := plain(line)))
            grown = bool(before) and bool(after) and _grows(before[-1], after[0])
            repeated = _repeated(before, after)
            shown = later.end - later.start > _SHORTEST_CUE
            only = shown and repeated == len(after) and len(" ".join(after).split()) < _FEWEST_WORDS
            repeats += (bool(repeated) and not only) or grown
    return len(cues) >= _FEWEST_CUES and followed > 0 and repeats >= _SHARE_OF_REPEATS * followed and repeats > 1


def _repeated(shown: Sequence[str], texts: Sequence[str]) -> int:
    """Return how many of the first lines are the last lines of the preceding cue."""
    return max(
        (count for count in range(1, len(texts) + 1) if tuple(texts[:count]) == tuple(shown[-count:])), default=0
    )


def _grows(shown: str, text: str) -> bool:
    """Return whether a line is the preceding one with words appended, as in word-by-word captions."""
    return text.startswith(f"{shown} ")
