"""Polarity of a recording: whether the glottal closure points up or down.

T. Drugman, "Residual Excitation Skewness for Automatic Speech Polarity Detection", IEEE Signal Processing Letters
20(4):387-390, 2013.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from mtmm_video.extractors.acoustic.dsp import Float, Samples, Signal, mask_to_zero
from mtmm_video.extractors.acoustic.filter_design import filters
from mtmm_video.extractors.acoustic.lpc import RESIDUAL_ORDER, SHIFT, unscaled_residual
from mtmm_video.extractors.acoustic.zero_phase import ZeroPhase

_BLOCK = 12_800 * SHIFT  # samples = 64 s
_MARGIN = 8 * SHIFT  # longer than a frame, so that all frames that overlap a block are complete


def skewness(parts: Iterable[Float]) -> float:
    """Compute the biased skewness m3 / m2^1.5 of a signal given in parts, NaN taken as 0; 0 for a constant signal."""
    count, sums = 0, np.zeros(3)
    for raw in parts:
        part = mask_to_zero(raw)
        square = part * part
        count += len(part)
        sums += part.sum(), square.sum(), np.dot(square, part)
    mean, second, third = sums / max(count, 1)
    variance = second - mean**2
    if variance <= 0:
        return 0.0
    return float((third - 3 * mean * second + 2 * mean**3) / variance**1.5)


def polarity(x: Signal, main_residual: Samples) -> float:
    """Detect the polarity by residual excitation skewness: +1 if it is the usual one, -1 if it is inverted.

    Parameters
    ----------
    x : ndarray, shape (samples,), or what computes it
        Signal at 16 kHz.
    main_residual : ndarray or Residual, shape (samples,)
        Its linear-prediction residual of order 18.

    Returns
    -------
    float
        sign(skewness(u) - skewness(v)), where u is the residual and v the residual obtained with the prediction of
        the high-passed signal; +1 on an exact tie (digital silence).
    """
    return -1.0 if skewness(_blocks(main_residual)) < skewness(_rough_residual(x)) else 1.0


def _blocks(values: Samples) -> Iterator[Float]:
    for start in range(0, len(values), _BLOCK):
        yield values[start : start + _BLOCK]


def _rough_residual(x: Signal) -> Iterator[Float]:
    """Yield the residual of `x` predicted from the high-passed signal, block by block to limit memory."""
    high = ZeroPhase(filters().polarity, x)
    for start in range(0, len(x), _BLOCK):
        begin, end = max(start - _MARGIN, 0), start + _BLOCK + _MARGIN
        rough = unscaled_residual(x[begin:end], order=RESIDUAL_ORDER, envelope_of=high[begin:end])
        yield rough[start - begin :][:_BLOCK]
