"""Zero-phase filtering of a whole recording, in place: forwards, then backwards."""

# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from mtmm_video.extractors.acoustic.dsp import Float


def zero_phase(sos: Float, values: NDArray[np.floating]) -> Float:
    """Filter forwards and backwards with odd extension at both ends.

    Parameters
    ----------
    sos : ndarray, shape (sections, 6)
        Second-order sections of an IIR filter. (Low cut-offs are ill conditioned as a single ratio of polynomials.)
    values : ndarray, shape (samples,)

    Returns
    -------
    ndarray, shape (samples,)
        The filtered signal, float64. One array of that length is allocated.

    Notes
    -----
    The extension is 3 x order samples long, 2 v[0] - v[k], with steady-state initial conditions scaled by the first
    extended sample, as in MATLAB's ``filtfilt`` (scipy's default extension is 3 samples longer).
    """
    inner, buffer = room_for_zero_phase(sos, len(values))
    inner[:] = values
    return zero_phase_in_place(sos, inner, buffer)


def room_for_zero_phase(sos: Float, samples: int) -> tuple[Float, Float]:
    """Allocate a buffer with room for the extensions, and return its middle, shape (samples,), and the buffer.

    Filling the middle and calling `zero_phase_in_place` avoids a copy of the recording.
    """
    order = 2 * len(sos) - int(np.count_nonzero(sos[:, 5] == 0))  # an odd order leaves one section with a single pole
    pad = min(3 * order, samples - 1)
    buffer = np.zeros(samples + 2 * pad)
    return buffer[pad : pad + samples], buffer


def zero_phase_in_place(sos: Float, inner: Float, buffer: Float) -> Float:
    """Filter as `zero_phase`, overwriting arrays from `room_for_zero_phase`; returns the inner one."""
    n = len(inner)
    pad = (len(buffer) - n) // 2
    buffer[:pad] = 2 * inner[0] - inner[pad:0:-1]
    buffer[pad + n :] = 2 * inner[-1] - inner[-2 : -pad - 2 : -1]
    rest = steady_state(sos)
    _filter(sos, rest * buffer[0], buffer, False)
    _filter(sos, rest * buffer[-1], buffer, True)
    return inner


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
    """Run second-order sections over a signal, from its first sample or from its last."""
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
