import numpy as np
import pytest
from signals import FS, vowel

from mtmm_video.extractors.acoustic.lpc import Residual
from mtmm_video.extractors.acoustic.sedreams import RunningMean, closure_instants, voiced_closures
from mtmm_video.extractors.acoustic.srh import RESIDUAL_ORDER, pitch_tracks


@pytest.mark.parametrize("f0", [80, 130, 210, 330])
def test_pitch_of_a_vowel_is_found_and_voiced(f0: int) -> None:
    (track,) = pitch_tracks(Residual.of(vowel(f0, 1.0), order=RESIDUAL_ORDER)[:])
    inner = slice(3, -3)
    assert track.voiced[inner].all()
    assert track.f0[inner] == pytest.approx(f0, abs=2)
    assert track.median == pytest.approx(f0, abs=2)


def test_digital_silence_has_no_pitch() -> None:
    (track,) = pitch_tracks(Residual.of(np.zeros(FS), order=RESIDUAL_ORDER)[:])
    assert (track.f0 == 1).all()
    assert not track.voiced.any()
    assert track.median is None


def test_less_than_a_frame_has_no_pitch_frames() -> None:
    (track,) = pitch_tracks(Residual.of(vowel(100, 0.09), order=RESIDUAL_ORDER)[:])
    assert len(track.f0) == 0


def test_short_transforms_give_the_bins_of_the_long_one() -> None:
    from mtmm_video.extractors.acoustic.srh import FRAME, _normalised_magnitudes

    frames = np.random.default_rng(0).standard_normal((3, FRAME))
    spectrum = np.abs(np.fft.rfft(frames, FS, axis=1))[:, :8000]
    expected = spectrum[:, :2500] / np.sqrt((spectrum**2).sum(axis=1, keepdims=True))
    assert _normalised_magnitudes(frames) == pytest.approx(expected, abs=1e-14)


def test_closures_lie_at_the_main_excitation_of_every_period() -> None:
    f0 = 125
    x = -vowel(f0, 1.5)  # the polarity that the detector expects: closures are positive peaks of the residual
    e = Residual.of(x, order=18)[:]
    if e.max() < -e.min():
        x, e = -x, -e
    (track,) = pitch_tracks(Residual.of(x, order=RESIDUAL_ORDER)[:])
    found = voiced_closures(closure_instants(x, e, float(track.median or 0)), track)
    inner = found[(found > 2000) & (found < len(x) - 2000)]
    assert np.diff(inner) == pytest.approx(FS / f0, abs=1)
    truth = (0.650015 + np.arange(200)) * FS / f0
    distance = np.abs(inner[:, None] - truth).min(axis=1)
    assert np.median(distance) < 0.0005 * FS


@pytest.mark.parametrize("samples", [100, 341, 5_461, 20_000])
def test_a_running_mean_is_the_same_however_it_is_read(samples: int) -> None:
    x, window = np.random.default_rng(3).standard_normal(samples), np.hanning(343)[1:-1]
    mean = RunningMean(x, window)
    expected = np.zeros(samples)
    if samples >= len(window):
        expected[170 : samples - 170] = np.convolve(x, window, mode="valid")
    assert mean[:] == pytest.approx(expected, abs=1e-9)
    for start in (0, 1, 169, 170, 171, samples - 341, samples - 171, samples - 170, samples - 169, samples - 1):
        for stop in (start, start + 1, start + 200, samples):
            part = mean[max(start, 0) : max(stop, 0)]
            assert part == pytest.approx(expected[max(start, 0) : max(stop, 0)], abs=1e-9), (start, stop)
