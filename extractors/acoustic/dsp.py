"""Rounding, windows, interpolation and peak picking, shared by all stages of the analysis.

All analysis runs at 16 kHz. *Index* is a 0-based sample number; *position* is index + 1, the convention of COVAREP's
files. Both occur below: numerical agreement with COVAREP depends on these one-sample offsets.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Complex = NDArray[np.complex128]


class Signal(Protocol):
    """A recording of which stretches are read: samples of either precision, in an array or computed."""

    def __len__(self) -> int: ...

    def __getitem__(self, span: slice, /) -> NDArray[np.floating]: ...


class Samples(Signal, Protocol):
    """A signal of which stretches are read in double precision: an array, or what computes them."""

    def __getitem__(self, span: slice, /) -> Float: ...


@dataclass(frozen=True)
class Inverted:
    """A signal with the opposite sign, which is not held a second time."""

    x: Signal

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, span: slice, /) -> NDArray[np.floating]:
        return -self.x[span]


HOP = 160  # samples = 10 ms at 16 kHz
FIRST_POSITION = 80  # samples = 5 ms: position of row 0
_CHUNK = 1 << 20  # samples searched at a time (65 s), so that temporaries are small compared with the recording
_ROWS = 1 << 14  # rows interpolated at a time
TINY = 2.2e-308  # smallest normal double; added before a logarithm whose argument may be exactly zero


def round_half_away(value: ArrayLike) -> Float:
    """Round to the nearest integer, halves away from zero (numpy rounds halves to even)."""
    v = np.asarray(value, dtype=np.float64)
    return np.asarray(np.sign(v) * np.floor(np.abs(v) + 0.5))


def round_int(value: float) -> int:
    """Round one number half away from zero, as int."""
    return int(round_half_away(value))


def wrap(phase: Float) -> Float:
    """Wrap angles in rad to [-pi, pi]."""
    return np.asarray(phase - 2 * np.pi * round_half_away(phase / (2 * np.pi)))


def hanning(length: int) -> Float:
    """Return the raised cosine without zero end points, 0.5 (1 - cos(2 pi (i+1)/(L+1))), shape (length,)."""
    return np.asarray(0.5 * (1 - np.cos(2 * np.pi * np.arange(1, length + 1) / (length + 1))))


def hamming(length: int) -> Float:
    """Return 0.54 - 0.46 cos(2 pi i/(L-1)), shape (length,)."""
    return np.asarray(0.54 - 0.46 * np.cos(2 * np.pi * np.arange(length) / (length - 1)))


def blackman(length: int) -> Float:
    """Return 0.42 - 0.5 cos(2 pi i/(L-1)) + 0.08 cos(4 pi i/(L-1)), zero at both ends, shape (length,)."""
    angle = 2 * np.pi * np.arange(length) / (length - 1)
    return np.asarray(0.42 - 0.5 * np.cos(angle) + 0.08 * np.cos(2 * angle))


def decibel(magnitude: Float) -> Float:
    """20 log10(magnitude), finite for an exact zero."""
    return np.asarray(20 * np.log10(magnitude + TINY))


def fast_length(least: int) -> int:
    """Return the smallest length from `least`, a positive number, on whose Fourier transform is fast: 2^i 3^j 5^k."""
    length = least
    while True:
        rest = length
        for prime in (2, 3, 5):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return length
        length += 1


def mask_to_zero(values: Float) -> Float:
    """Return a copy with NaN replaced by 0."""
    return np.where(np.isnan(values), 0.0, values)


def interpolate(positions: NDArray[np.floating] | Int, values: Float, at: NDArray[np.floating] | Int) -> Float:
    """Interpolate linearly, NaN outside the range of the known positions.

    Parameters
    ----------
    positions : ndarray, shape (n,)
        Non-decreasing abscissae.
    values : ndarray, shape (n,) or (n, d)
    at : ndarray, shape (m,)

    Returns
    -------
    ndarray, shape (m,) or (m, d)
    """
    return _blend(positions, values, at, lambda low, high, weight: low + weight * (high - low))


def interpolate_angles(positions: NDArray[np.floating] | Int, values: Float, at: NDArray[np.floating] | Int) -> Float:
    """Interpolate angles in rad along the shorter arc; otherwise as `interpolate`."""
    return _blend(positions, values, at, lambda low, high, weight: wrap(low + weight * wrap(high - low)))


def _blend(
    positions: NDArray[np.floating] | Int,
    values: Float,
    at: NDArray[np.floating] | Int,
    mix: Callable[[Float, Float, Float], Float],
) -> Float:
    out = np.full((len(at), *values.shape[1:]), np.nan)
    if len(positions) < 2:
        if len(positions) == 1:
            out[np.asarray(at) == positions[0]] = values[0]
        return out
    inside = np.flatnonzero((at >= positions[0]) & (at <= positions[-1]))
    for first in range(0, len(inside), _ROWS):  # temporaries of an hour's matrices would be as large as the recording
        rows = inside[first : first + _ROWS]
        where = np.asarray(at)[rows]
        right = np.clip(np.searchsorted(positions, where, side="right"), 1, len(positions) - 1)
        left = right - 1
        weight = (where - positions[left]) / (positions[right] - positions[left])
        weight = weight.reshape(-1, *(1,) * (values.ndim - 1))
        mixed = mix(values[left], values[right], weight)
        # At a point exactly on a known position, a NaN neighbour of weight 0 must not propagate.
        out[rows] = np.where(weight == 0, values[left], np.where(weight == 1, values[right], mixed))
    return out


def touches(positions: Int, marked: NDArray[np.bool_], rows: Int) -> NDArray[np.bool_]:
    """Return the mask of the rows whose value is interpolated from a marked frame, shape (rows,)."""
    if not marked.any():
        return np.zeros(len(rows), dtype=np.bool_)
    share = interpolate(positions, marked.astype(np.float64), rows)
    return np.asarray(share > 0)


class RunInterpolation:
    """Linear interpolation of values that come a run at a time, so that they are never held whole.

    Parameters
    ----------
    positions : ndarray, shape (n,)
        Increasing abscissae of all values.
    at : ndarray, shape (m,)
        Increasing abscissae of the rows.
    between : callable
        `interpolate`, `interpolate_angles`, or one with the same arguments and result.
    """

    def __init__(
        self,
        positions: NDArray[np.floating] | Int,
        at: Int,
        *,
        between: Callable[[NDArray[np.floating] | Int, Float, Int], Float] = interpolate,
    ) -> None:
        self._positions, self._at, self._between = positions, at, between
        self._known = self._rows = 0  # values that have come, rows that are given
        self._last: Float | None = None  # value, shape (1, d): rows between it and the next run need both

    def add(self, values: Float) -> tuple[slice, Float]:
        """Take the next values, shape (k, d); return the rows that are now known, and their values, shape (rows, d).

        Rows before the first value and after the last are NaN.
        """
        first = self._known - (self._last is not None)
        self._known += len(values)
        held = values if self._last is None else np.concatenate((self._last, values))
        begin, end = self._rows, len(self._at)
        if self._known < len(self._positions):
            reached = self._positions[self._known - 1] if self._known else -np.inf
            end = int(np.searchsorted(self._at, reached, side="right"))
        self._rows, self._last = end, held[-1:] if len(held) else None
        return slice(begin, end), self._between(self._positions[first : self._known], held, self._at[begin:end])


def grid_positions(samples: int) -> Int:
    """Return the positions of the rows of the feature matrix: 80, 240, ... up to the last sample, shape (rows,)."""
    return np.arange(FIRST_POSITION, samples + 1, HOP, dtype=np.int64)


def local_extrema(values: Samples) -> tuple[Int, Int]:
    """Find the local maxima and minima of a signal, ends excluded; of a flat one, its first sample.

    Parameters
    ----------
    values : ndarray, shape (samples,), or what computes it

    Returns
    -------
    maxima, minima : ndarray of int, shape (n,) each
    """
    maxima, minima = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    carried_place, carried_rise = -1, False  # of the previous chunk's last change: its index, and whether it rose
    for start in range(0, len(values) - 1, _CHUNK):
        part = values[start : start + _CHUNK + 1]
        rise = part[1:] > part[:-1]
        places = np.flatnonzero(rise | (part[1:] < part[:-1]))
        rises = rise[places]
        places = places + start
        if carried_place >= 0:
            places = np.concatenate(([carried_place], places))
            rises = np.concatenate(([carried_rise], rises))
        if len(places) == 0:
            continue
        maxima.append(places[np.flatnonzero(rises[:-1] & ~rises[1:])] + 1)
        minima.append(places[np.flatnonzero(~rises[:-1] & rises[1:])] + 1)
        carried_place, carried_rise = int(places[-1]), bool(rises[-1])
    return np.concatenate(maxima), np.concatenate(minima)


def row_maxima(values: Float) -> tuple[Int, Int]:
    """Find the local maxima of each row (of a flat maximum, its middle), ends excluded.

    Parameters
    ----------
    values : ndarray, shape (rows, bins)

    Returns
    -------
    rows, bins : ndarray of int, shape (peaks,) each
        Sorted by row, then by bin.
    """
    rise = values[:, 1:] > values[:, :-1]
    fall = values[:, 1:] < values[:, :-1]
    moved = rise | fall
    if moved.all():
        rows, bins = np.nonzero(rise[:, :-1] & fall[:, 1:])
        return rows, bins + 1
    rows, places = np.nonzero(moved)
    rises = rise[rows, places]
    top = np.flatnonzero(rises[:-1] & ~rises[1:] & (rows[:-1] == rows[1:]))
    return rows[top], (places[top] + 1 + places[top + 1]) // 2
