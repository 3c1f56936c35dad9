"""`Anchor`: how far the change counts that a voice or a face makes to what the words say.

The network learns voices and faces from actors, so an everyday voice can look like a faint imitation of an acted one.
What a modality adds to an output is a log-odds ratio; here it is measured against what it adds on natural speech, not
acted (the usual reference of a likelihood ratio: Brümmer and du Preez, Computer Speech and Language 2006).
Within the natural spread next to nothing of it counts, far outside nearly all; the map is monotone, so it never changes
the order in which two voices come over the same words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mtmm_video.model.network_shape import Task

if TYPE_CHECKING:
    from torch import Tensor  # reading a specification needs no torch

Shifts = Mapping[Task, NDArray[np.float64]]  # per task (u, width): of logits, sentiment as one margin
ORDINARY = 3.5  # spreads of natural speech; a shift of so many counts half (docs/plus.md, section 6)
SMALLEST_SPREAD = 0.05  # log-odds; below, natural recordings were too few to tell


@dataclass(frozen=True)
class Anchor:
    """What one modality adds to each output on natural speech.

    Attributes
    ----------
    center, spread : mapping of Task to tuple of float
        Per output of the task, in the unit of its logits; sentiment has one, the margin of positive over negative.
    """

    center: Mapping[Task, tuple[float, ...]]
    spread: Mapping[Task, tuple[float, ...]]

    @classmethod
    def fit(cls, recordings: Sequence[Shifts]) -> Anchor:
        """Estimate both from natural recordings, each of which counts the same however long it is.

        Parameters
        ----------
        recordings : sequence of Shifts
            One per recording: what the modality adds to the utterances' outputs.
        """
        center: dict[Task, tuple[float, ...]] = {}
        spread: dict[Task, tuple[float, ...]] = {}
        for task in recordings[0]:
            middle = np.mean([shifts[task].mean(axis=0) for shifts in recordings], axis=0)  # (width,)
            square = np.mean([((shifts[task] - middle) ** 2).mean(axis=0) for shifts in recordings], axis=0)
            center[task] = tuple(float(value) for value in middle)
            spread[task] = tuple(float(value) for value in np.maximum(np.sqrt(square), SMALLEST_SPREAD))
        return cls(center=center, spread=spread)

    def weigh(self, task: Task, shift: Tensor) -> Tensor:
        """Return how much of a shift counts, in its unit.

        Parameters
        ----------
        task : Task
            Whose outputs are shifted.
        shift : Tensor, shape (..., width)
            What the modality adds.
        """
        spread = shift.new_tensor(self.spread[task])
        z = (shift - shift.new_tensor(self.center[task])) / spread
        return spread * z**3 / (z**2 + ORDINARY**2)
