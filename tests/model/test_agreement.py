"""Agreement beyond chance: the published examples, and scikit-learn where it has the figure."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score, f1_score

from mtmm_video.foundation.errors import InputError
from mtmm_video.model.agreement import FIGURES, alpha_of_two, confusion, krippendorff_alpha

_ = np.nan
# Krippendorff, "Computing Krippendorff's Alpha-Reliability", 2011, section C: four observers, twelve units.
PUBLISHED = (
    np.array(
        [
            [1, 2, 3, 3, 2, 1, 4, 1, 2, _, _, _],
            [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, _, 3],
            [_, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, _],
            [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, _],
        ]
    )
    - 1
)


@pytest.mark.parametrize(("level", "alpha"), [("nominal", 0.743), ("ordinal", 0.815)])
def test_krippendorffs_own_example(level, alpha):
    assert krippendorff_alpha(PUBLISHED, categories=5, level=level) == pytest.approx(alpha, abs=5e-4)


def test_two_raters_agree_as_scikit_learn_says():
    random = np.random.default_rng(3)
    truth = random.integers(0, 3, 200)
    other = np.where(random.random(200) < 0.6, truth, random.integers(0, 3, 200))
    counts = confusion(truth.astype(float), other.astype(float), categories=3)
    assert FIGURES["kappa"](counts) == pytest.approx(cohen_kappa_score(truth, other))
    assert FIGURES["f1_weighted"](counts) == pytest.approx(f1_score(truth, other, average="weighted"))
    assert FIGURES["f1_macro"](counts) == pytest.approx(f1_score(truth, other, average="macro"))
    both = np.stack([truth, other]).astype(float)
    for level in ("nominal", "ordinal"):
        whole = krippendorff_alpha(both, categories=3, level=level)
        assert alpha_of_two(counts, level=level) == pytest.approx(whole)


def test_far_misses_cost_more_only_where_the_order_counts():
    near = np.array([[0, 0, 1, 1, 2, 2], [0, 1, 1, 1, 2, 2]], dtype=float)
    far = np.array([[0, 0, 1, 1, 2, 2], [0, 2, 1, 1, 2, 2]], dtype=float)
    one, other = (krippendorff_alpha(pair, categories=3, level="ordinal") for pair in (near, far))
    assert one > other


def test_what_cannot_be_said_is_not_a_number():
    assert np.isnan(krippendorff_alpha(np.zeros((2, 5)), categories=2, level="nominal"))
    assert np.isnan(FIGURES["kappa"](confusion(np.zeros(4), np.zeros(4), categories=2)))
    with pytest.raises(InputError, match="0 to 1"):
        krippendorff_alpha(np.array([[0.0, 2.0], [1.0, 1.0]]), categories=2, level="nominal")
