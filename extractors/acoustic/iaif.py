"""Glottal flow by iterative adaptive inverse filtering, one frame for each glottal closure.

P. Alku, "Glottal wave analysis with pitch synchronous iterative adaptive inverse filtering", Speech Communication
11(2-3):109-118, 1992.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft, signal

from extractors.acoustic.dsp import SAMPLE_RATE, Float, Int, hanning
from extractors.acoustic.lpc import inverse_filter, lpc
from extractors.acoustic.wavelets import local_periods

_TRACT_ORDER = 20  # 2 rnd(fs/2000) + 4
_GLOTTAL_ORDER = 8  # 2 rnd(fs/4000)
_LEAK = 0.99  # of the integrator that undoes lip radiation
_TAPS = 301  # of the high-pass, which removes what lies below 40 Hz
_DELAY = 150  # samples
_SAMPLES_AT_ONCE = 1 << 17
_LONGEST_PERIOD = 60 * SAMPLE_RATE  # a pause beyond a minute contributes no frame: it would need memory without bound


@lru_cache(maxsize=1)
def _high_pass() -> Float:
    """Linear-phase least-squares FIR: 0 up to 40 Hz, 1 from 70 Hz."""
    return np.asarray(signal.firls(_TAPS, [0, 40, 70, SAMPLE_RATE / 2], [0, 0, 1, 1], fs=SAMPLE_RATE))


@lru_cache(maxsize=256)
def _high_pass_spectrum(length: int) -> NDArray[np.complex128]:
    return np.asarray(fft.rfft(_high_pass(), length))


def glottal_flow(x: NDArray[np.floating], closures: Int) -> tuple[Float, Float]:
    """Estimate glottal flow and flow derivative.

    Parameters
    ----------
    x : ndarray, shape (samples,)
        Signal at 16 kHz, polarity corrected.
    closures : ndarray of int, shape (n,)
        Sample indices of the glottal closures, at least two, increasing.

    Returns
    -------
    flow, derivative : ndarray, shape (samples,) each
        Arbitrary amplitude: neighbouring frames overlap about twice and are not normalised.

    Notes
    -----
    Around each closure a frame of two periods is windowed, high-passed and inverse filtered twice: a first-order
    guess of the glottal contribution gives a vocal tract of order 20, whose removal gives a glottal contribution of
    order 8, whose removal gives the final vocal tract.
    """
    periods = local_periods(closures)
    start = np.maximum(closures - 1 - periods, 0)  # one sample early, as in the original
    length = np.minimum(closures + periods, len(x)) - start
    flow, derivative = np.zeros(len(x)), np.zeros(len(x))
    usable = (length > _TRACT_ORDER) & (periods <= _LONGEST_PERIOD)
    for size in np.unique(length[usable]):
        members = np.flatnonzero(usable & (length == size))
        rows = max(1, _SAMPLES_AT_ONCE // int(size))
        for first in range(0, len(members), rows):
            begin = start[members[first : first + rows]]
            frames = np.asarray(x[begin[:, None] + np.arange(size)], dtype=np.float64)
            g, dg = inverse_filter_frames(frames)
            for i, a in enumerate(begin):
                flow[a : a + size] += g[i]
                derivative[a : a + size] += dg[i]
    return flow, derivative


def inverse_filter_frames(frames: Float) -> tuple[Float, Float]:
    """IAIF on frames of equal length.

    Parameters
    ----------
    frames : ndarray, shape (n, length)
        Speech, about two periods around a closure each; more than 20 samples.

    Returns
    -------
    flow, derivative : ndarray, shape (n, length) each
    """
    size = frames.shape[1]
    window = hanning(size)
    fast = fft.next_fast_len(size + _DELAY, real=True)
    spectrum = fft.rfft(frames * window, fast, axis=1) * _high_pass_spectrum(fast)
    f = fft.irfft(spectrum, fast, axis=1)[:, _DELAY : _DELAY + size]

    # A ramp before the frame lets every filter start smoothly; its part of each output is dropped.
    lead = _TRACT_ORDER + 1
    ramp = f[:, :1] * np.linspace(-1, 1, lead)
    padded = np.concatenate((ramp, f), axis=1)

    def without_ramp(y: Float) -> Float:
        return y[:, lead:]

    def integrate(y: Float) -> Float:
        return np.asarray(signal.lfilter([1.0], [1.0, -_LEAK], y, axis=1))

    tilt = lpc(f * window, 1)
    untilted = without_ramp(inverse_filter(tilt, padded))
    tract = lpc(untilted * window, _TRACT_ORDER)
    rough_flow = without_ramp(integrate(inverse_filter(tract, padded)))
    source = lpc(rough_flow * window, _GLOTTAL_ORDER)
    sourceless = without_ramp(integrate(inverse_filter(source, padded)))
    tract = lpc(sourceless * window, _TRACT_ORDER)
    derivative = inverse_filter(tract, padded)
    return without_ramp(integrate(derivative)), without_ramp(derivative)
