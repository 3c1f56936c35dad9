"""Glottal-flow parameters at each closure: NAQ, QOQ, H1-H2 and PSP.

NAQ: P. Alku, T. Backstrom, E. Vilkman, "Normalized amplitude quotient for parameterization of the glottal flow", JASA
112(2):701-710, 2002. QOQ: T. Hacki, Folia Phoniatrica, 43-48, 1989. H1-H2: H. M. Hanson, "Glottal characteristics of
female speakers: acoustic correlates", JASA 101:466-481, 1997. PSP: P. Alku, H. Strik, E. Vilkman, "Parabolic spectral
parameter", Speech Communication 22(1):67-79, 1997.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from mtmm_video.extractors.acoustic import kernels
from mtmm_video.extractors.acoustic.dsp import (
    TINY,
    Float,
    Int,
    Signal,
    decibel,
    fast_length,
    hamming,
    round_half_away,
)
from mtmm_video.extractors.acoustic.iaif import frame_limits, glottal_flow
from mtmm_video.extractors.acoustic.wavelets import local_periods
from mtmm_video.extractors.sample_rate import SAMPLE_RATE

_LOWEST, _HIGHEST = 20.0, 500.0  # Hz; outside this range all parameters of a closure are 0, as in COVAREP
_CLOSURES_AT_ONCE = 128
_SAMPLES_AT_ONCE = 1 << 19  # 33 s: of the flow
_REACH = 1300  # samples around a closure that are measured: 1.5 periods of 20 Hz, and the tail
_PEAK_TAIL = 8  # samples = 0.5 ms after the closure in which the derivative's peak may still lie
_FULL_SCALE = 2.0**15  # COVAREP measures the spectrum on the 16-bit scale
_SPECTRUM_SPAN = 6  # multiples of F0 that the spectrum covers in which H1 and H2 are read
_FEWEST_PEAKS = 5
_PSP_FFT = 2048
_PSP_BINS = 128  # of the first attempt; the second takes the whole half spectrum
_PSP_ERROR = 0.01  # relative squared error from which the parabola counts as not fitting


def parameters_of(x: Signal, closures: Int) -> Float:
    """Estimate the glottal flow of a recording and measure its pulses, half a minute at a time.

    Parameters
    ----------
    x : ndarray, shape (samples,), or what computes it
        Signal at 16 kHz, polarity corrected.
    closures : ndarray of int, shape (n,)
        Sample indices, at least two, increasing.

    Returns
    -------
    ndarray, shape (n, 4)
        See `glottal_parameters`.
    """
    out = np.empty((len(closures), 4))
    periods = local_periods(closures)
    start, stop = frame_limits(closures, periods, samples=len(x))
    first = 0
    while first < len(closures):
        last = int(np.searchsorted(closures, closures[first] + _SAMPLES_AT_ONCE))
        low = max(int(closures[first]) - _REACH, 0) if first else 0  # the first pulse begins with the recording
        high = min(int(closures[last - 1]) + _REACH, len(x))
        # All closures whose frames overlap these samples, and the one before, at which the first pulse begins.
        within = np.flatnonzero((stop > low) & (start < high))
        used = slice(max(min(int(within[0]), first - 1), 0), int(within[-1]) + 1)
        low, high = min(low, int(start[used].min())), max(high, int(stop[used].max()))
        near = closures[used] - low
        flow, derivative = glottal_flow(x[low:high], near, periods=periods[used])
        kept = slice(first - used.start, last - used.start)
        out[first:last] = glottal_parameters(flow, derivative, near, wanted=kept)
        first = last
    return out


def glottal_parameters(flow: Float, derivative: Float, closures: Int, *, wanted: slice = slice(None)) -> Float:
    """Compute NAQ, QOQ, H1-H2 and PSP at every closure.

    Parameters
    ----------
    flow, derivative : ndarray, shape (samples,)
        From `glottal_flow`.
    closures : ndarray of int, shape (n,)
        Sample indices, at least two, increasing.
    wanted : slice, optional
        The closures to measure; the others are their neighbours.

    Returns
    -------
    ndarray, shape (n, 4)
        Of the wanted closures: NAQ (ratio), QOQ (fraction of the period), H1H2 (dB), PSP (ratio). All four are 0 where
        the local pitch is outside 20..500 Hz, H1H2 where the spectrum has fewer than five peaks, PSP at the first
        closure.

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
    number = np.arange(len(closures))
    chosen = np.isin(number, number[wanted])
    members = np.flatnonzero(chosen & (pitch > _LOWEST) & (pitch < _HIGHEST))
    reach = round_half_away(1.5 * periods).astype(np.int64)
    low, high = np.maximum(closures - reach, 0), np.minimum(closures + reach, len(flow) - 1)
    pulses, frames = closures - starts + 1, high - low + 1  # lengths
    quotients = np.empty((len(members), 2))
    kernels.pulse_quotients(flow, derivative, starts[members], pulses[members], periods[members], _PEAK_TAIL, quotients)
    out[members, :2] = quotients
    members = members[np.argsort(periods[members], kind="stable")]  # batches of like lengths are padded little
    for first in range(0, len(members), _CLOSURES_AT_ONCE):
        part = members[first : first + _CLOSURES_AT_ONCE]
        out[part, 2] = first_harmonics_difference(
            _padded(derivative, low[part], frames[part]), lengths=frames[part], periods=periods[part]
        )
        later = part[part > 0]  # COVAREP has no PSP at the first closure
        out[later, 3] = parabolic_parameter(
            _padded(flow, starts[later], pulses[later]), lengths=pulses[later], periods=periods[later]
        )
    return out[wanted]


