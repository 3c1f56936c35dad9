"""Wavelet measures of voice quality: maxima dispersion quotient (MDQ) and peakSlope.

J. Kane, C. Gobl, "Wavelet maxima dispersion for breathy to tense voice discrimination", IEEE TASLP 21(6):1170-1179,
2013; J. Kane, C. Gobl, "Identifying regions of non-modal phonation using features of the wavelet transform",
Interspeech 2011, 177-180. Wavelets: C. d'Alessandro 2011; V. N. Tuan, C. d'Alessandro, Eurospeech 1999.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from mtmm_video.extractors.acoustic.dsp import HOP, Float, Int, Samples, Signal, fast_length, round_half_away

_MARGIN = 1000  # samples on either side of a sample that COVAREP's 2001 taps cover
_STEP = 1 << 14  # samples transformed at a time
_SLOPE_SCALES = range(7)  # 8000, 4000, ..., 125 Hz
_DISPERSION_SCALES = range(2, 7)  # 2000 .. 125 Hz
_SLOPE_FRAME = 640  # samples = 40 ms
_LONGEST_SEARCH = 4096  # samples; longer search ranges (periods above 1.3 s, pauses) are processed one by one


def half_length(scale: int) -> int:
    """Return the taps on one side of the wavelet: 9 standard deviations, where its Gaussian is below 1e-17."""
    return min(9 << scale, _MARGIN)


def wavelet(scale: int) -> Float:
    """Make the cosine-modulated Gaussian of centre frequency 8000 / 2^scale Hz, shape (2 half_length + 1,).

    psi[k] = -cos(pi k / 2^scale) exp(-(k / 2^scale)^2 / 2); no gain normalisation.
    """
    reach = half_length(scale)
    u = np.arange(-reach, reach + 1) / 2**scale
    return np.asarray(-np.cos(np.pi * u) * np.exp(-(u**2) / 2))


@lru_cache(maxsize=64)
def _spectrum(scale: int, length: int) -> NDArray[np.complex128]:
    return np.asarray(np.fft.rfft(wavelet(scale), length))


def transform(segment: Float, scales: range) -> Float:
    """Compute the wavelet transform for the samples of a segment at least 1000 samples away from its ends.

    Parameters
    ----------
    segment : ndarray, shape (samples + 2000,)
    scales : range

    Returns
    -------
    ndarray, shape (len(scales), samples)
    """
    wanted = len(segment) - 2 * _MARGIN
    out = np.empty((len(scales), wanted))
    length = fast_length(len(segment))
    spectrum = np.fft.rfft(segment, length)
    for row, scale in enumerate(scales):
        reach = half_length(scale)
        first = _MARGIN + reach  # the wavelet's centre is its tap `reach`
        if scale < 2:  # a few dozen taps: direct convolution keeps exact zeros in digital silence
            near = segment[_MARGIN - reach : len(segment) - _MARGIN + reach]
            out[row] = np.convolve(near, wavelet(scale), mode="valid")
        else:
            full = np.fft.irfft(spectrum * _spectrum(scale, length), length)
            # Circular wrap-around affects only the first 2 reach samples, which lie in the margin.
            out[row] = full[first : first + wanted]
    return out


def _padded(x: Signal, start: int, stop: int) -> Float:
    """Return x[start:stop] as float64, zero-padded beyond the recording."""
    out = np.zeros(stop - start)
    a, b = max(start, 0), min(stop, len(x))
    if b > a:
        out[a - start : b - start] = x[a:b]
    return out


def peak_slope(x: Signal) -> tuple[Int, Float]:
    """Compute peakSlope every 10 ms: regression slope of the log10 wavelet maxima over the octave bands.

    Parameters
    ----------
    x : ndarray, shape (samples,), or what computes it
        Signal at 16 kHz, polarity corrected.

    Returns
    -------
    positions : ndarray of int, shape (frames,)
        1-based sample number of the middle of each 40 ms frame.
    slope : ndarray, shape (frames,)
        log10 amplitude per octave, from the lowest band (125 Hz) to the highest (8 kHz); about -0.5 (lax, breathy) to
        0 (tense). NaN where a frame is digital silence or a band is exactly zero.

    Notes
    -----
    slope = sum_{t=1..7} (t - 4) log10 Y_t / 28, Y_t the largest magnitude of band t in the frame.
    """
    count = max(0, (len(x) - _SLOPE_FRAME) // HOP + 1)
    blocks = count + _SLOPE_FRAME // HOP - 1 if count else 0
    largest = np.empty((len(_SLOPE_SCALES), blocks))
    silent = np.empty(blocks, dtype=np.bool_)
    per_step = _STEP // HOP
    for first in range(0, blocks, per_step):
        last = min(first + per_step, blocks)
        segment = _padded(x, first * HOP - _MARGIN, last * HOP + _MARGIN)
        bands = transform(segment, _SLOPE_SCALES)
        largest[:, first:last] = np.abs(bands, out=bands).reshape(len(bands), -1, HOP).max(axis=2)
        silent[first:last] = ~segment[_MARGIN:-_MARGIN].reshape(-1, HOP).any(axis=1)
    if not count:
        return np.zeros(0, dtype=np.int64), np.zeros(0)
    per_frame = _SLOPE_FRAME // HOP
    maxima = sliding_window_view(largest, per_frame, axis=1).max(axis=2)
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = (3.0 - np.arange(7)) @ np.log10(maxima) / 28.0
    slope[~np.isfinite(slope) | sliding_window_view(silent, per_frame).all(axis=1)] = np.nan
    return np.arange(count, dtype=np.int64) * HOP + _SLOPE_FRAME // 2, slope


def local_periods(closures: Int) -> Int:
    """Return the distance of each closure to the previous one (the first: to the next) in samples, shape (n,)."""
    steps = np.diff(closures)
    return np.concatenate((steps[:1], steps))


def maxima_dispersion(residual: Samples, closures: Int) -> Float:
    """Compute the maxima dispersion quotient at each glottal closure.

    Parameters
    ----------
    residual : ndarray or Residual, shape (samples,)
        Main residual at 16 kHz; NaN in digital silence.
    closures : ndarray of int, shape (n,)
        Sample indices, at least two.

    Returns
    -------
    ndarray, shape (n,)
        Mean distance, over the bands 2000 .. 125 Hz, of the band's maximum from the closure, as a fraction of the
        period; small for a tense voice (all bands peak at the closure), large for a breathy one. 0 where the recording
        does not contain a whole period on both sides.
    """
    samples = len(residual)
    periods = local_periods(closures)
    search = round_half_away(0.2 * periods).astype(np.int64)
    fits = (closures - periods >= 0) & (closures + periods <= samples - 1)
    out = np.zeros(len(closures))
    short = np.flatnonzero(fits & (search <= _LONGEST_SEARCH))
    step = 4 * _STEP
    for start in range(0, samples, step):
        inside = short[(closures[short] >= start) & (closures[short] < start + step)]
        if len(inside) == 0:
            continue
        widest = int(search[inside].max())
        begin, end = start - widest, min(start + step, samples) + widest
        bands = _residual_bands(residual, begin, end)
        for reach in np.unique(search[inside]):
            group = inside[search[inside] == reach]
            windows = (closures[group] - begin - reach)[:, None] + np.arange(2 * reach + 1)
            out[group] = _dispersion(bands[:, windows], int(reach)) / periods[group]
    for i in np.flatnonzero(fits & (search > _LONGEST_SEARCH)):
        reach, centre = int(search[i]), int(closures[i])
        bands = _residual_bands(residual, centre - reach, centre + reach + 1)
        out[i] = _dispersion(bands[:, None, :], reach)[0] / periods[i]
    return out


def _dispersion(windows: Float, reach: int) -> Float:
    """Average the distance of the maxima from the closure, windows (bands, n, 2 reach + 1) -> (n,).

    A maximum exactly at the closure has distance 1: COVAREP is off by one, and so is the corpus.
    """
    return np.asarray(np.abs(windows.argmax(axis=2) - (reach - 1)).mean(axis=0))


def _residual_bands(residual: Samples, start: int, stop: int) -> Float:
    """Transform at the dispersion scales; -inf within 1000 samples of digital silence, which excludes maxima there."""
    segment = _padded(residual, start - _MARGIN, stop + _MARGIN)
    missing = np.isnan(segment)
    if not missing.any():
        return transform(segment, _DISPERSION_SCALES)
    segment[missing] = 0
    bands = transform(segment, _DISPERSION_SCALES)
    count = np.concatenate(([0], np.cumsum(missing)))
    near = count[2 * _MARGIN + 1 :] - count[: -(2 * _MARGIN + 1)] > 0
    bands[:, near] = -np.inf
    return bands
