"""The metrics of the paper, each with its formula and source; docs/metrics.md compares them.

All functions take truth and prediction of one class as arrays of shape (n,).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from mtmm_video.foundation.errors import InputError

Truth = NDArray[np.bool_]
CALIBRATION_BINS = 15  # Guo et al., ICML 2017, section 4


def counts(truth: Truth, predicted: Truth) -> tuple[int, int, int, int]:
    """Return true positives, false positives, true negatives and false negatives.

    Raises
    ------
    InputError
        If the two differ in length or are empty.
    """
    if truth.shape != predicted.shape or truth.ndim != 1:
        raise InputError(f"metrics: truth {truth.shape} and predicted {predicted.shape} must both have shape (n,)")
    if len(truth) == 0:
        raise InputError("metrics: nothing to evaluate (n = 0); the split is empty or has no such labels")
    truth, predicted = truth.astype(bool), predicted.astype(bool)
    true_positives = int((truth & predicted).sum())
    false_positives = int((~truth & predicted).sum())
    false_negatives = int((truth & ~predicted).sum())
    return (
        true_positives,
        false_positives,
        len(truth) - true_positives - false_positives - false_negatives,
        false_negatives,
    )


def accuracy(truth: Truth, predicted: Truth) -> float:
    """Compute the share of equal labels, (TP + TN) / n."""
    tp, fp, tn, fn = counts(truth, predicted)
    return (tp + tn) / (tp + fp + tn + fn)


def f1(truth: Truth, predicted: Truth) -> float:
    """Compute the F1 of the positive class, 2TP / (2TP + FP + FN); 0 without true and predicted positives.

    van Rijsbergen, "Information Retrieval", 1979.
    """
    tp, fp, _, fn = counts(truth, predicted)
    return 2 * tp / (2 * tp + fp + fn) if tp + fp + fn else 0.0


def f1_weighted(truth: Truth, predicted: Truth) -> float:
    """Average the F1 of the positive and of the negative class, weighted by their numbers of true utterances.

    This is the F1 of the paper's Tables 4 and 7 (scikit-learn's ``average="weighted"``); always-absent has 0.878 on
    fear.
    """
    share = float(truth.astype(bool).mean()) if len(truth) else 0.0
    return share * f1(truth, predicted) + (1 - share) * f1(~truth.astype(bool), ~predicted.astype(bool))


def f1_macro(truth: Truth, predicted: Truth) -> float:
    """Average the F1 of the positive and of the negative class with equal weights."""
    return (f1(truth, predicted) + f1(~truth.astype(bool), ~predicted.astype(bool))) / 2


def weighted_accuracy(truth: Truth, predicted: Truth) -> float:
    """Compute the accuracy with equal weight of both classes, (TP * N/P + TN) / 2N, the paper's W-Acc.

    Tong et al., "Combating Human Trafficking with Multimodal Deep Models", ACL 2017, section 5. P and N are the numbers
    of truly positive and negative utterances; the value is the mean of sensitivity and specificity. NaN if one class
    does not occur.
    """
    tp, fp, tn, fn = counts(truth, predicted)
    positives, negatives = tp + fn, tn + fp
    if not positives or not negatives:
        return math.nan
    return (tp * negatives / positives + tn) / (2 * negatives)


def area_under_roc(truth: Truth, scores: NDArray[np.floating]) -> float:
    """Compute the probability that a random positive scores above a random negative, ties counting half.

    Hanley and McNeil, Radiology 143, 1982. NaN if one class does not occur.
    """
    truth = truth.astype(bool)
    positives, negatives = int(truth.sum()), int((~truth).sum())
    if not positives or not negatives:
        return math.nan
    ranks = rankdata(scores)
    return float((ranks[truth].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def expected_calibration_error(truth: Truth, probabilities: NDArray[np.floating]) -> float:
    """Compute the mean distance between confidence and accuracy over `CALIBRATION_BINS` equal bins of confidence.

    Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, equation 3; confidence is the probability of the
    predicted label.

    Parameters
    ----------
    truth : ndarray of bool, shape (n,)
        True labels.
    probabilities : ndarray, shape (n,)
        Probability of the positive class.
    """
    predicted = probabilities >= 0.5
    return confidence_gap(predicted == truth.astype(bool), np.where(predicted, probabilities, 1 - probabilities))


def confidence_gap(correct: Truth, confidence: NDArray[np.floating]) -> float:
    """Return `expected_calibration_error` of any number of classes.

    Parameters
    ----------
    correct : ndarray of bool, shape (n,)
        Whether the label that was given is right.
    confidence : ndarray, shape (n,)
        Its probability.
    """
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    gaps = [
        abs(float(correct[bins == index].mean()) - float(confidence[bins == index].mean()))
        * float((bins == index).mean())
        for index in np.unique(bins)
    ]
    return float(sum(gaps))


def trivial(metric: Callable[[Truth, Truth], float], truth: Truth) -> float:
    """Compute the best value of a metric for a constant prediction: always absent or always present."""
    always = np.ones(len(truth), dtype=np.bool_)
    return max(metric(truth, always), metric(truth, ~always))
