"""Zero-phase filters are MATLAB's filtfilt, and the stored coefficients are what their designs give."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest
from benchmarks.design_filters import design
from scipy import signal

from mtmm_video.extractors.acoustic.filter_design import filters
from mtmm_video.extractors.acoustic.zero_phase import ZeroPhase, steady_state


@pytest.mark.parametrize("order", [3, 4])
def test_zero_phase_equals_filtfilt_with_matlabs_extension(order: int) -> None:
    v = np.random.default_rng(1).standard_normal(500).cumsum()
    sos, (b, a) = signal.butter(order, 0.2, output="sos"), signal.butter(order, 0.2)
    expected = signal.filtfilt(b, a, v, padtype="odd", padlen=3 * (max(len(a), len(b)) - 1))
    assert ZeroPhase(sos, v)[:] == pytest.approx(expected, abs=1e-8)


def test_a_stretch_is_what_the_whole_signal_has_there() -> None:
    v = np.random.default_rng(2).standard_normal(200_000).cumsum()
    for name in ("polarity", "closures"):
        sos = asdict(filters())[name]
        whole, read = ZeroPhase(sos, v)[:], ZeroPhase(sos, v)
        for start, stop in ((0, 3_000), (2_990, 9_000), (60_000, 140_000), (139_999, 200_000), (10, 20), (50, 50)):
            assert read[start:stop] == pytest.approx(whole[start:stop], abs=1e-12 * np.abs(v).max()), (name, start)
    assert len(ZeroPhase(sos, v[:1])[:]) == 1


@pytest.mark.parametrize("kind", ["lowpass", "highpass"])
def test_the_steady_state_gives_endless_ones_their_level_at_once(kind: str) -> None:
    sos = signal.ellip(5, 1, 40, 0.1, kind, output="sos")
    level = 10 ** (0 if kind == "lowpass" else -np.inf)  # an odd order passes a constant unchanged, or not at all
    out, rest = signal.sosfilt(sos, np.ones(50), zi=steady_state(sos))
    assert out == pytest.approx(np.full(50, level), abs=1e-9)
    assert rest == pytest.approx(steady_state(sos), abs=1e-9)


def test_the_stored_filters_are_those_of_their_designs() -> None:
    stored = asdict(filters())
    for name, designed in asdict(design()).items():
        assert stored[name] == pytest.approx(designed, rel=1e-9, abs=1e-12), name


@pytest.mark.parametrize(
    ("name", "passed", "stopped", "attenuation"),
    [("polarity", 480, 440, 60), ("closures", 50, 30, 60), ("glottal_flow", 70, 20, 25)],
)
def test_the_filters_pass_what_is_above_their_edge(
    name: str, passed: float, stopped: float, attenuation: float
) -> None:
    frequencies, taps = np.array([stopped, passed, 4000.0]), asdict(filters())[name]
    response = signal.freqz(taps, worN=frequencies, fs=16_000) if taps.ndim == 1 else None
    _, gain = response or signal.sosfreqz(taps, worN=frequencies, fs=16_000)
    low, edge, high = 20 * np.log10(np.abs(gain))
    assert low < -attenuation
    assert edge == pytest.approx(0, abs=3.1)
    assert high == pytest.approx(0, abs=3.1)
