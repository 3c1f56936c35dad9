import numpy as np
import pytest
from scipy import optimize
from scipy.integrate import quad

from mtmm_video.extractors.acoustic.liljencrants_fant import LfShape, lf_shape, lf_spectrum
from mtmm_video.extractors.acoustic.rd import HIGHEST, LOWEST, bounded_minimum, estimate_rd, minimum_phase_matrix
from mtmm_video.extractors.acoustic.sinusoids import Harmonics

# Rd, t_e, t_p, t_a, alpha, epsilon from the closed form of Fant (1995)
TABLE = np.array(
    [
        [0.3, 0.352248, 0.279695, 0.0044, 10.038710, 227.272727],
        [0.7, 0.555010, 0.424774, 0.0236, 4.266143, 42.372881],
        [1.0, 0.650015, 0.484363, 0.0380, 2.806519, 26.313155],
        [2.0, 0.781579, 0.535328, 0.0860, 0.980303, 10.438554],
        [2.5, 0.789783, 0.519936, 0.1100, 0.563734, 7.006859],
    ]
)


def pulse(t: float, shape: LfShape) -> float:
    t_p, t_e, t_a = shape.opening_peak[0], shape.closure[0], shape.return_phase[0]
    alpha, eps, omega = shape.growth[0], shape.decay[0], np.pi / shape.opening_peak[0]
    if t < t_e:
        return float(-np.exp(alpha * (t - t_e)) * np.sin(omega * t) / np.sin(omega * t_e))
    assert t_p < t_e
    return float(-(np.exp(-eps * (t - t_e)) - np.exp(-eps * (1 - t_e))) / (eps * t_a))


def test_lf_shapes_match_the_closed_form() -> None:
    shape = lf_shape(TABLE[:, 0])
    ours = np.stack((shape.closure, shape.opening_peak, shape.return_phase, shape.growth, shape.decay), axis=1)
    assert ours == pytest.approx(TABLE[:, 1:], rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("rd", [0.4, 1.0, 2.3])
def test_the_flow_returns_to_zero_and_the_spectrum_is_that_of_the_waveform(rd: float) -> None:
    shape = lf_shape(np.array([rd]))
    points = [float(shape.closure[0])]

    def integral(weight: object) -> float:
        return quad(lambda t: pulse(t, shape) * weight(t), 0, 1, points=points, limit=400)[0]  # type: ignore[operator]

    assert integral(lambda t: 1.0) == pytest.approx(0, abs=1e-8)
    spectrum = lf_spectrum(shape, np.array([1, 3]))[0]
    for k, value in zip((1, 3), spectrum, strict=True):
        real = integral(lambda t, k=k: np.cos(2 * np.pi * k * t))
        imaginary = -integral(lambda t, k=k: np.sin(2 * np.pi * k * t))
        assert value == pytest.approx(real + 1j * imaginary, abs=1e-6)


def test_the_compiled_search_follows_scipys() -> None:
    rng = np.random.default_rng(0)
    rd = np.linspace(LOWEST, HIGHEST, 881)
    models = np.sin(rng.uniform(1, 9, (60, 1, 2)) * rd[:, None] + rng.uniform(0, 6, (60, 1, 2))) + 0.3 * rd[:, None]
    measured = rng.uniform(-3, 3, (60, 2))
    points, values = bounded_minimum(measured, models, np.arange(60))
    same = 0
    for i in range(60):

        def cost(v: float, i: int = i) -> float:
            left = measured[i] + [np.interp(v, rd, column) for column in models[i].T]
            return float(np.mean(np.angle(np.exp(1j * left)) ** 2))

        alone, value, _, _ = optimize.fminbound(cost, LOWEST, HIGHEST, xtol=0.01, maxfun=32, full_output=True)
        # Whether the last step, a third of the tolerance, is taken depends on rounding.
        assert points[i] == pytest.approx(alone, abs=0.01 / 3)
        assert values[i] == pytest.approx(value, abs=1e-3)
        same += points[i] == pytest.approx(alone, abs=1e-9)
    assert same > 50


def test_the_phase_of_a_minimum_phase_filter_is_recovered_from_its_magnitude() -> None:
    last = 200
    response = 1 / (1 - 0.7 * np.exp(-1j * np.pi * np.arange(last + 1) / last))
    phase = np.log(np.abs(response)) @ minimum_phase_matrix(last)
    assert phase == pytest.approx(np.angle(response[:9]), abs=1e-9)


@pytest.mark.parametrize("rd", [0.8, 1.2])
def test_rd_of_a_frame_that_is_the_models_conjugate_is_found(rd: float) -> None:
    # The conjugate is COVAREP's, see rd.py. A frame equal to it leaves a residual of ones: no error at all.
    count = 60
    spectrum = np.conj(lf_spectrum(lf_shape(np.array([rd])), np.arange(1, count + 1)))[0]
    full = np.concatenate((spectrum[:1], spectrum))[None]
    frame = Harmonics(np.array([130.0]), np.array([130.0]), np.array([count]), np.abs(full), np.angle(full))
    found, confidence = estimate_rd(frame)
    assert found[0] == pytest.approx(rd, abs=0.02)
    assert confidence[0] > 0.99


def test_silent_frames_have_no_confidence() -> None:
    frame = Harmonics(np.array([130.0]), np.array([130.0]), np.array([60]), np.zeros((1, 61)), np.zeros((1, 61)))
    assert np.isnan(estimate_rd(frame)[1]).all()
