"""Selection of the probability thresholds of the emotions, on the valid split.

The best threshold of a finite split depends on chance, so labels are asked for calibration only: a threshold is the
best one for utterances whose labels are drawn with the calibrated probabilities (the expected F1; decision-theoretic
selection, Ye et al., ICML 2012). On halves of MOSEI's valid split that it was not chosen on, that gives more than the
best threshold on the labels (docs/plus.md, section 3). Few labels cannot calibrate; then their best threshold is taken.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from mtmm_video.model.labels import EMOTIONS
from mtmm_video.model.metrics import Truth

GRID = np.round(np.arange(0.01, 1.0, 0.01), 2)  # (99,)
PAPER_F1_THRESHOLD = 0.4  # paper, Table 5
PAPER_WEIGHTED_ACCURACY_THRESHOLD = 0.2  # paper, Table 5
# Labelled utterances from which calibration is trusted: MOSEI's valid split has 1,861. With 130 of RAVDESS the
# probabilities are too timid: the best thresholds on the labels reach an F1 of 89.7 on an unseen actor, those expected
# 85.5.
ENOUGH_TO_CALIBRATE = 1000
SMOOTHING = 2.0  # standard deviation in steps of the grid
PURPOSES = ("label", "f1_weighted", "weighted_accuracy")


def sweep(truth: Truth | NDArray[np.float64], probabilities: NDArray[np.floating]) -> dict[str, NDArray[np.float64]]:
    """Compute the metric of each purpose at every threshold of `GRID`, each of shape (99,).

    ``label`` is the macro F1, which penalises labelling an emotion always or never; ``f1_weighted`` and
    ``weighted_accuracy`` are the paper's, see `model.metrics`.

    Parameters
    ----------
    truth : ndarray, shape (n,)
        Labels; or the probability of each, and counts are replaced by their expectations.
    probabilities : ndarray, shape (n,)
        What the thresholds apply to.
    """
    predicted = probabilities[None, :] >= GRID[:, None]  # (99, n)
    positive, n = float(truth.sum()), float(len(truth))
    negative = n - positive
    tp = (predicted * truth).sum(axis=1).astype(np.float64)
    fp = predicted.sum(axis=1) - tp
    fn, tn = positive - tp, negative - fp
    present = 2 * tp / np.maximum(2 * tp + fp + fn, 1)
    absent = 2 * tn / np.maximum(2 * tn + fp + fn, 1)
    return {
        "label": (present + absent) / 2,
        "f1_weighted": (positive * present + negative * absent) / n,
        "weighted_accuracy": (tp / max(positive, 1.0) + tn / max(negative, 1.0)) / 2,
    }


def best_threshold(scores: NDArray[np.float64]) -> float:
    """Return the threshold with the best smoothed score; of several equal ones, the middle one.

    Parameters
    ----------
    scores : ndarray, shape (99,)
        Metric at every threshold of `GRID`; smoothing removes random peaks.
    """
    smooth = gaussian_filter1d(scores, SMOOTHING, mode="nearest")
    best = np.flatnonzero(smooth >= smooth.max() - 1e-12)
    return float(GRID[best[len(best) // 2]])


def prevalence_threshold(truth: Truth) -> float:
    """Return the share of the utterances with an emotion, rounded to `GRID`.

    For calibrated probabilities it maximises the weighted accuracy: the decision rule is
    p / share > (1 - p) / (1 - share), which is p > share.
    """
    return float(GRID[np.abs(GRID - float(truth.mean())).argmin()])


def choose_thresholds(
    truth: NDArray[np.floating], probabilities: NDArray[np.floating]
) -> Mapping[str, Mapping[str, float]]:
    """Choose a threshold per purpose and emotion.

    Parameters
    ----------
    truth : ndarray, shape (n, 7)
        Labels of the valid split; NaN rows are ignored. Of many only the shares of the emotions are used.
    probabilities : ndarray, shape (n, 7)
        Calibrated probabilities of the same rows.

    Returns
    -------
    mapping of purpose to mapping of emotion to float
        In the format of `Specification.thresholds`.
    """
    chosen: dict[str, dict[str, float]] = {purpose: {} for purpose in PURPOSES}
    for index, emotion in enumerate(EMOTIONS):
        known = ~np.isnan(truth[:, index])
        present, likely = truth[known, index] >= 0.5, probabilities[known, index].astype(np.float64)
        scores = sweep(likely if len(likely) >= ENOUGH_TO_CALIBRATE else present, likely)
        for purpose in ("label", "f1_weighted"):
            chosen[purpose][emotion] = best_threshold(scores[purpose])
        chosen["weighted_accuracy"][emotion] = prevalence_threshold(present)
    return chosen
