"""Zero-phase filtering of a recording: forwards, then backwards, a stretch at a time."""

# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

import math

import numpy as np
from numba import njit

from mtmm_video.extractors.acoustic.dsp import Float, Signal

_FORGOTTEN = 1e-20  # share of a state that is left when a filter counts as having forgotten it: far below rounding


class ZeroPhase:
    """A signal filtered forwards and backwards with odd extension at both ends, and never held whole.

    ``[start:stop]`` gives filtered samples, float64. It is fast where `start` does not fall below that of the slice
    before; else the forward filter begins anew.

    Parameters
    ----------
    sos : ndarray, shape (sections, 6)
        Second-order sections of an IIR filter. (Low cut-offs are ill conditioned as a single ratio of polynomials.)
    values : ndarray, shape (samples,), or what computes it
        At least one sample.

    Notes
    -----
    The extension is 3 x order samples long, 2 v[0] - v[k], with steady-state initial conditions scaled by the first
    extended sample, as in MATLAB's ``filtfilt`` (scipy's default extension is 3 samples longer). The backward filter
    begins at the end of the signal, or so far behind the slice that the rest of its initial state is `_FORGOTTEN`:
    a slice equals that of the whole signal up to rounding.
    """

    def __init__(self, sos: Float, values: Signal) -> None:
        self._sos, self._values = sos, values
        order = 2 * len(sos) - int(np.count_nonzero(sos[:, 5] == 0))  # an odd order leaves one section with one pole
        self._pad = min(3 * order, len(values) - 1)
        self._memory = memory_of(sos)
        self._rest = steady_state(sos)
        self._first = 0  # sample that `_ahead`, the signal filtered forwards, begins with
        self._ahead = self._state = np.zeros(0)
        self._begin_anew()

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, span: slice, /) -> Float:
        start, stop, _ = span.indices(len(self))
        if start < self._first:
            self._begin_anew()
        self._filter_forwards(min(stop + self._memory, len(self) + self._pad))
        self._ahead = self._ahead[start - self._first :].copy()  # so that what lies before is freed
        self._first = start
        out = self._ahead[: stop + self._memory - start].copy()
        if stop > start:
            _filter(self._sos, self._rest * out[-1], out, True)
        return out[: stop - start]

    def _begin_anew(self) -> None:
        self._first = -self._pad
        self._ahead = np.zeros(0)
        self._state = self._rest * self._extended(-self._pad, 1 - self._pad)[0]

    def _filter_forwards(self, stop: int) -> None:
        """Filter on to a sample, which may lie in the extension at the end."""
        start = self._first + len(self._ahead)
        if start < stop:
            new = self._extended(start, stop)
            _filter(self._sos, self._state, new, False)
            self._ahead = np.concatenate([self._ahead, new])

    def _extended(self, start: int, stop: int) -> Float:
        """Return samples of the signal with its extensions, from sample `-pad` to `len + pad`."""
        last, pad = len(self) - 1, self._pad
        parts = [np.asarray(self._values[max(start, 0) : max(stop, 0)], dtype=np.float64)]
        if start < 0:
            head = np.asarray(self._values[: pad + 1], dtype=np.float64)
            parts.insert(0, (2 * head[0] - head[:0:-1])[start + pad : min(stop, 0) + pad])
        if stop > last + 1:
            tail = np.asarray(self._values[last - pad :], dtype=np.float64)
            parts.append((2 * tail[-1] - tail[-2::-1])[max(start - last - 1, 0) : stop - last - 1])
        return np.concatenate(parts)


def memory_of(sos: Float) -> int:
    """Return after how many samples a filter has forgotten what was before, from the pole that decays most slowly."""
    slowest = max(float(np.abs(np.roots(section[3:])).max()) for section in sos)
    return math.ceil(math.log(_FORGOTTEN) / math.log(slowest)) if 0 < slowest < 1 else 0


def steady_state(sos: Float) -> Float:
    """Return the states of the sections after endless ones, shape (sections, 2): transposed direct form II."""
    states, level = np.zeros((len(sos), 2)), 1.0  # of the section's input
    for state, (b0, b1, b2, _, a1, a2) in zip(states, sos, strict=True):
        output = level * (b0 + b1 + b2) / (1 + a1 + a2)
        state[1] = b2 * level - a2 * output
        state[0] = b1 * level - a1 * output + state[1]
        level = output
    return states


# scipy.signal has this loop too, but its import takes as long as 10 s of sound: it loads all of scipy's statistics.
@njit(cache=True, error_model="numpy", nogil=True)
def _filter(sos: Float, state: Float, values: Float, backwards: bool) -> None:
    """Run second-order sections over a signal, from its first sample or from its last; `state` is updated."""
    length = len(values)
    for step in range(length):
        n = length - 1 - step if backwards else step
        value = values[n]
        for section in range(len(sos)):
            out = sos[section, 0] * value + state[section, 0]
            state[section, 0] = sos[section, 1] * value - sos[section, 4] * out + state[section, 1]
            state[section, 1] = sos[section, 2] * value - sos[section, 5] * out
            value = out
        values[n] = value
