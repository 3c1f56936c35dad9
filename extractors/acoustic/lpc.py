"""Linear prediction of many frames at once, and the residual of a whole recording.

J. Makhoul, "Linear prediction: a tutorial review", Proc. IEEE 63(4):561-580, 1975.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from extractors.acoustic.dsp import Float, hanning

_FRAME = 400  # samples = 25 ms at 16 kHz
_SHIFT = 80  # samples = 5 ms
_FRAMES_AT_ONCE = 1024  # 5 s; small enough for the cache

RESIDUAL_ORDER = 18  # rnd(fs/1000 + 2) at 16 kHz


def autocorrelation(frames: Float, order: int) -> Float:
    """Biased autocorrelation r[k] = 1/L sum_n v[n] v[n-k], k = 0..order.

    Parameters
    ----------
    frames : ndarray, shape (n, length)
        Already windowed.
    order : int

    Returns
    -------
    ndarray, shape (n, order + 1)
    """
    length = frames.shape[1]
    padded = np.pad(frames, ((0, 0), (order, 0)))
    lagged = sliding_window_view(padded, length, axis=1)  # (n, order + 1, length), last lag first
    return np.asarray(np.einsum("nkl,nl->nk", lagged, frames)[:, ::-1] / length)


def levinson(r: Float) -> Float:
    """Levinson-Durbin recursion on many autocorrelations at once.

    Parameters
    ----------
    r : ndarray, shape (n, order + 1)

    Returns
    -------
    ndarray, shape (n, order + 1)
        Prediction polynomials a with a[:, 0] = 1. An all-zero autocorrelation gives [1, 0, ..., 0].
    """
    n, width = r.shape
    a = np.zeros((n, width))
    a[:, 0] = 1
    silent = r[:, 0] == 0
    error = np.where(silent, 1.0, r[:, 0])
    for i in range(1, width):
        reflection = -np.einsum("nk,nk->n", a[:, :i], r[:, i:0:-1]) / error
        a[:, 1 : i + 1] += reflection[:, None] * a[:, i - 1 :: -1][:, :i]
        error = error * (1 - reflection**2)
        error[error == 0] = np.finfo(np.float64).tiny
    return a


def lpc(frames: Float, order: int) -> Float:
    """Prediction polynomials of windowed frames by the autocorrelation method, shape (n, order + 1)."""
    return levinson(autocorrelation(frames, order))


def inverse_filter(a: Float, frames: Float) -> Float:
    """Apply A(z) to each frame from rest: e[n] = sum_k a[k] v[n-k].

    Parameters
    ----------
    a : ndarray, shape (n, order + 1)
    frames : ndarray, shape (n, length)

    Returns
    -------
    ndarray, shape (n, length)
    """
    out = a[:, :1] * frames
    scratch = np.empty_like(out)
    for k in range(1, a.shape[1]):
        product = np.multiply(a[:, k : k + 1], frames[:, : frames.shape[1] - k], out=scratch[:, k:])
        out[:, k:] += product
    return out


def residual(x: NDArray[np.floating], *, order: int, envelope_of: NDArray[np.floating] | None = None) -> Float:
    """Linear-prediction residual of a recording, by overlap-add of 25 ms frames every 5 ms.

    Parameters
    ----------
    x : ndarray, shape (samples,)
        Signal at 16 kHz.
    order : int
        Prediction order: 18 for the main residual, 12 for SRH.
    envelope_of : ndarray, shape (samples,), optional
        Take each frame's prediction polynomial from this signal instead of `x` (Drugman's polarity detector does).

    Returns
    -------
    ndarray, shape (samples,)
        Residual scaled to a maximum magnitude of 1. Where a whole frame is digital silence its energy match is 0/0 and
        the residual is NaN; later stages decide what that means for them.

    Notes
    -----
    Each frame is windowed with `hanning`, inverse filtered and brought back to its own energy; frames are added
    without a synthesis window. The last sample of the recording is never inside a frame.
    """
    samples = len(x)
    width = _FRAME + 1
    count = max(0, -(-(samples - 1 - _FRAME) // _SHIFT))
    out = np.zeros(samples)
    window = hanning(width)
    for first in range(0, count, _FRAMES_AT_ONCE):
        last = min(first + _FRAMES_AT_ONCE, count)
        span = slice(first * _SHIFT, (last - 1) * _SHIFT + width)
        frames = _windowed(x[span], window)
        source = frames if envelope_of is None else _windowed(envelope_of[span], window)
        filtered = inverse_filter(lpc(source, order), frames)
        with np.errstate(invalid="ignore", divide="ignore"):
            energy = np.einsum("nl,nl->n", frames, frames) / np.einsum("nl,nl->n", filtered, filtered)
        filtered *= np.sqrt(energy)[:, None]
        _overlap_add(filtered, out[span])
    with np.errstate(invalid="ignore"):
        peak = max((float(np.nanmax(np.abs(part), initial=0.0)) for part in _parts(out)), default=0.0)
    if peak > 0:
        out /= peak
    return out


def _windowed(segment: NDArray[np.floating], window: Float) -> Float:
    return sliding_window_view(np.asarray(segment, dtype=np.float64), len(window))[::_SHIFT] * window


def _overlap_add(frames: Float, out: Float) -> None:
    """Add frame i to out[i * shift :], column block by column block."""
    n, width = frames.shape
    for start in range(0, width, _SHIFT):
        block = frames[:, start : start + _SHIFT]
        # rows of a strided view never overlap because the block is at most one shift wide
        view = np.lib.stride_tricks.as_strided(
            out[start:], (n, block.shape[1]), (_SHIFT * out.itemsize, out.itemsize), writeable=True
        )
        view += block


def _parts(values: Float) -> list[Float]:
    return [values[start : start + (1 << 20)] for start in range(0, len(values), 1 << 20)]
