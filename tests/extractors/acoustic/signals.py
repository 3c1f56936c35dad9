"""Synthetic voices with known truth for the acoustic tests."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import signal

FS = 16_000


def lf_pulses(f0: float, seconds: float, *, rd: float = 1.0) -> NDArray[np.float64]:
    """Flow derivative of LF pulses with main excitation -1; closures at multiples of the period plus t_e."""
    from mtmm_video.extractors.acoustic.liljencrants_fant import lf_shape

    shape = lf_shape(np.array([rd]))
    t_p, t_e, t_a = shape.opening_peak[0], shape.closure[0], shape.return_phase[0]
    alpha, eps = shape.growth[0], shape.decay[0]
    t = (np.arange(round(seconds * FS)) * f0 / FS) % 1.0
    omega = np.pi / t_p
    opening = -np.exp(alpha * (t - t_e)) * np.sin(omega * t) / np.sin(omega * t_e)
    closing = -(np.exp(-eps * (t - t_e)) - np.exp(-eps * (1 - t_e))) / (eps * t_a)
    return np.where(t < t_e, opening, closing)


def vowel(f0: float, seconds: float, *, rd: float = 1.0, noise: float = 1e-4) -> NDArray[np.float64]:
    """An open vowel: LF pulses through three formants, with a little noise."""
    out = lf_pulses(f0, seconds, rd=rd)
    for frequency, bandwidth in ((700, 80), (1200, 90), (2600, 120)):
        radius = np.exp(-np.pi * bandwidth / FS)
        out = signal.lfilter([1.0], [1, -2 * radius * np.cos(2 * np.pi * frequency / FS), radius**2], out)
    out = out / np.abs(out).max() * 0.5
    return out + noise * np.random.default_rng(0).standard_normal(len(out))
