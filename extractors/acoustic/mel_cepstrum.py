"""Mel cepstrum of an amplitude spectrum.

K. Tokuda et al., "Mel-generalized cepstral analysis", ICSLP 1994; T. Fukada et al., "An adaptive algorithm for
mel-cepstral analysis of speech", ICASSP 1992.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from mtmm_video.extractors.acoustic.dsp import Float, Int
from mtmm_video.extractors.acoustic.level_kernels import warped_levels
from mtmm_video.extractors.sample_rate import SAMPLE_RATE


def mel(frequency: Float) -> Float:
    """Convert Hz to mel, 1127.01048 ln(1 + f/700 Hz)."""
    return np.asarray(1127.01048 * np.log1p(frequency / 700))


@lru_cache(maxsize=4)
def _tables(bins: int, order: int) -> tuple[Int, Float, Float]:
    """Return left neighbours and weights of the warp, and the inverse cosine transform (bins, order + 1)."""
    nyquist = SAMPLE_RATE / 2
    frequency = nyquist * np.arange(bins) / (bins - 1)
    # Bin k of the warped spectrum is the original at the frequency whose mel value is k/(bins - 1) of the full scale.
    warped = nyquist * mel(frequency) / mel(np.array([nyquist]))
    left = np.clip(np.searchsorted(warped, frequency, side="right") - 1, 0, bins - 2)
    weight = np.clip((frequency - warped[left]) / (warped[left + 1] - warped[left]), 0, 1)
    fold = np.full(bins, 2.0)
    fold[0] = fold[-1] = 1
    cosines = np.cos(np.pi * np.outer(np.arange(bins), np.arange(order + 1)) / (bins - 1))
    transform = fold[:, None] * cosines / (2 * (bins - 1))
    transform[:, 1:] *= 2
    return left, weight, transform


def mel_cepstrum(amplitude: Float, order: int) -> Float:
    """Compute the cepstrum of an amplitude spectrum warped to the mel scale.

    Parameters
    ----------
    amplitude : ndarray, shape (frames, bins)
        Linear amplitudes on equidistant bins from 0 to 8000 Hz.
    order : int

    Returns
    -------
    ndarray, shape (frames, order + 1)
        c_0, 2 c_1, .., 2 c_order in natural-log units; c_0 is the mean log amplitude. Not finite for frames with
        an amplitude of 0.
    """
    left, weight, transform = _tables(amplitude.shape[1], order)
    level = np.empty(amplitude.shape)
    warped_levels(amplitude, left, weight, level)
    with np.errstate(invalid="ignore"):
        return np.asarray(level @ transform)
