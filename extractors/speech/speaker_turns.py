"""`SpeakerTurn` and `Diarization`: who speaks when."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class SpeakerTurn:
    """A speaker turn: start and end in seconds, index of the speaker from 0, confidence in [0, 1]."""

    start: float
    end: float
    speaker: int
    confidence: float


@dataclass(frozen=True)
class Diarization:
    """The speaker turns and overlapping speech of a recording.

    Attributes
    ----------
    turns : tuple of SpeakerTurn
        In order of time, not overlapping.
    overlap : ndarray, shape (n, 2)
        Start and end of the intervals with overlapping speech, in seconds.
    """

    turns: tuple[SpeakerTurn, ...]
    overlap: NDArray[np.float64]

    @classmethod
    def empty(cls) -> Diarization:
        """Return the diarisation of a recording without speech."""
        return cls((), np.zeros((0, 2)))
