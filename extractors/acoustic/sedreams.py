"""Glottal closure instants by SEDREAMS.

T. Drugman, T. Dutoit, "Glottal Closure and Opening Instant Detection from Speech Signals", Interspeech 2009;
T. Drugman, M. Thomas, J. Gudnason, P. Naylor, T. Dutoit, "Detection of Glottal Closure Instants from Speech Signals: a
Quantitative Review", IEEE TASLP 20(3):994-1006, 2012.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mtmm_video.extractors.acoustic.dsp import (
    Complex,
    Float,
    Int,
    Samples,
    Signal,
    blackman,
    fast_length,
    interpolate,
    local_extrema,
    round_half_away,
    round_int,
)
from mtmm_video.extractors.acoustic.filter_design import filters
from mtmm_video.extractors.acoustic.srh import PitchTrack
from mtmm_video.extractors.acoustic.zero_phase import ZeroPhase
from mtmm_video.extractors.sample_rate import SAMPLE_RATE

_STRONG = 0.4  # of the largest residual: threshold of the peaks that the place of the closures is estimated from
_REACH = 0.35  # of the half cycle, searched on either side of that place
_WINDOWS_AT_ONCE = 4096
_SAMPLES_AT_ONCE = 1 << 20


def mean_based_signal(x: Signal, median_f0: float) -> Samples:
    """Return the Blackman-weighted running mean over 1.7 mean pitch periods, high-passed at 50 Hz, shape (samples,).

    Its minima and maxima bound the interval of each cycle that contains the closure.
    """
    period = round_int(SAMPLE_RATE / median_f0)
    half = round_int(1.7 * period / 2)
    return ZeroPhase(filters().closures, RunningMean(x, blackman(2 * half + 1) / (2 * half + 1)))


@dataclass(frozen=True)
class RunningMean:
    """Weighted running mean of a signal, computed wherever it is read by overlap-save; 0 where the window juts out.

    Attributes
    ----------
    x : ndarray, shape (samples,), or what computes it
    window : ndarray, shape (2 half + 1,)
        The weights, symmetric.
    """

    x: Signal
    window: Float

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, span: slice, /) -> Float:
        start, stop, _ = span.indices(len(self.x))
        half, (size, spectrum) = len(self.window) // 2, self._transform
        step = size - 2 * half  # samples that a transform gives
        out = np.zeros(stop - start)
        # On the grid of the whole recording's transforms, so that a sample does not depend on the slice.
        end = len(self.x) - half
        first = half + (max(start, half) - half) // step * step if start < end else end
        for at in range(first, min(stop, end), step):
            until = min(at + step, end)
            product = np.fft.rfft(np.asarray(self.x[at - half : until + half], dtype=np.float64), size) * spectrum
            low, high = max(at, start), min(until, stop)
            out[low - start : high - start] = np.fft.irfft(product, size)[2 * half + low - at : 2 * half + high - at]
        return out

    @cached_property
    def _transform(self) -> tuple[int, Complex]:
        """Length of the transforms and the spectrum of the window."""
        size = fast_length(16 * len(self.window))
        return size, np.fft.rfft(self.window, size)


def closure_instants(x: Signal, residual: Samples, median_f0: float) -> Int:
    """Find the SEDREAMS candidates of the whole recording, voiced or not.

    Parameters
    ----------
    x : ndarray, shape (samples,), or what computes it
        Signal at 16 kHz, polarity corrected.
    residual : ndarray or Residual, shape (samples,)
        Main residual (order 18); NaN in digital silence.
    median_f0 : float
        Median F0 of the file in Hz.

    Returns
    -------
    ndarray of int, shape (n,)
        Sample indices, one for each cycle of the mean-based signal.
    """
    smooth = mean_based_signal(x, median_f0)
    maxima, minima = local_extrema(smooth)
    if len(minima) == 0 or len(maxima) == 0:
        return np.zeros(0, dtype=np.int64)
    maxima = maxima[maxima >= minima[0]]
    pairs = min(len(minima), len(maxima))
    if pairs == 0:
        return np.zeros(0, dtype=np.int64)
    low, cycle = minima[:pairs], (maxima[:pairs] - minima[:pairs])
    with np.errstate(invalid="ignore"):
        strong = [
            at + np.flatnonzero(residual[at : at + _SAMPLES_AT_ONCE] > _STRONG)
            for at in range(0, len(residual), _SAMPLES_AT_ONCE)
        ]
    place = _relative_place(np.concatenate(strong), low, cycle)
    last = len(residual) - 1
    start = low + round_half_away((place - _REACH) * cycle).astype(np.int64)
    stop = low + round_half_away((place + _REACH) * cycle).astype(np.int64)
    wanted = (start <= last) & (stop > 0)
    start, stop = np.clip(start[wanted], 0, last), np.clip(stop[wanted], 0, last)
    return _first_maxima(residual, start, stop)


def _relative_place(strong: Int, low: Int, cycle: Int) -> float:
    """Compute the median position of the strong residual peaks from the nearest minimum, in half cycles."""
    if len(strong) == 0:
        return 0.0
    right = np.clip(np.searchsorted(low, strong), 1, max(len(low) - 1, 1))
    right = np.minimum(right, len(low) - 1)
    left = np.maximum(right - 1, 0)
    nearest = np.where(strong - low[left] <= low[right] - strong, left, right)
    return float(np.median((strong - low[nearest]) / cycle[nearest]))


def _first_maxima(values: Samples, start: Int, stop: Int) -> Int:
    """Return the index of the first maximum of values[start..stop] for many windows; NaN counts as 0."""
    out = np.empty(len(start), dtype=np.int64)
    for first in range(0, len(start), _WINDOWS_AT_ONCE):
        part = slice(first, first + _WINDOWS_AT_ONCE)
        begin, end = start[part], stop[part]
        index = begin[:, None] + np.arange(int((end - begin).max()) + 1)
        low, high = int(begin.min()), int(end.max()) + 1
        window = values[low:high][np.minimum(index, high - 1) - low]
        window = np.where(np.isnan(window), 0.0, window)
        window[index > end[:, None]] = -np.inf
        out[part] = begin + window.argmax(axis=1)
    return out


def voiced_closures(candidates: Int, pitch: PitchTrack) -> Int:
    """Keep the closures in voiced speech, sorted and unique, shape (n,).

    Voicing is interpolated between the pitch frames to the sample before the closure (COVAREP's offset).
    """
    candidates = candidates[candidates > 0]
    voicing = interpolate(pitch.positions, pitch.voiced.astype(np.float64), candidates)
    with np.errstate(invalid="ignore"):
        return np.unique(candidates[voicing >= 0.5])
