"""Common parts of the classic classifiers: flat, normalised rows and one classifier per label."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtmm_video.model.labels import EMOTION_CLASSES
from mtmm_video.model.network_shape import Task
from mtmm_video.model.scores import Logits
from mtmm_video.model.specification import Columns
from mtmm_video.model.table import UtteranceTable
from mtmm_video.model.training import fit_columns

Margin = Callable[[Any, NDArray[np.float32]], NDArray[np.float64]]


def flat_rows(table: UtteranceTable, columns: dict[Any, Columns]) -> NDArray[np.float32]:
    """Return all modalities concatenated and normalised, shape (n, sum of d); absent values are 0."""
    return np.concatenate(
        [entry.prepare(table.modalities[name], speakers=table.speaker_of_row)[0] for name, entry in columns.items()],
        axis=1,
    )


class OnePerLabel:
    """Independent binary classifiers, one per label, on flat rows; no context across utterances."""

    def __init__(self, table: UtteranceTable, *, make: Callable[[], Any], margin: Margin) -> None:
        train = table.split("train")
        self.columns = fit_columns(train, tuple(train.modalities))
        self.margin = margin
        rows = flat_rows(train, self.columns)
        targets = np.concatenate([train.labels.sentiment[:, None], train.labels.emotion], axis=1)  # (n, 8)
        self.models: list[Any] = []
        for index in range(targets.shape[1]):
            known = ~np.isnan(targets[:, index])
            truth = targets[known, index] >= 0.5
            if len(np.unique(truth)) == 2:
                self.models.append(make().fit(rows[known], truth))
            else:
                self.models.append(float(np.sign(truth[0] - 0.5)) if len(truth) else None)

    def logits(self, table: UtteranceTable) -> Logits:
        """Return log-odds-like margins for each of the table's n rows.

        A label that all or none of the training utterances have gets the same margin everywhere; tasks without labels
        are left out.
        """
        rows = flat_rows(table, self.columns)
        found: dict[Task, NDArray[np.float32]] = {}
        if self.models[0] is not None:
            margin = self._margin(self.models[0], rows)
            found["sentiment"] = np.stack([np.zeros_like(margin), margin], axis=1).astype(np.float32)
        if all(model is not None for model in self.models[1:]):
            found["emotion"] = np.stack([self._margin(model, rows) for model in self.models[1:]], axis=1).astype(
                np.float32
            )
            assert found["emotion"].shape[1] == len(EMOTION_CLASSES)
        return found

    def _margin(self, model: Any, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        return np.full(len(rows), model) if isinstance(model, float) else self.margin(model, rows)
