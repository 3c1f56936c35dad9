"""True Envelope: a smooth cepstral curve through the spectral peaks.

A. Roebel, X. Rodet, "Efficient spectral envelope estimation and its application to pitch shifting and envelope
preservation", DAFx 2005, 30-35; A. Roebel, F. Villavicencio, X. Rodet, Pattern Recognition Letters 28(11), 2007;
S. Imai, "Cepstral analysis synthesis on the mel frequency scale", ICASSP 1983.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from mtmm_video.extractors.acoustic.dsp import Float, Int, round_half_away
from mtmm_video.extractors.acoustic.envelope_kernels import move_cepstrum, rest_on_peaks
from mtmm_video.extractors.sample_rate import SAMPLE_RATE

_FFT = 4096
_HALF = _FFT // 2  # 2048: last bin
_QUARTER = _FFT // 4  # 1024: bin about which the cosines are even or odd
_TOLERANCE = np.log(10 ** (2 / 20))  # the envelope may be at most 2 dB below a peak
_MOST_ITERATIONS = 200
_EXTENSION = 1.2  # factor on the order; the extended cepstrum is tapered by half a Hamming window
_BATCH = 32  # frames iterated together
_WORTH_PACKING = 0.75  # share of running frames below which the finished ones are dropped from the batch


def cepstral_orders(f0: Float) -> Int:
    """Return the cepstral order for a pitch, rnd(fs / (2 f0)), shape (frames,)."""
    return round_half_away(0.5 * SAMPLE_RATE / f0).astype(np.int64)


def true_envelope(log_magnitude: Float, orders: Int) -> Float:
    """Compute the True Envelope of a batch of frames.

    Parameters
    ----------
    log_magnitude : ndarray, shape (frames, 2049)
        ln |S| of a 4096-point spectrum. Every value finite.
    orders : ndarray of int, shape (frames,)
        Cepstral order of each frame, from `cepstral_orders`.

    Returns
    -------
    ndarray, shape (frames, 2049)
        ln of the envelope.

    Notes
    -----
    Before the iteration, the bins at both ends, which hold only half a spectral lobe, are replaced by an envelope of
    half the order.
    """
    out = np.empty_like(log_magnitude)
    by_order = np.argsort(orders, kind="stable")
    for first in range(0, len(by_order), _BATCH):
        part = by_order[first : first + _BATCH]
        order = _extend(orders[part])
        target = log_magnitude[part]
        inner = _iterate(target, _extend(round_half_away(order / 2).astype(np.int64)))
        reach = round_half_away(0.25 * _FFT / order).astype(np.int64)[:, None]
        k = np.arange(_HALF + 1)
        ends = (k < reach) | (k > _HALF + 1 - reach)
        out[part] = _iterate(np.where(ends, inner, target), order)
    return out


def _extend(order: Int) -> Int:
    limit = _HALF - 1
    extended = round_half_away(_EXTENSION * np.minimum(order, limit)).astype(np.int64)
    return np.minimum(extended, limit)


@lru_cache(maxsize=8)
def _cosines(order: int) -> tuple[Float, Float]:
    """Tabulate cos(2 pi k m / 4096) for k = 0..1023 and the even and the odd m up to `order`."""
    k = np.arange(_QUARTER)[:, None]
    even, odd = np.arange(0, order + 1, 2), np.arange(1, order + 1, 2)
    return np.cos(2 * np.pi / _FFT * (k * even)), np.cos(2 * np.pi / _FFT * (k * odd))


def _iterate(target: Float, order: Int) -> Float:
    """Raise the cepstrally smoothed curve until it is at most 2 dB below the target anywhere.

    The spectrum is held as two halves, folded about a quarter of the sampling rate: there cosines of even order are
    even and those of odd order odd, which halves the matrix products.
    """
    frames = len(target)
    size = int(order.max())
    widest = -(-size // 64) * 64  # few distinct sizes, so that the tables are made once
    even, odd = _cosines(min(widest, _HALF - 1))
    even, odd = even[:, : size // 2 + 1], odd[:, : (size + 1) // 2]
    m = np.arange(size + 1)
    lag_window = 0.54 + 0.46 * np.cos(np.pi * m / order[:, None])

    # Levels are held relative to their mean: the energy outside the kept coefficients comes from a difference of sums,
    # which must not be lost beside the square of the mean level when a spectrum is nearly flat.
    offset = target.mean(axis=1)
    goal = _folded(target - offset[:, None])
    current = np.full_like(goal, -np.inf)
    symmetric, antisymmetric = np.empty((2, frames, _QUARTER))
    summary = np.empty((frames, 3))
    # The first pass only folds: a curve equal to the goal raises nothing.
    lower, upper, middle = goal[:, :_QUARTER], goal[:, _QUARTER:_HALF], goal[:, _HALF].copy()
    mean, difference = (lower + upper) / 2, (lower - upper) / 2
    rest_on_peaks(mean, difference, middle, goal, current, symmetric, antisymmetric, summary)

    cepstrum = np.zeros((frames, size + 1))
    out = np.empty_like(target)
    number = np.arange(frames)  # of each row still worked on
    running = np.ones(frames, dtype=np.bool_)
    for iteration in range(_MOST_ITERATIONS):
        sums = symmetric @ even, antisymmetric @ odd
        of_even, of_odd = np.zeros_like(sums[0]), np.zeros_like(sums[1])
        move_cepstrum(*sums, current, summary, offset, order, lag_window, cepstrum, of_even, of_odd, middle)
        lower, upper = of_even @ even.T, of_odd @ odd.T
        rest_on_peaks(lower, upper, middle, goal, current, symmetric, antisymmetric, summary)
        done = running & ((summary[:, 0] <= _TOLERANCE) | (iteration == _MOST_ITERATIONS - 1))
        if done.any():
            level = offset[done, None]
            out[number[done], :_QUARTER] = lower[done] + level
            out[number[done], _QUARTER] = middle[done] + level[:, 0]
            out[number[done], :_QUARTER:-1] = upper[done] + level
            running &= ~done
            if not running.any():
                break
            if running.mean() < _WORTH_PACKING:
                keep = running
                number, order, lag_window, cepstrum = number[keep], order[keep], lag_window[keep], cepstrum[keep]
                goal, current, summary, middle = goal[keep], current[keep], summary[keep], middle[keep]
                symmetric, antisymmetric, offset = symmetric[keep], antisymmetric[keep], offset[keep]
                running = np.ones(len(number), dtype=np.bool_)
    return out


def _folded(full: Float) -> Float:
    """Bins 0..1023, bins 2048..1025 and bin 1024 of each row."""
    return np.concatenate((full[:, :_QUARTER], full[:, :_QUARTER:-1], full[:, _QUARTER : _QUARTER + 1]), axis=1)
