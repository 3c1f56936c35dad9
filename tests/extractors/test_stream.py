"""`FeatureStream` refuses what a model must never see."""

import numpy as np
import pytest

from mtmm_video.extractors.stream import FeatureStream
from mtmm_video.foundation.errors import InputError


def stream(values: np.ndarray, valid: np.ndarray | None = None) -> FeatureStream:
    valid = np.ones(values.shape, dtype=bool) if valid is None else valid
    return FeatureStream(
        times=np.arange(len(values)) * 0.01, values=values, names=("F0", "VUV"), valid=valid, version="test/1"
    )


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_never_enter_unmarked(bad: float) -> None:
    with pytest.raises(InputError, match="NaN or Inf"):
        stream(np.array([[100.0, 1.0], [bad, 0.0]]))


def test_a_column_that_was_never_measured_is_not_present() -> None:
    valid = np.array([[True, False], [True, False]])
    assert stream(np.ones((2, 2)), valid).present.tolist() == [True, False]


def test_unmeasured_values_read_as_nan_not_as_zero() -> None:
    valid = np.array([[True, True], [False, True]])
    column = stream(np.array([[120.0, 1.0], [0.0, 0.0]]), valid).column("F0")
    assert column[0] == 120.0
    assert np.isnan(column[1])


def test_an_unknown_column_names_the_ones_there_are() -> None:
    with pytest.raises(InputError, match="F0, VUV"):
        stream(np.ones((2, 2))).column("AU12")


def test_shapes_must_agree() -> None:
    with pytest.raises(InputError, match="shape"):
        stream(np.ones((2, 3)))
