"""Linear support vector machines on utterance means (Cortes and Vapnik, 1995), through scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.svm import LinearSVC

from mtmm_video.model.paper.baselines.classic import OnePerLabel
from mtmm_video.model.table import UtteranceTable


def fit_svm(table: UtteranceTable, *, seed: int) -> OnePerLabel:
    """Fit one machine per label on the train split."""

    def margin(model: Any, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        return np.asarray(model.decision_function(rows), dtype=np.float64)

    return OnePerLabel(table, make=lambda: LinearSVC(C=0.1, random_state=seed), margin=margin)
