import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtmm_video.extractors.acoustic import dsp


def test_halves_are_rounded_away_from_zero() -> None:
    assert dsp.round_half_away([-1.5, -0.5, 0.5, 1.5, 2.5, 0.49]).tolist() == [-2, -1, 1, 2, 3, 0]


@given(st.floats(-1e4, 1e4))
def test_wrapped_angles_are_the_same_angle_within_half_a_turn(angle: float) -> None:
    wrapped = float(dsp.wrap(np.array([angle]))[0])
    assert abs(wrapped) <= np.pi + 1e-9
    assert np.exp(1j * wrapped) == pytest.approx(np.exp(1j * angle), abs=1e-9)


def test_hanning_has_no_zero_ends_and_blackman_has() -> None:
    assert dsp.hanning(5)[0] == pytest.approx(0.25)
    assert dsp.blackman(5)[[0, -1]] == pytest.approx([0, 0], abs=1e-15)
    assert dsp.hamming(5)[0] == pytest.approx(0.08)


def test_interpolation_is_undefined_outside_and_exact_half_way() -> None:
    at = np.array([0, 10, 15, 20, 21])
    out = dsp.interpolate(np.array([10, 20]), np.array([100.0, 131.0]), at)
    assert np.isnan(out[[0, -1]]).all()
    assert out[1:4].tolist() == [100, 115.5, 131]


def test_angles_are_interpolated_along_the_shorter_arc() -> None:
    out = dsp.interpolate_angles(np.array([0, 2]), np.array([3.0, -3.0]), np.array([1]))
    assert abs(out[0]) == pytest.approx(np.pi)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=12), st.integers(0, 2**32 - 1))
def test_values_that_come_in_runs_are_interpolated_as_all_at_once(lengths: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    count = sum(lengths)
    positions = 7 + np.cumsum(rng.integers(1, 5, count))
    values = rng.standard_normal((count, 2))
    at = np.arange(0, 8 + 5 * count)
    runs = dsp.RunInterpolation(positions, at)
    found, first = np.full((len(at), 2), np.nan), 0
    for length in lengths:
        rows, known = runs.add(values[first : first + length])
        found[rows] = known
        first += length
    assert np.array_equal(found, dsp.interpolate(positions, values, at), equal_nan=True)


def test_an_inverted_signal_is_read_as_its_negative() -> None:
    x = np.random.default_rng(0).standard_normal(50).astype(np.float32)
    inverted = dsp.Inverted(x)
    assert len(inverted) == 50
    assert np.array_equal(inverted[10:70], -x[10:])


def test_a_flat_top_counts_at_its_first_sample_or_in_rows_at_its_middle() -> None:
    v = np.array([0, 1, 3, 3, 3, 3, 1, 5, 5, 2, 2, 1.0])
    maxima, minima = dsp.local_extrema(v)
    assert (maxima.tolist(), minima.tolist()) == ([2, 7], [6])
    rows, bins = dsp.row_maxima(np.stack((v, v[::-1])))
    assert rows.tolist() == [0, 0, 1, 1]
    assert bins.tolist() == [3, 7, 3, 7]


def test_extrema_are_the_same_however_the_signal_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    v = np.round(np.random.default_rng(2).standard_normal(1000) * 2)
    maxima, minima = dsp.local_extrema(v)
    assert dsp.local_extrema(-v)[0].tolist() == minima.tolist()
    monkeypatch.setattr(dsp, "_CHUNK", 7)
    assert [found.tolist() for found in dsp.local_extrema(v)] == [maxima.tolist(), minima.tolist()]


def test_rows_sit_at_5_15_25_ms() -> None:
    assert dsp.grid_positions(401).tolist() == [80, 240, 400]
    assert dsp.grid_positions(399).tolist() == [80, 240]
