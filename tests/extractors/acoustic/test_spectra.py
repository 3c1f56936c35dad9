import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import signal
from signals import FS

from mtmm_video.extractors.acoustic import phase_distortion as pd
from mtmm_video.extractors.acoustic import phase_kernels
from mtmm_video.extractors.acoustic.level_kernels import levels
from mtmm_video.extractors.acoustic.mel_cepstrum import mel, mel_cepstrum
from mtmm_video.extractors.acoustic.sinusoids import Harmonics, harmonics, spectra
from mtmm_video.extractors.acoustic.true_envelope import cepstral_orders, true_envelope


def plain_true_envelope(level: np.ndarray, p: int, *, ends: bool) -> np.ndarray:
    """The iteration one frame at a time, with full FFTs."""
    p = min(int(np.floor(1.2 * min(p, 2047) + 0.5)), 2047)
    a = level.copy()
    if ends:
        inner = plain_true_envelope(level, int(np.floor(p / 2 + 0.5)), ends=False)
        b = int(np.floor(0.25 * 4096 / p + 0.5))
        a[:b], a[2050 - b :] = inner[:b], inner[2050 - b :]
    goal, c_now = a.copy(), np.zeros(p + 1)
    v = np.hamming(2 * p + 1)[p:]
    for _ in range(200):
        c = np.fft.irfft(a, 4096)
        wanted = np.concatenate((c[:1], 2 * c[1 : p + 1]))
        e_in, e_out = np.sqrt((wanted**2).sum()), np.sqrt(((2 * c[p + 1 : 2048]) ** 2).sum())
        c_now = c_now + (e_in + e_out) / e_in * v * (wanted - c_now)
        curve = np.fft.rfft(np.concatenate((c_now, np.zeros(4095 - p)))).real
        a = np.maximum(a, curve)
        if (goal - curve).max() <= np.log(10 ** (2 / 20)):
            break
    return curve


def test_true_envelope_equals_the_plain_iteration() -> None:
    rng = np.random.default_rng(0)
    f0 = np.array([71.0, 130.0, 130.0, 290.0])
    level = -6 + 2 * rng.standard_normal((4, 2049)) + 3 * np.cos(np.linspace(0, 9, 2049))
    ours = true_envelope(level, cepstral_orders(f0))
    for i, order in enumerate(cepstral_orders(f0)):
        assert ours[i] == pytest.approx(plain_true_envelope(level[i], int(order), ends=True), abs=1e-9)


def test_envelope_of_a_flat_spectrum_is_flat() -> None:
    assert true_envelope(np.full((1, 2049), -3.0), np.array([60])) == pytest.approx(-3.0, abs=1e-9)


def test_mel_cepstrum_of_a_flat_spectrum_is_its_level() -> None:
    out = mel_cepstrum(np.full((1, 2049), np.exp(-2.0)), 24)[0]
    assert out[0] == pytest.approx(-2)
    assert out[1:] == pytest.approx(np.zeros(24), abs=1e-12)
    assert mel(np.array([1000.0]))[0] == pytest.approx(1000, abs=1)


def test_a_brighter_spectrum_has_a_lower_first_coefficient() -> None:
    tilt = np.linspace(0, -4, 2049)[None]
    assert mel_cepstrum(np.exp(tilt), 24)[0, 1] > 0 > mel_cepstrum(np.exp(tilt[:, ::-1]), 24)[0, 1]


def test_harmonics_of_a_sum_of_sinusoids() -> None:
    f0, amplitudes, phases = 200.0, (0.5, 0.2, 0.1), (0.3, -1.2, 2.0)
    centre = 4000
    t = (np.arange(8000) - centre) / FS
    x = sum(a * np.cos(2 * np.pi * f0 * k * t + p) for k, (a, p) in enumerate(zip(amplitudes, phases, strict=True), 1))
    spectrum = spectra(x, np.array([centre]), np.array([f0]))
    with np.errstate(divide="ignore"):
        found = harmonics(spectrum, np.log(np.abs(spectrum)), np.array([f0]))
    assert found.count[0] == 40 - 1 + (FS / 2 / f0 - 0.5 >= 39.5)
    assert found.amplitude[0, 1:4] * 2 == pytest.approx(amplitudes, rel=0.01)
    assert found.phase[0, 1:4] == pytest.approx(phases, abs=0.01)


def test_bands_of_the_mean_are_single_harmonics_first_and_widen_above() -> None:
    edges = pd.band_edges()
    widths = np.diff([*edges, 512])
    assert edges[0] == 0 and len(edges) == 25  # every bin below the Nyquist frequency lies in exactly one band
    assert (widths[:8] == 1).all()
    assert (np.diff(widths) >= 0).all()  # a compressive scale, as hearing is
    assert widths[-1] > 100 * widths[0]


def test_a_pure_delay_has_no_phase_distortion() -> None:
    h = np.arange(41)
    phase = (-0.7 * h)[None] % (2 * np.pi)
    frame = Harmonics(np.array([200.0]), np.array([200.0]), np.array([40]), np.ones((1, 41)), phase)
    assert pd.phase_distortion(frame).values == pytest.approx(np.zeros(40), abs=1e-9)


def test_running_median_and_mean_equal_their_definitions() -> None:
    v = np.random.default_rng(0).standard_normal((100, 3))
    expected = np.median(np.lib.stride_tricks.sliding_window_view(v, 9, axis=0), axis=-1)
    medians = np.empty((92, 3))
    phase_kernels.median_of_nine(v, medians)
    assert medians == pytest.approx(expected)
    box = np.full(25, 1 / 25)
    smooth = signal.filtfilt(box, [1.0], v, axis=0, padtype="odd", padlen=72)
    assert pd._mean_twice(pd._extended(v, 24, True, True)) == pytest.approx(smooth)


def test_compiled_logarithms_are_exact_to_the_last_digits() -> None:
    rng = np.random.default_rng(0)
    spectrum = (rng.standard_normal((4, 2049)) + 1j * rng.standard_normal((4, 2049))) * 10 ** rng.uniform(-8, 3, 2049)
    spectrum[0, :3] = 0
    found = np.empty(spectrum.shape)
    levels(spectrum, found)
    assert np.isneginf(found[0, :3]).all()
    rest = spectrum != 0
    assert found[rest] == pytest.approx(np.log(np.abs(spectrum[rest])), abs=1e-14)


def track(frames: int) -> pd.PhaseDistortion:
    rng = np.random.default_rng(0)
    return pd.PhaseDistortion(np.full(frames, 150.0), np.full(frames, 52), rng.uniform(-0.5, 0.5, 52 * frames))


def statistics(*runs: pd.PhaseDistortion) -> NDArray[np.float64]:
    return np.concatenate(list(pd.phase_statistics(runs, frames=sum(len(run.f0) for run in runs))))


def test_statistics_do_not_depend_on_how_the_recording_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = statistics(track(300))
    monkeypatch.setattr(pd, "_FRAMES_AT_ONCE", 80)
    assert statistics(track(300)) == pytest.approx(whole, abs=1e-9)
    rest = track(300)
    runs = []
    for length in (1, 70, 128, 101):
        later = rest.without(length)
        runs.append(pd.PhaseDistortion(rest.f0[:length], rest.count[:length], rest.values[: 52 * length]))
        rest = later
    assert np.array_equal(statistics(*runs), statistics(track(300)))


def test_72_frames_are_too_few_to_smooth() -> None:
    assert np.isnan(statistics(track(72))).all()
    assert np.isfinite(statistics(track(73))).all()
