"""True Envelope: the smooth cepstral curve that rests on the spectral peaks.

A. Roebel, X. Rodet, "Efficient spectral envelope estimation and its application to pitch shifting and envelope
preservation", DAFx 2005, 30-35; A. Roebel, F. Villavicencio, X. Rodet, Pattern Recognition Letters 28(11), 2007;
S. Imai, "Cepstral analysis synthesis on the mel frequency scale", ICASSP 1983.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from extractors.acoustic.dsp import SAMPLE_RATE, Float, Int, round_half_away

_FFT = 4096
_HALF = _FFT // 2  # 2048: last bin
_QUARTER = _FFT // 4  # 1024: axis about which the cosines are even or odd
_TOLERANCE = np.log(10 ** (2 / 20))  # the envelope may lie below a peak by 2 dB
_MOST_ITERATIONS = 200
_EXTENSION = 1.2  # of the order, tapered by half a Hamming window
_BATCH = 96  # frames iterated together


def cepstral_orders(f0: Float) -> Int:
    """Order that a pitch supports, rnd(fs / (2 f0)), shape (frames,)."""
    return round_half_away(0.5 * SAMPLE_RATE / f0).astype(np.int64)


def true_envelope(log_magnitude: Float, orders: Int) -> Float:
    """Compute the True Envelope of many frames.

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
    Before the iteration, the bins at both ends, where half a lobe has no neighbour to lean on, are replaced by an
    envelope of half the order.
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


@lru_cache(maxsize=4)
def _cosines(order: int) -> tuple[Float, Float]:
    """cos(2 pi k m / 4096) for k = 0..1023 and the even, the odd m up to `order` (rounded up to a few sizes)."""
    k = np.arange(_QUARTER)[:, None]
    even, odd = np.arange(0, order + 1, 2), np.arange(1, order + 1, 2)
    return np.cos(2 * np.pi / _FFT * (k * even)), np.cos(2 * np.pi / _FFT * (k * odd))


def _iterate(target: Float, order: Int) -> Float:
    """Raise the cepstrally smoothed curve until it is at most 2 dB below the target anywhere.

    The spectrum is held as two halves, folded about the quarter of the sampling rate: there cosines of even order are
    even and those of odd order odd, which halves the matrix products.
    """
    frames = len(target)
    widest = -(-int(order.max()) // 64) * 64  # few distinct sizes, so that the tables are made once
    even, odd = _cosines(min(widest, _HALF - 1))
    size = int(order.max())
    even, odd = even[:, : size // 2 + 1], odd[:, : (size + 1) // 2]
    m = np.arange(size + 1)
    inside = m <= order[:, None]
    lag_window = np.where(inside, 0.54 + 0.46 * np.cos(np.pi * m / order[:, None]), 0.0)
    doubled = np.where(m == 0, 1.0, 2.0) * inside
    middle_sign = np.where(np.arange(even.shape[1]) % 2 == 0, 1.0, -1.0)  # cos(pi m / 2), even m

    goal = _Folded(target)
    current = goal.copy()
    cepstrum = np.zeros((frames, size + 1))
    out = np.empty_like(target)
    alive = np.arange(frames)
    for iteration in range(_MOST_ITERATIONS):
        c = np.empty((len(alive), size + 1))
        c[:, 0::2] = (current.symmetric() @ even) + current.middle[:, None] * middle_sign
        c[:, 1::2] = current.antisymmetric() @ odd
        c /= _FFT / 2  # both halves of the two-sided spectrum; the two end bins were weighted by one half
        energy, last = current.energy(), current.alternating() / (_FFT / 2)
        wanted = doubled * c
        e_in = np.einsum("nm,nm->n", wanted, wanted)
        kept = np.where(inside, c, 0.0)
        tail = (energy / _FFT - c[:, 0] ** 2 - last**2) / 2 - (np.einsum("nm,nm->n", kept, kept) - c[:, 0] ** 2)
        e_out = 4 * np.maximum(tail, 0)
        step = 1 + np.sqrt(e_out) / np.sqrt(e_in)
        cepstrum += step[:, None] * lag_window * (wanted - cepstrum)
        smooth = _Folded.from_parts(
            cepstrum[:, 0::2] @ even.T, cepstrum[:, 1::2] @ odd.T, cepstrum[:, 0::2] @ middle_sign
        )
        done = goal.largest_excess(smooth) <= _TOLERANCE
        if iteration == _MOST_ITERATIONS - 1:
            done[:] = True
        if done.any():
            out[alive[done]] = smooth.take(done).unfold()
            left = ~done
            if not left.any():
                break
            alive, inside, lag_window, doubled = alive[left], inside[left], lag_window[left], doubled[left]
            cepstrum, goal, current, smooth = cepstrum[left], goal.take(left), current.take(left), smooth.take(left)
        current.raise_to(smooth)
    return out


class _Folded:
    """Rows of 2049 bins as bins 0..1023, bins 2048..1025 (reversed) and bin 1024."""

    def __init__(self, full: Float) -> None:
        self.low = np.ascontiguousarray(full[:, :_QUARTER])
        self.high = np.ascontiguousarray(full[:, :_QUARTER:-1])
        self.middle = full[:, _QUARTER].copy()

    @classmethod
    def from_parts(cls, symmetric: Float, antisymmetric: Float, middle: Float) -> _Folded:
        made = cls.__new__(cls)
        made.low = symmetric + antisymmetric
        made.high = np.subtract(symmetric, antisymmetric, out=symmetric)
        made.middle = middle
        return made

    def take(self, rows: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> _Folded:
        made = _Folded.__new__(_Folded)
        made.low, made.high, made.middle = self.low[rows], self.high[rows], self.middle[rows]
        return made

    def copy(self) -> _Folded:
        made = _Folded.__new__(_Folded)
        made.low, made.high, made.middle = self.low.copy(), self.high.copy(), self.middle.copy()
        return made

    def symmetric(self) -> Float:
        folded = self.low + self.high
        folded[:, 0] *= 0.5
        return folded

    def antisymmetric(self) -> Float:
        folded = self.low - self.high
        folded[:, 0] *= 0.5
        return folded

    def energy(self) -> Float:
        """Sum of squares over the two-sided spectrum, shape (rows,)."""
        total = np.einsum("nk,nk->n", self.low, self.low) + np.einsum("nk,nk->n", self.high, self.high)
        return np.asarray(2 * (total + self.middle**2) - self.low[:, 0] ** 2 - self.high[:, 0] ** 2)

    def alternating(self) -> Float:
        """Half the sum over the two-sided spectrum of (-1)^k A_k, shape (rows,)."""
        signs = _alternating_signs()
        return np.asarray((self.low + self.high) @ signs + self.middle)

    def largest_excess(self, smooth: _Folded) -> Float:
        """Largest height of these rows above others, shape (rows,)."""
        low, high = (self.low - smooth.low).max(axis=1), (self.high - smooth.high).max(axis=1)
        return np.asarray(np.maximum(np.maximum(low, high), self.middle - smooth.middle))

    def raise_to(self, smooth: _Folded) -> None:
        np.maximum(self.low, smooth.low, out=self.low)
        np.maximum(self.high, smooth.high, out=self.high)
        np.maximum(self.middle, smooth.middle, out=self.middle)

    def unfold(self) -> Float:
        return np.concatenate((self.low, self.middle[:, None], self.high[:, ::-1]), axis=1)


@lru_cache(maxsize=1)
def _alternating_signs() -> Float:
    signs = np.where(np.arange(_QUARTER) % 2 == 0, 1.0, -1.0)
    signs[0] = 0.5
    return signs
