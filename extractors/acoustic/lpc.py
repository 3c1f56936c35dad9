"""Linear-prediction residual of a whole recording.

J. Makhoul, "Linear prediction: a tutorial review", Proc. IEEE 63(4):561-580, 1975.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mtmm_video.extractors.acoustic import kernels
from mtmm_video.extractors.acoustic.dsp import Float, Signal, hanning

_FRAME = 400  # samples = 25 ms at 16 kHz
SHIFT = 80  # samples = 5 ms
_FRAMES_AT_ONCE = 8192  # converted to float64 at a time: 41 s
_SAMPLES_AT_ONCE = 1 << 20
_MARGIN = 8 * SHIFT  # longer than a frame, so that all frames that overlap a block are complete

RESIDUAL_ORDER = 18  # rnd(fs/1000 + 2) at 16 kHz


def lpc(frame: Float, order: int) -> Float:
    """Compute the prediction polynomial of one windowed frame by the autocorrelation method (Levinson-Durbin).

    Parameters
    ----------
    frame : ndarray, shape (samples,)
    order : int

    Returns
    -------
    ndarray, shape (order + 1,)
        a with a[0] = 1; [1, 0, ..., 0] for digital silence.
    """
    a = np.empty(order + 1)
    kernels.predict(frame, order, a, np.empty(order + 1))
    return a


@dataclass(frozen=True)
class Residual:
    """Linear-prediction residual of a recording, computed anew wherever it is read, so that it is never held whole.

    ``[start:stop]`` gives the samples of `unscaled_residual` divided by `peak`.

    Attributes
    ----------
    x : ndarray, shape (samples,), or what computes it
        Signal at 16 kHz.
    order : int
        Prediction order.
    peak : float
        Largest magnitude of the residual on the scale of the signal; 1 for digital silence.
    """

    x: Signal
    order: int
    peak: float

    @classmethod
    def of(cls, x: Signal, *, order: int) -> Residual:
        """Find the scale of the residual of a recording."""
        raw = cls(x, order, 1.0)
        peak = 0.0
        for at in range(0, len(x), _SAMPLES_AT_ONCE):
            peak = max(peak, float(np.nanmax(np.abs(raw[at : at + _SAMPLES_AT_ONCE]), initial=0.0)))
        return cls(x, order, peak or 1.0)

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, span: slice) -> Float:
        start, stop, _ = span.indices(len(self.x))
        # All frames that overlap the samples, on the grid of the whole recording's frames.
        begin = max(start - _MARGIN, 0) // SHIFT * SHIFT
        part = unscaled_residual(self.x[begin : stop + _MARGIN], order=self.order)[start - begin : stop - begin]
        part /= self.peak
        return part


def unscaled_residual(x: NDArray[np.floating], *, order: int, envelope_of: NDArray[np.floating] | None = None) -> Float:
    """Compute the linear-prediction residual of a signal, by overlap-add of 25 ms frames every 5 ms.

    Parameters
    ----------
    x : ndarray, shape (samples,)
        Signal at 16 kHz.
    order : int
        Prediction order: 18 for the main residual, 12 for SRH.
    envelope_of : ndarray, shape (samples,), optional
        Signal that each frame's prediction polynomial is computed from, instead of `x` (for polarity detection).

    Returns
    -------
    ndarray, shape (samples,)
        On the scale of the signal. NaN where a whole frame is digital silence: the energy normalisation is 0/0 there.

    Notes
    -----
    Each frame is windowed with `hanning`, inverse filtered and scaled back to its own energy; frames are added
    without a synthesis window. No frame contains the last sample of the recording.
    """
    samples = len(x)
    width = _FRAME + 1
    count = max(0, -(-(samples - 1 - _FRAME) // SHIFT))
    out = np.zeros(samples)
    window = hanning(width)
    for first in range(0, count, _FRAMES_AT_ONCE):
        last = min(first + _FRAMES_AT_ONCE, count)
        span = slice(first * SHIFT, (last - 1) * SHIFT + width)
        segment = np.asarray(x[span], dtype=np.float64)
        source = segment if envelope_of is None else np.asarray(envelope_of[span], dtype=np.float64)
        kernels.add_residual(segment, source, window, order, SHIFT, out[span])
    return out
