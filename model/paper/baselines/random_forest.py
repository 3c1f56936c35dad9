"""Random forests on utterance means (Breiman, 2001), through scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit
from sklearn.ensemble import RandomForestClassifier

from mtmm_video.model.paper.baselines.classic import OnePerLabel
from mtmm_video.model.table import UtteranceTable

TREES = 200
LEAF = 5  # fewest training utterances in a leaf
LEAST = 1e-3  # keeps the log-odds of unanimous trees finite


def fit_random_forest(table: UtteranceTable, *, seed: int) -> OnePerLabel:
    """Fit one forest per label on the train split."""

    def margin(model: Any, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        share = np.clip(model.predict_proba(rows)[:, 1], LEAST, 1 - LEAST)
        return np.asarray(logit(share), dtype=np.float64)

    return OnePerLabel(
        table,
        make=lambda: RandomForestClassifier(TREES, min_samples_leaf=LEAF, random_state=seed, n_jobs=1),
        margin=margin,
    )
