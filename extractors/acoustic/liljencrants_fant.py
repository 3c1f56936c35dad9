"""The Liljencrants-Fant (LF) model of the glottal flow derivative, with the single shape parameter Rd.

G. Fant, J. Liljencrants, Q. Lin, "A four-parameter model of glottal flow", STL-QPSR 4:1-13, 1985; G. Fant, "The
LF-model revisited. Transformations and frequency domain analysis", STL-QPSR 36(2-3):119-156, 1995; spectrum: B. Doval,
C. d'Alessandro, "Spectral correlates of glottal waveform models: an analytic study", ICASSP 1997, and Doval,
d'Alessandro, Henrich, Acta Acustica 92(6):1026-1046, 2006.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mtmm_video.extractors.acoustic.dsp import Float, Int


@dataclass(frozen=True)
class LfShape:
    """Shape of LF pulses; times are fractions of the period, the main excitation has magnitude 1.

    Attributes
    ----------
    opening_peak : ndarray, shape (n,)
        t_p, time of the largest flow.
    closure : ndarray, shape (n,)
        t_e, time of the main excitation.
    return_phase : ndarray, shape (n,)
        t_a, effective duration of the return phase.
    growth : ndarray, shape (n,)
        alpha, growth rate of the opening phase's sinusoid, per period.
    decay : ndarray, shape (n,)
        epsilon, decay rate of the return phase, per period.
    """

    opening_peak: Float
    closure: Float
    return_phase: Float
    growth: Float
    decay: Float


def lf_shape(rd: Float) -> LfShape:
    """Compute LF pulses for shape parameters Rd, shape (n,), from about 0.3 (tense) to 2.5 (lax).

    Notes
    -----
    R_a = (4.8 Rd - 1)/100, R_k = (22.4 + 11.8 Rd)/100, R_g = R_k / (4 (0.11 Rd/(0.5 + 1.2 R_k) - R_a)) (Fant 1995);
    epsilon solves 1 - exp(-epsilon (1 - t_e)) = epsilon t_a; alpha is the root for which the net flow is zero.
    """
    r_a = (4.8 * rd - 1) / 100
    r_k = (22.4 + 11.8 * rd) / 100
    r_g = r_k / (4 * (0.11 * rd / (0.5 + 1.2 * r_k) - r_a))
    t_p = 1 / (2 * r_g)
    t_e = t_p * (1 + r_k)
    rest = 1 - t_e

    decay = 1 / r_a
    for _ in range(60):  # Newton's method; monotone from 1/t_a
        faded = np.exp(-decay * rest)
        decay = decay - (1 - faded - decay * r_a) / (rest * faded - r_a)

    omega = np.pi / t_p
    sine, cosine = np.sin(omega * t_e), np.cos(omega * t_e)
    faded = np.exp(-decay * rest)
    area = (1 - faded) / (decay**2 * r_a) - rest * faded / (decay * r_a)  # under the return phase

    low, high = np.zeros_like(rd), np.full_like(rd, 100.0)
    for _ in range(80):  # bisection: the net flow is positive below the root
        middle = (low + high) / 2
        net = (middle**2 + omega**2) * sine * area
        net += omega * np.exp(-middle * t_e) + middle * sine - omega * cosine
        low, high = np.where(net > 0, middle, low), np.where(net > 0, high, middle)
    return LfShape(t_p, t_e, r_a, (low + high) / 2, decay)


def lf_spectrum(shape: LfShape, harmonics: Int) -> NDArray[np.complex128]:
    """Compute the spectrum of LF pulses at multiples of the fundamental, independent of its frequency.

    Parameters
    ----------
    shape : LfShape
        n pulses.
    harmonics : ndarray of int, shape (m,)
        Multiples k >= 1 of the fundamental.

    Returns
    -------
    ndarray of complex, shape (n, m)
    """
    column = (slice(None), None)
    t_e, t_a = shape.closure[column], shape.return_phase[column]
    alpha, eps = shape.growth[column], shape.decay[column]
    omega = np.pi / shape.opening_peak[column]
    s = 2j * np.pi * harmonics[None, :]
    u = alpha - s
    amplitude = -1 / (np.exp(alpha * t_e) * np.sin(omega * t_e))
    opening = omega + np.exp(u * t_e) * (u * np.sin(omega * t_e) - omega * np.cos(omega * t_e))
    closing = eps * (1 - eps * t_a) * (1 - np.exp(-s * (1 - t_e))) - eps * t_a * s
    spectrum = amplitude * opening / (u**2 + omega**2) + np.exp(-s * t_e) / (eps * t_a * s * (eps + s)) * closing
    return np.asarray(spectrum)