def _padded(values: Float, starts: Int, lengths: Int) -> Float:
    """Return the stretches of `lengths` samples from `starts`, zero-padded at the end, shape (n, longest)."""
    place = np.arange(lengths.max(initial=0))
    index = np.minimum(starts[:, None] + place, len(values) - 1)
    return np.where(place < lengths[:, None], values[index], 0.0)


@lru_cache(maxsize=64)
def _chirp(most: int) -> NDArray[np.complex128]:
    """Return exp(-i pi n^2 / fs): the chirp of a transform to bins of 1 Hz, shape (most,)."""
    n = np.arange(most)
    return np.asarray(np.exp(-1j * np.pi / SAMPLE_RATE * (n * n % (2 * SAMPLE_RATE))))


def _power(frames: Float, bins: int) -> Float:
    """Compute the power of the first `bins` bins of 1 Hz of frames (n, length): Bluestein's chirp transform.

    L. I. Bluestein, "A linear filtering approach to the computation of discrete Fourier transform", IEEE Trans. Audio
    Electroacoust. 18(4):451-455, 1970. The magnitude needs no last multiplication by the chirp.
    """
    length = frames.shape[1]
    size = fast_length(length + bins - 1)
    chirp = _chirp(max(length, bins))
    kernel = np.zeros(size, dtype=np.complex128)
    kernel[:bins] = chirp[:bins].conj()
    kernel[size - length + 1 :] = chirp[length - 1 : 0 : -1].conj()
    product = np.fft.fft(frames * chirp[:length], size, axis=1)
    product *= np.fft.fft(kernel)
    found = np.fft.ifft(product, axis=1, out=product)[:, :bins]
    return np.asarray(found.real**2 + found.imag**2)


def first_harmonics_difference(frames: Float, *, lengths: Int, periods: Int) -> Float:
    """Compute H1 - H2 in dB of frames of three periods of the flow derivative.

    Parameters
    ----------
    frames : ndarray, shape (n, longest)
        Zero-padded at the end.
    lengths, periods : ndarray of int, shape (n,)
        In samples.

    Returns
    -------
    ndarray, shape (n,)
        0 where the two-sided spectrum has fewer than five peaks.
    """
    pitch = SAMPLE_RATE / periods
    sizes, group = np.unique(lengths, return_inverse=True)
    windows = np.zeros((len(sizes), frames.shape[1]))
    for row, size in enumerate(sizes):
        windows[row, :size] = hamming(int(size))
    windowed = frames * _FULL_SCALE * windows[group]
    bins = np.minimum(SAMPLE_RATE, np.ceil(_SPECTRUM_SPAN * pitch)).astype(np.int64)
    out, peaks = np.empty(len(frames)), np.empty(len(frames), dtype=np.int64)
    kernels.harmonic_levels(_power(windowed, int(bins.max())), bins, pitch, TINY, out, peaks)
    # The five peaks are counted over the two-sided spectrum, which is computed only if the low bins have fewer.
    for poor in np.flatnonzero(peaks < _FEWEST_PEAKS):
        again = slice(poor, poor + 1)
        spectrum = np.fft.fft(windowed[again], SAMPLE_RATE, axis=1)
        power = spectrum.real**2 + spectrum.imag**2
        kernels.harmonic_levels(power, np.array([SAMPLE_RATE]), pitch[again], TINY, out[again], peaks[again])
    return np.where(peaks >= _FEWEST_PEAKS, out, 0.0)


def parabolic_parameter(pulses: Float, *, lengths: Int, periods: Int) -> Float:
    """Compute the parabolic spectral parameter of flow pulses.

    Parameters
    ----------
    pulses : ndarray, shape (n, longest)
        Zero-padded at the end.
    lengths, periods : ndarray of int, shape (n,)
        In samples.

    Returns
    -------
    ndarray, shape (n,)
        NaN for a flat pulse.
    """
    inside = np.arange(pulses.shape[1]) < lengths[:, None]
    lowest = np.min(pulses, axis=1, where=inside, initial=np.inf)
    lifted = np.where(inside, pulses - lowest[:, None], 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        lifted /= lifted.max(axis=1, initial=0.0)[:, None]
    sizes, group = np.unique(periods, return_inverse=True)
    rectangles = np.array([_rectangle_curvature(int(size)) for size in sizes])
    return np.asarray(_curvature(lifted) / rectangles[group])


@lru_cache(maxsize=1024)
def _rectangle_curvature(period: int) -> float:
    return float(_curvature(np.full((1, period), 1 / period))[0])


def _curvature(pulses: Float) -> Float:
    """Fit X[k] ~ c k^2 + b over the longest run of bins from 0 that a parabola fits, and return c.

    X is the level in dB of a 2048-point spectrum. The run grows from three bins until the relative squared error
    reaches 0.01.
    """
    spectrum = np.fft.rfft(pulses, _PSP_FFT, axis=1)[:, : _PSP_FFT // 2]
    curvature, stopped = _first_bad_fit(decibel(np.abs(spectrum[:, :_PSP_BINS])))
    again = np.flatnonzero(~stopped)
    if len(again):
        curvature[again], _ = _first_bad_fit(decibel(np.abs(spectrum[again])))
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
