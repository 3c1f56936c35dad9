"""Glottal-flow parameters at each closure: NAQ, QOQ, H1-H2 and PSP.

NAQ: P. Alku, T. Backstrom, E. Vilkman, "Normalized amplitude quotient for parameterization of the glottal flow", JASA
112(2):701-710, 2002. QOQ: T. Hacki, Folia Phoniatrica, 43-48, 1989. H1-H2: H. M. Hanson, "Glottal characteristics of
female speakers: acoustic correlates", JASA 101:466-481, 1997. PSP: P. Alku, H. Strik, E. Vilkman, "Parabolic spectral
parameter", Speech Communication 22(1):67-79, 1997.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import fft, signal

from mtmm_video.extractors.acoustic.dsp import Float, Int, decibel, hamming, round_half_away, row_maxima, thin_peaks
from mtmm_video.extractors.acoustic.wavelets import local_periods
from mtmm_video.extractors.sample_rate import SAMPLE_RATE

_LOWEST, _HIGHEST = 20.0, 500.0  # Hz; outside this range all parameters of a closure are 0, as in COVAREP
_CLOSURES_AT_ONCE = 128
_PEAK_TAIL = 8  # samples = 0.5 ms after the closure in which the derivative's peak may still lie
_FULL_SCALE = 2.0**15  # COVAREP measures the spectrum on the 16-bit scale
_SPECTRUM_SPAN = 6  # multiples of F0 that the spectrum covers in which H1 and H2 are read
_FEWEST_PEAKS = 5
_PSP_FFT = 2048
_PSP_BINS = (128, 1024)  # bins of the first attempt, and the whole half spectrum
_PSP_ERROR = 0.01  # relative squared error from which the parabola counts as not fitting


def glottal_parameters(flow: Float, derivative: Float, closures: Int) -> Float:
    """Compute NAQ, QOQ, H1-H2 and PSP at every closure.

    Parameters
    ----------
    flow, derivative : ndarray, shape (samples,)
        From `glottal_flow`.
    closures : ndarray of int, shape (n,)
        Sample indices, at least two, increasing.

    Returns
    -------
    ndarray, shape (n, 4)
        NAQ (ratio), QOQ (fraction of the period), H1H2 (dB), PSP (ratio). All four are 0 where the local pitch is
        outside 20..500 Hz, H1H2 where the spectrum has fewer than five peaks, PSP at the first closure.

    Notes
    -----
    NAQ = peak flow / (largest |derivative| x period). QOQ = time with the flow above half its peak / period.
    H1H2 = level of the first minus the second harmonic of the derivative. PSP = curvature of the parabola fitted to
    the low spectrum of the pulse, divided by that of a rectangle of one period.
    """
    periods = local_periods(closures)
    starts = np.concatenate(([0], closures[:-1]))
    out = np.zeros((len(closures), 4))
    pitch = SAMPLE_RATE / periods
    usable = (pitch > _LOWEST) & (pitch < _HIGHEST)
    reach = round_half_away(1.5 * periods).astype(np.int64)
    low, high = np.maximum(closures - reach, 0), np.minimum(closures + reach, len(flow) - 1)
    # Closures with the same period, pulse length and spectrum frame are processed in one batch.
    sizes = np.stack((periods, closures - starts, high - low), axis=1)
    members = np.flatnonzero(usable)
    if len(members) == 0:
        return out
    sizes, group = np.unique(sizes[members], axis=0, return_inverse=True)
    group = group.reshape(-1)
    by_group = np.argsort(group, kind="stable")
    edges = np.searchsorted(group[by_group], np.arange(len(sizes) + 1))
    for number, (period, pulse, frame) in enumerate(sizes):
        same_size = members[by_group[edges[number] : edges[number + 1]]]
        for first in range(0, len(same_size), _CLOSURES_AT_ONCE):
            part = same_size[first : first + _CLOSURES_AT_ONCE]
            pulses = flow[starts[part][:, None] + np.arange(pulse + 1)]
            out[part, 0], out[part, 1] = _quotients(pulses, derivative, starts[part], int(period))
            frames = derivative[low[part][:, None] + np.arange(frame + 1)]
            out[part, 2] = first_harmonics_difference(frames, int(period))
            out[part, 3] = np.where(part == 0, 0.0, parabolic_parameter(pulses, int(period)))
    return out


def _quotients(pulses: Float, derivative: Float, starts: Int, period: int) -> tuple[Float, Float]:
    """Compute NAQ and QOQ of pulses of equal length, shape (n, length) -> (n,), (n,)."""
    n, length = pulses.shape
    line = np.linspace(0, 1, length)
    z = pulses - (pulses[:, :1] + line * (pulses[:, -1:] - pulses[:, :1]))
    rows = np.arange(n)
    top = z.argmax(axis=1)
    peak = z[rows, top]
    tail = np.where(starts + length + _PEAK_TAIL <= len(derivative), _PEAK_TAIL, 0)
    index = starts[:, None] + np.arange(length + _PEAK_TAIL)
    slope = np.abs(derivative[np.minimum(index, len(derivative) - 1)])
    slope[np.arange(length + _PEAK_TAIL) >= length + tail[:, None]] = 0
    with np.errstate(divide="ignore", invalid="ignore"):
        naq = peak / (slope.max(axis=1) * period)

    place = np.arange(1, length + 1)
    above = z > peak[:, None] / 2
    stop_left = (~(above & (place > 3)) & (place <= top[:, None] + 1)) * place
    left = stop_left.max(axis=1)
    stop_right = np.where(~(above & (place < length - 2)) & (place >= top[:, None] + 1), place, length)
    right = stop_right.min(axis=1)
    # Both searches start at the peak and end there if it is at an end of the pulse.
    return naq, (right - left) / period


@lru_cache(maxsize=512)
def _zoom(length: int, bins: int) -> signal.CZT:
    """Make the chirp transform of `length` samples to the first `bins` bins of 1 Hz."""
    return signal.CZT(length, bins, np.exp(-2j * np.pi / SAMPLE_RATE))


def first_harmonics_difference(frames: Float, period: int) -> Float:
    """Compute H1 - H2 in dB of frames of three periods of the flow derivative, shape (n, length) -> (n,)."""
    pitch = SAMPLE_RATE / period
    windowed = frames * _FULL_SCALE * hamming(frames.shape[1])
    out = np.zeros(len(frames))
    bins = min(SAMPLE_RATE, int(np.ceil(_SPECTRUM_SPAN * pitch)))
    level = decibel(np.abs(_zoom(frames.shape[1], bins)(windowed, axis=1)))
    difference, peaks = _levels_at_harmonics(level, pitch)
    out[:] = difference
    # The five peaks are counted over the two-sided spectrum, which is computed only if the low bins have fewer.
    for row in np.flatnonzero(peaks < _FEWEST_PEAKS):
        level = decibel(np.abs(fft.fft(windowed[row : row + 1], SAMPLE_RATE, axis=1)))
        difference, count = _levels_at_harmonics(level, pitch)
        out[row] = difference[0] if count[0] >= _FEWEST_PEAKS else 0.0
    return out


def _levels_at_harmonics(level: Float, pitch: float) -> tuple[Float, Int]:
    """Return H1 - H2 and the number of peaks of each row of dB spectra with bins of 1 Hz."""
    n = len(level)
    rows, bins = row_maxima(level)
    heights = level[rows, bins]
    keep = thin_peaks(rows, bins, heights, np.full(n, pitch / 2))
    rows, bins, heights = rows[keep], bins[keep], heights[keep]
    count = np.bincount(rows, minlength=n)
    if len(rows) == 0:
        return np.zeros(n), count
    width = 4.0 * SAMPLE_RATE  # offset between rows that puts all peaks on one sorted axis
    axis = rows * width + bins + 1
    harmonic = np.zeros((2, n))
    for k in (1, 2):
        target = np.arange(n) * width + k * pitch
        right = np.clip(np.searchsorted(axis, target), 0, len(axis) - 1)
        left = np.maximum(right - 1, 0)
        to_left = np.where(rows[left] == np.arange(n), np.abs(target - axis[left]), np.inf)
        to_right = np.where(rows[right] == np.arange(n), np.abs(axis[right] - target), np.inf)
        harmonic[k - 1] = heights[np.where(to_left <= to_right, left, right)]
    return np.where(count > 0, harmonic[0] - harmonic[1], 0.0), count


def parabolic_parameter(pulses: Float, period: int) -> Float:
    """Compute the parabolic spectral parameter of flow pulses, shape (n, length) -> (n,); NaN for a flat pulse."""
    lifted = pulses - pulses.min(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        lifted /= lifted.max(axis=1, keepdims=True)
    return _curvature(lifted) / _rectangle_curvature(period)


@lru_cache(maxsize=1024)
def _rectangle_curvature(period: int) -> float:
    return float(_curvature(np.full((1, period), 1 / period))[0])


def _curvature(pulses: Float) -> Float:
    """Fit X[k] ~ c k^2 + b over the longest run of bins from 0 that a parabola fits, and return c.

    X is the level in dB of a 2048-point spectrum. The run grows from three bins until the relative squared error
    reaches 0.01.
    """
    level = decibel(np.abs(fft.rfft(pulses, _PSP_FFT, axis=1)[:, : _PSP_FFT // 2]))
    curvature, stopped = _first_bad_fit(level[:, : _PSP_BINS[0]])
    again = np.flatnonzero(~stopped)
    if len(again):
        curvature[again], _ = _first_bad_fit(level[again])
    return curvature


def _first_bad_fit(level: Float) -> tuple[Float, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    k2 = np.arange(level.shape[1]) ** 2.0
    n = np.arange(1, level.shape[1] + 1)
    s2, s4 = np.cumsum(k2), np.cumsum(k2**2)
    sx, sxx, sx2 = np.cumsum(level, axis=1), np.cumsum(level**2, axis=1), np.cumsum(level * k2, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        c = (n * sx2 - sx * s2) / (n * s4 - s2**2)
        b = (sx - c * s2) / n
        error = (sxx - b * sx - c * sx2) / sxx  # sum of squares left by the least-squares fit
        bad = ~(error < _PSP_ERROR)
    bad[:, :2] = False
    first = np.where(bad.any(axis=1), bad.argmax(axis=1), level.shape[1] - 1)
    return c[np.arange(len(level)), first], bad.any(axis=1)
