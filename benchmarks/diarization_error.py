"""Diarisation error rate: missed, invented and confused speech as a share of the speaking time.

Definition: NIST, "The 2009 (RT-09) Rich Transcription Meeting Recognition Evaluation Plan", section 4.2. A collar
around every reference boundary is not judged, nor, unless asked for, is overlapping speech; speakers are mapped one to
one so that they share most time.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

COLLAR = 0.25  # seconds on either side of a reference boundary

Turn = tuple[float, float, str]  # start and end in seconds, speaker


@dataclass(frozen=True)
class DiarizationError:
    """Seconds that were judged, missed, invented and confused, and how many speakers there are and were found."""

    spoken: float
    missed: float
    invented: float
    confused: float
    speakers: int
    found: int

    @property
    def rate(self) -> float:
        """Share of the speaking time that is wrong."""
        return (self.missed + self.invented + self.confused) / self.spoken if self.spoken else 0.0


def diarization_error(
    reference: Sequence[Turn], found: Sequence[Turn], *, collar: float = COLLAR, overlap: bool = False
) -> DiarizationError:
    """Compare turns with the truth.

    Parameters
    ----------
    reference, found : sequence of (start, end, speaker)
        In any order; overlapping or not.
    collar : float
        Seconds on either side of a reference boundary that are not judged.
    overlap : bool
        Whether time in which several reference speakers speak is judged.
    """
    boundaries = {time for start, end, _ in reference for time in (start, end)}
    edges = {time + shift for time in boundaries for shift in (-collar, 0.0, collar)}
    edges |= {time for start, end, _ in found for time in (start, end)}
    names = sorted({speaker for *_, speaker in reference})
    labels = sorted({speaker for *_, speaker in found})
    shared = np.zeros((len(names), len(labels)))
    pieces: list[tuple[float, set[str], set[str]]] = []
    for start, end in itertools.pairwise(sorted(edges)):
        middle = (start + end) / 2
        if any(abs(middle - boundary) < collar for boundary in boundaries):
            continue
        true = {speaker for first, last, speaker in reference if first <= middle < last}
        said = {speaker for first, last, speaker in found if first <= middle < last}
        if len(true) > 1 and not overlap:
            continue
        pieces.append((end - start, true, said))
        for name, label in itertools.product(true, said):
            shared[names.index(name), labels.index(label)] += end - start
    rows, columns = linear_sum_assignment(shared, maximize=True)
    mapped = {labels[column]: names[row] for row, column in zip(rows, columns, strict=True)}
    spoken = missed = invented = confused = 0.0
    for seconds, true, said in pieces:
        right = len(true & {mapped.get(label, "") for label in said})
        spoken += seconds * len(true)
        missed += seconds * max(0, len(true) - len(said))
        invented += seconds * max(0, len(said) - len(true))
        confused += seconds * (min(len(true), len(said)) - right)
    return DiarizationError(spoken, missed, invented, confused, len(names), len(labels))
