import numpy as np
import pytest
from signals import FS, lf_pulses, vowel

from mtmm_video.extractors.acoustic import glottal
from mtmm_video.extractors.acoustic.glottal import (
    first_harmonics_difference,
    glottal_parameters,
    parabolic_parameter,
    parameters_of,
)
from mtmm_video.extractors.acoustic.iaif import glottal_flow
from mtmm_video.extractors.acoustic.lpc import Residual
from mtmm_video.extractors.acoustic.wavelets import maxima_dispersion, peak_slope, transform, wavelet


def parameters(rd: float) -> np.ndarray:
    """Median NAQ, QOQ, H1H2, PSP of LF pulses, whose flow is known without inverse filtering."""
    derivative = lf_pulses(100, 1.0, rd=rd)
    flow = np.cumsum(derivative)
    closures = np.arange(160, FS - 320, 160)  # the end of each pulse: 100 Hz at 16 kHz
    return np.median(glottal_parameters(flow, derivative, closures)[2:-2], axis=0)


def test_a_lax_voice_has_larger_quotients_and_a_stronger_first_harmonic() -> None:
    tense, modal, lax = parameters(0.5), parameters(1.0), parameters(2.0)
    assert (tense[:3] < modal[:3]).all()
    assert (modal[:3] < lax[:3]).all()


@pytest.mark.parametrize("rd", [1.0, 2.0])  # below, the excitation is sharper than the samples
def test_naq_of_the_lf_model_follows_fants_definition_of_rd(rd: float) -> None:
    # Rd = 1000 U_0 / (E_e T_0 110) (Fant 1995), so NAQ = U_0 / (E_e T_0) = 0.11 Rd
    assert parameters(rd)[0] == pytest.approx(0.11 * rd, rel=0.1)


def test_a_wider_pulse_has_a_larger_parabolic_parameter() -> None:
    narrow, wide = np.zeros(129), np.zeros(129)
    narrow[40:80], wide[10:120] = np.hanning(40), np.hanning(110)
    both = np.array([129, 129])
    small, large = parabolic_parameter(np.stack((narrow, wide)), lengths=both, periods=both - 1)
    assert 0 < small < large


def test_a_flat_pulse_has_no_parabolic_parameter() -> None:
    flat = parabolic_parameter(np.ones((1, 129)), lengths=np.array([129]), periods=np.array([128]))
    assert np.isnan(flat).all()


def test_a_pulse_measures_the_same_beside_a_longer_one() -> None:
    pulses = np.zeros((2, 200))
    pulses[0, 20:90], pulses[1, 20:180] = np.hanning(70), np.hanning(160)
    lengths = np.array([129, 200])
    alone = parabolic_parameter(pulses[:1, :129], lengths=lengths[:1], periods=lengths[:1] - 1)
    assert parabolic_parameter(pulses, lengths=lengths, periods=lengths - 1)[0] == pytest.approx(alone[0], rel=1e-12)
    noise = np.random.default_rng(0).standard_normal((2, 481))
    noise[0, 301:] = 0
    lengths = np.array([301, 481])
    alone = first_harmonics_difference(noise[:1, :301], lengths=lengths[:1], periods=lengths[:1] // 3)
    together = first_harmonics_difference(noise, lengths=lengths, periods=lengths // 3)
    assert together[0] == pytest.approx(alone[0], rel=1e-9)


def test_difference_of_harmonics_is_that_of_the_sinusoids() -> None:
    t = np.arange(481) / FS
    frame = sum(a * np.sin(2 * np.pi * 100 * k * t) for k, a in enumerate((1.0, 0.5, 0.3, 0.2, 0.1, 0.1), start=1))
    found = first_harmonics_difference(frame[None], lengths=np.array([481]), periods=np.array([160]))
    assert found == pytest.approx(20 * np.log10(2), abs=0.3)


def test_closures_without_a_sensible_pitch_have_no_parameters() -> None:
    x = np.random.default_rng(0).standard_normal(FS)
    out = glottal_parameters(x, x, np.array([100, 8000, 8010, 15_000]))
    assert (out == 0).all()


@pytest.mark.parametrize("at_once", [4_000, 16_000])
def test_parameters_do_not_depend_on_how_the_recording_is_cut(monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    rng = np.random.default_rng(0)
    x = vowel(110, 5.0, noise=1e-3)
    closures = np.cumsum(rng.integers(90, 180, 400))
    closures = np.concatenate((closures[:150], closures[150:] + 12_000))  # a pause, whose frame reaches far
    closures = closures[closures < len(x) - 5]
    whole = glottal_parameters(*glottal_flow(x, closures), closures)
    monkeypatch.setattr(glottal, "_SAMPLES_AT_ONCE", at_once)
    assert parameters_of(x, closures) == pytest.approx(whole, abs=1e-9)


def test_wavelets_by_fft_equal_direct_convolution() -> None:
    v = np.random.default_rng(0).standard_normal(5000)
    out = transform(v, range(7))
    for scale in range(7):
        direct = np.convolve(v, wavelet(scale), mode="same")[1000:-1000]
        assert out[scale] == pytest.approx(direct, abs=1e-10)


def test_a_steeper_spectrum_has_a_lower_peak_slope() -> None:
    noise = np.random.default_rng(0).standard_normal(FS)
    dark = np.convolve(noise, np.ones(16) / 16, mode="same")
    assert np.median(peak_slope(dark)[1]) < np.median(peak_slope(noise)[1]) - 0.1


def test_peak_slope_is_undefined_in_digital_silence() -> None:
    x = np.random.default_rng(0).standard_normal(FS)
    x[:4000] = 0
    positions, slope = peak_slope(x)
    assert np.isnan(slope[positions < 3000]).all()
    assert np.isfinite(slope[positions > 5000]).all()


def test_pulses_disperse_less_than_noise() -> None:
    closures = np.arange(800, FS - 800, 160)
    pulses = Residual.of(vowel(100, 1.0), order=18)[:]
    peaks = closures - 80 + np.array([pulses[q - 80 : q + 80].argmax() for q in closures])
    noise = np.random.default_rng(0).standard_normal(FS)
    assert np.median(maxima_dispersion(pulses, np.unique(peaks))) < np.median(maxima_dispersion(noise, closures))
