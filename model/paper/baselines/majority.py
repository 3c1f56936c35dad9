"""The trivial baseline: the frequency of each label in the train split, constant over utterances."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from mtmm_video.model.network_shape import Task
from mtmm_video.model.scores import Logits
from mtmm_video.model.table import UtteranceTable

LEAST = 1e-3  # keeps the log-odds of a label that never or always occurs finite


def fit_majority(table: UtteranceTable, *, seed: int) -> Majority:
    """Count the labels of the train split."""
    labels = table.split("train").labels
    return Majority(
        positive=float(np.nanmean(labels.sentiment)) if not np.isnan(labels.sentiment).all() else None,
        emotion=np.nanmean(labels.emotion, axis=0) if not np.isnan(labels.emotion).all() else None,
    )


class Majority:
    """Constant log-odds."""

    def __init__(self, *, positive: float | None, emotion: NDArray[np.float32] | None) -> None:
        self.positive = positive
        self.emotion = emotion

    def logits(self, table: UtteranceTable) -> Logits:
        """Return the same log-odds for each of the table's n rows."""
        found: dict[Task, NDArray[np.float32]] = {}
        if self.positive is not None:
            odds = float(logit(np.clip(self.positive, LEAST, 1 - LEAST)))
            found["sentiment"] = np.tile(np.asarray([0.0, odds], dtype=np.float32), (len(table), 1))
        if self.emotion is not None:
            found["emotion"] = np.tile(
                logit(np.clip(self.emotion, LEAST, 1 - LEAST)).astype(np.float32), (len(table), 1)
            )
        return found
