"""The map from measurements of a face to seven expressions, fitted on labelled photographs.

A multinomial logistic regression over the measurements of every photograph, each once as it is and once as a video
would show it (face 45 to 120 pixels wide, JPEG-compressed). Contempt has nine photographs and is left out. Evidence is
shifted so that the frames of three MOSEI videos have the mean evidence that FACET has over CMU-MOSEI.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtmm_video.extractors.visual.calibration import EXPRESSIONS, LARGEST_DEVIATION, ExpressionMap, log_odds
from mtmm_video.pipeline.training.face_measurements import Photographs, VideoMeasurements

LABELS = ("anger", "disgust", "fear", "happy", "neutral", "sad", "surprise")  # in the order of EXPRESSIONS
INVERSE_STRENGTH = 0.01  # scikit-learn's C, chosen by the log loss of the left-out folds among .003, .01, .03, .1
FOLDS = 5
ITERATIONS = 1000  # at most


def labelled(photographs: Photographs) -> tuple[Photographs, NDArray[np.int64]]:
    """Return the photographs with one of the seven expressions, and their index in `LABELS`, shape (n,)."""
    known = np.flatnonzero(np.isin(photographs.emotions, LABELS))
    kept = Photographs(
        sharp=photographs.sharp[known],
        rough=photographs.rough[known],
        emotions=tuple(photographs.emotions[row] for row in known),
        persons=tuple(photographs.persons[row] for row in known),
    )
    return kept, np.array([LABELS.index(emotion) for emotion in kept.emotions])


def fit_regression(rows: NDArray[np.float32], labels: NDArray[np.int64]) -> ExpressionMap:
    """Fit the regression, without a shift.

    Parameters
    ----------
    rows : ndarray, shape (n, m)
        Measurements.
    labels : ndarray, shape (n,)
        Indices in `LABELS`.
    """
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415  slow to import

    centre, scale = rows.mean(axis=0), rows.std(axis=0) + 1e-6
    deviations = np.clip((rows - centre) / scale, -LARGEST_DEVIATION, LARGEST_DEVIATION)
    model = LogisticRegression(C=INVERSE_STRENGTH, max_iter=ITERATIONS).fit(deviations, labels)
    return ExpressionMap(
        centre=centre.astype(np.float32),
        scale=scale.astype(np.float32),
        weights=model.coef_.T.astype(np.float32),
        bias=model.intercept_.astype(np.float32),
        shift=np.zeros(len(EXPRESSIONS), np.float32),
    )


def fit_expressions(photographs: Photographs) -> ExpressionMap:
    """Fit the regression on all photographs, without a shift."""
    kept, labels = labelled(photographs)
    return fit_regression(np.concatenate([kept.sharp, kept.rough]), np.concatenate([labels, labels]))


def mean_evidence(model: ExpressionMap, videos: Sequence[VideoMeasurements]) -> NDArray[np.float64]:
    """Return the mean evidence over the frames of each video, averaged over videos, shape (7,)."""
    return np.asarray(np.mean([log_odds(model.logits(video.rows)).mean(axis=0) for video in videos], axis=0))


def left_out_figures(photographs: Photographs) -> pd.DataFrame:
    """Return how well expressions of people in no other fold are recognised, five folds by person.

    Returns
    -------
    DataFrame
        Rows: the photographs, and their copies as in a video. Columns: accuracy, balanced accuracy, mean area under the
        ROC curve, and the area of each expression.
    """
    from sklearn.metrics import balanced_accuracy_score, roc_auc_score  # noqa: PLC0415  slow to import
    from sklearn.model_selection import GroupKFold  # noqa: PLC0415

    kept, labels = labelled(photographs)
    copies = {"photograph": kept.sharp, "as in a video": kept.rough}
    left_out = {name: np.zeros((len(labels), len(LABELS))) for name in copies}
    for train, test in GroupKFold(FOLDS).split(kept.sharp, labels, kept.persons):
        model = fit_regression(
            np.concatenate([kept.sharp[train], kept.rough[train]]), np.concatenate([labels[train], labels[train]])
        )
        for name, rows in copies.items():
            left_out[name][test] = model.logits(rows[test])
    found = {}
    for name, logits in left_out.items():
        odds, guessed = log_odds(logits.astype(np.float32)), logits.argmax(axis=1)
        areas = [float(roc_auc_score(labels == column, odds[:, column])) for column in range(len(LABELS))]
        found[name] = {
            "accuracy": float(np.mean(guessed == labels)),
            "balanced": float(balanced_accuracy_score(labels, guessed)),
            "mean area": float(np.mean(areas)),
            **dict(zip(EXPRESSIONS, areas, strict=True)),
        }
    return pd.DataFrame.from_dict(found, orient="index")
