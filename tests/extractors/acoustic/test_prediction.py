import numpy as np
import pytest
from scipy import signal
from signals import vowel

from mtmm_video.extractors.acoustic.iaif import glottal_flow
from mtmm_video.extractors.acoustic.lpc import RESIDUAL_ORDER, Residual, lpc, unscaled_residual
from mtmm_video.extractors.acoustic.polarity import polarity, skewness


def test_prediction_recovers_an_autoregressive_process() -> None:
    a = [1.0, -1.6, 0.81]
    v = signal.lfilter([1.0], a, np.random.default_rng(0).standard_normal(200_000))
    assert lpc(v, 2) == pytest.approx(a, abs=0.01)


def test_prediction_solves_the_normal_equations() -> None:
    v = np.random.default_rng(1).standard_normal(300).cumsum() * np.hanning(300)
    a = lpc(v, 18)
    r = np.correlate(v, v, "full")[299 : 299 + 19]
    matrix = r[np.abs(np.subtract.outer(np.arange(18), np.arange(18)))]
    assert matrix @ a[1:] == pytest.approx(-r[1:], rel=1e-6, abs=1e-6 * r[0])


def test_silence_has_no_prediction() -> None:
    assert lpc(np.zeros(50), 4).tolist() == [1, 0, 0, 0, 0]


@pytest.mark.parametrize(("start", "stop"), [(0, 500), (7_123, 15_000), (15_500, 16_000), (0, 16_000)])
def test_a_stretch_of_the_residual_is_that_of_the_whole(start: int, stop: int) -> None:
    x = vowel(100, 1.0, noise=1e-4)
    x[5_000:9_000] = 0  # digital silence: NaN
    whole, read = unscaled_residual(x, order=RESIDUAL_ORDER), Residual.of(x, order=RESIDUAL_ORDER)
    assert read.peak == np.nanmax(np.abs(whole))
    assert np.array_equal(read[start:stop], whole[start:stop] / read.peak, equal_nan=True)


def test_residual_keeps_the_period_and_is_scaled_to_one() -> None:
    x = vowel(100, 1.0)
    e = Residual.of(x, order=18)[:]
    assert np.abs(e).max() == pytest.approx(1)
    similarity = [np.dot(e[2000:10_000], e[2000 + lag : 10_000 + lag]) for lag in range(80, 240)]
    assert 80 + int(np.argmax(similarity)) == 160


def test_residual_of_digital_silence_is_undefined_there_only() -> None:
    x = vowel(100, 1.0)
    x[4000:8000] = 0
    e = Residual.of(x, order=18)[:]
    assert np.isnan(e[4500:7500]).all()
    assert np.isfinite(e[:3500]).all()
    assert np.isfinite(e[8500:]).all()


def test_polarity_follows_the_sign_of_the_recording() -> None:
    x = vowel(110, 1.5, rd=0.7)
    e = Residual.of(x, order=18)[:]
    assert polarity(x, e) == -polarity(-x, -e)


def test_skewness_of_an_exponential_is_two() -> None:
    v = np.random.default_rng(0).exponential(size=400_000)
    assert skewness([v[:1000], v[1000:]]) == pytest.approx(2, abs=0.05)
    assert skewness([np.zeros(10)]) == 0


def test_inverse_filtering_returns_the_glottal_pulse_that_was_put_in() -> None:
    from signals import lf_pulses

    closures = np.arange(160, 15_000, 160) + round(0.65 * 160)
    _, derivative = glottal_flow(vowel(100, 1.0, noise=1e-5), closures)
    truth = lf_pulses(100, 1.0)
    part = slice(4000, 12_000)
    assert abs(np.corrcoef(derivative[part], truth[part])[0, 1]) > 0.8
