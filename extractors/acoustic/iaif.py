"""Glottal flow by iterative adaptive inverse filtering, one frame for each glottal closure.

P. Alku, "Glottal wave analysis with pitch synchronous iterative adaptive inverse filtering", Speech Communication
11(2-3):109-118, 1992.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from mtmm_video.extractors.acoustic import kernels
from mtmm_video.extractors.acoustic.dsp import Float, Int, hanning
from mtmm_video.extractors.acoustic.filter_design import filters
from mtmm_video.extractors.acoustic.wavelets import local_periods
from mtmm_video.extractors.sample_rate import SAMPLE_RATE

_TRACT_ORDER = 20  # 2 rnd(fs/2000) + 4
_GLOTTAL_ORDER = 8  # 2 rnd(fs/4000)
_LEAK = 0.99  # of the integrator that compensates lip radiation
_LONGEST_PERIOD = 60 * SAMPLE_RATE  # pauses longer than a minute get no frame, which bounds the memory


def glottal_flow(x: NDArray[np.floating], closures: Int, *, periods: Int | None = None) -> tuple[Float, Float]:
    """Estimate glottal flow and flow derivative.

    Parameters
    ----------
    x : ndarray, shape (samples,)
        Signal at 16 kHz, polarity corrected.
    closures : ndarray of int, shape (n,)
        Sample indices of the glottal closures, at least two, increasing.
    periods : ndarray of int, shape (n,), optional
        Their `local_periods`, for a part of a recording, whose first closure has one before it.

    Returns
    -------
    flow, derivative : ndarray, shape (samples,) each
        Of arbitrary amplitude: neighbouring frames overlap about twice and are not normalised.

    Notes
    -----
    A frame of two periods around each closure is windowed, high-passed and inverse filtered twice: a first-order
    estimate of the glottal contribution gives a vocal tract of order 20; removing it gives a glottal contribution of
    order 8; removing that gives the final vocal tract.
    """
    start, stop = frame_limits(closures, local_periods(closures) if periods is None else periods, samples=len(x))
    flow, derivative, high_pass = np.zeros(len(x)), np.zeros(len(x)), filters().glottal_flow
    for i in np.flatnonzero(stop - start > _TRACT_ORDER):
        span = slice(start[i], stop[i])
        frame, window = np.asarray(x[span], dtype=np.float64), _window(int(stop[i] - start[i]))
        kernels.iaif_frame(frame, window, high_pass, _TRACT_ORDER, _GLOTTAL_ORDER, _LEAK, flow[span], derivative[span])
    return flow, derivative


def frame_limits(closures: Int, periods: Int, *, samples: int) -> tuple[Int, Int]:
    """Return the first sample of each closure's frame of two periods and the one after it; equal without a frame."""
    start = np.maximum(closures - 1 - periods, 0)  # one sample early, as in the original
    stop = np.minimum(closures + periods, samples)
    framed = periods <= _LONGEST_PERIOD
    return np.where(framed, start, closures), np.where(framed, stop, closures)


@lru_cache(maxsize=512)
def _window(length: int) -> Float:
    return hanning(length)
