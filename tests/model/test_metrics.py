"""The metrics against scikit-learn and against numbers worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn import metrics as reference

from mtmm_video.foundation.errors import InputError
from mtmm_video.model.metrics import (
    accuracy,
    area_under_roc,
    expected_calibration_error,
    f1,
    f1_macro,
    f1_weighted,
    trivial,
    weighted_accuracy,
)

GENERATOR = np.random.default_rng(5)
TRUTH = GENERATOR.random(400) < 0.2
SCORES = np.round(np.clip(0.3 * TRUTH + 0.5 * GENERATOR.random(400), 0, 1), 2)  # rounded, so that there are ties
PREDICTED = SCORES > 0.4


def test_against_scikit_learn():
    assert accuracy(TRUTH, PREDICTED) == pytest.approx(reference.accuracy_score(TRUTH, PREDICTED))
    assert f1(TRUTH, PREDICTED) == pytest.approx(reference.f1_score(TRUTH, PREDICTED))
    assert f1_weighted(TRUTH, PREDICTED) == pytest.approx(reference.f1_score(TRUTH, PREDICTED, average="weighted"))
    assert f1_macro(TRUTH, PREDICTED) == pytest.approx(reference.f1_score(TRUTH, PREDICTED, average="macro"))
    assert area_under_roc(TRUTH, SCORES) == pytest.approx(reference.roc_auc_score(TRUTH, SCORES))
    # Tong's weighted accuracy is the balanced accuracy under another name.
    assert weighted_accuracy(TRUTH, PREDICTED) == pytest.approx(reference.balanced_accuracy_score(TRUTH, PREDICTED))


def test_weighted_accuracy_by_hand():
    # P = 2, N = 3, TP = 1, TN = 2: (1 * 3/2 + 2) / 6 = 7/12.
    truth = np.array([True, True, False, False, False])
    predicted = np.array([True, False, True, False, False])
    assert weighted_accuracy(truth, predicted) == pytest.approx(7 / 12)


def test_weighted_f1_by_hand():
    # Positive: 2*1/(2+1+1) = 1/2, share 2/5. Negative: 2*2/(4+1+1) = 2/3, share 3/5.
    truth = np.array([True, True, False, False, False])
    predicted = np.array([True, False, True, False, False])
    assert f1_weighted(truth, predicted) == pytest.approx(0.4 * 0.5 + 0.6 * 2 / 3)


def test_always_absent_already_reaches_878_on_fear():
    # 385 of 4653 test utterances of MOSEI carry fear.
    truth = np.arange(4653) < 385
    assert trivial(f1_weighted, truth) == pytest.approx(0.878, abs=5e-4)
    assert trivial(weighted_accuracy, truth) == 0.5


def test_figures_of_one_class_alone_are_undefined_rather_than_zero():
    ones = np.ones(4, dtype=bool)
    assert math.isnan(weighted_accuracy(ones, ones))
    assert math.isnan(area_under_roc(ones, np.arange(4.0)))


def test_nothing_to_evaluate_is_an_error():
    with pytest.raises(InputError, match="nothing to evaluate"):
        accuracy(np.zeros(0, dtype=bool), np.zeros(0, dtype=bool))
    with pytest.raises(InputError, match="shape"):
        accuracy(np.zeros(2, dtype=bool), np.zeros(3, dtype=bool))


def test_calibration_error_of_an_honest_and_of_a_boastful_classifier():
    truth = np.arange(1000) < 700
    assert expected_calibration_error(truth, np.full(1000, 0.7)) == pytest.approx(0, abs=1e-9)
    assert expected_calibration_error(truth, np.full(1000, 1.0)) == pytest.approx(0.3)
    # A confident "absent" counts as confidence 0.9 in that label.
    assert expected_calibration_error(truth, np.full(1000, 0.1)) == pytest.approx(0.6)


def test_bins_of_confidence_count_by_their_share():
    """Half of the labels have 0.95 and are right four times in five, half have 0.55 and are right as often."""
    truth = np.concatenate([np.arange(1000) < 800, np.arange(1000) < 550])
    probabilities = np.repeat([0.95, 0.55], 1000)
    assert expected_calibration_error(truth, probabilities) == pytest.approx(0.5 * 0.15)


def test_f1_without_positives_is_zero():
    nothing = np.zeros(3, dtype=bool)
    assert f1(nothing, nothing) == 0.0
