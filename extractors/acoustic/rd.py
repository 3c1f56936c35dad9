"""Rd, the shape parameter of the LF model, from the phases of the harmonics.

G. Degottex, A. Roebel, X. Rodet, "Phase minimization for glottal model estimation", IEEE TASLP 19(5):1080-1090, 2011,
and "Function of phase-distortion for glottal model estimation", ICASSP 2011, 4608-4611; confidence: G. Degottex, Ph.D.
thesis, UPMC 2010, eq. 5.9; search: R. P. Brent, "Algorithms for Minimization without Derivatives", 1973, ch. 5.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from mtmm_video.extractors.acoustic.dsp import Float, Int
from mtmm_video.extractors.acoustic.liljencrants_fant import lf_shape, lf_spectrum
from mtmm_video.extractors.acoustic.rd_kernels import least_errors
from mtmm_video.extractors.acoustic.sinusoids import Harmonics
from mtmm_video.extractors.sample_rate import SAMPLE_RATE

LOWEST, HIGHEST = 0.3, 2.5
_STEP = 0.0025  # of the table; linear interpolation between its rows is within 1e-4 of the exact cost
_TOLERANCE = 0.01  # of the search
_MOST_EVALUATIONS = 32
_USED = 8  # harmonics whose phases are compared
_MOST_HARMONICS = 170  # 8000 Hz / 50 Hz = 160, plus a margin for a measured spacing narrower than the pitch


@lru_cache(maxsize=256)
def minimum_phase_matrix(last: int) -> Float:
    """Return the linear map from log amplitudes to the minimum phase of the first harmonics.

    Parameters
    ----------
    last : int
        Index K of the last harmonic; amplitudes k = 0..K are one half of an even spectrum of 2K points.

    Returns
    -------
    ndarray, shape (K + 1, 9)
        ln amplitudes @ matrix = phases in rad at k = 0..8.
    """
    n = np.arange(1, last)
    cosines = np.cos(np.pi / last * np.outer(np.arange(last + 1), n))
    sines = np.sin(np.pi / last * np.outer(n, np.arange(_USED + 1)))
    fold = np.full(last + 1, 2.0)
    fold[0] = fold[-1] = 1
    return np.asarray(-(fold[:, None] / last) * (cosines @ sines))


def _replaced_ends(log_amplitude: Float) -> Float:
    """Copy (n, K + 1), with the value at DC replaced by harmonic 1 and the last by its neighbour."""
    out = log_amplitude.copy()
    out[:, 0] = log_amplitude[:, 1]
    out[:, -1] = log_amplitude[:, -2]
    return out


def _distortion(phase: Float) -> Float:
    """Compute phi_{k+1} - phi_k - phi_1, which is zero for a pure delay, (n, 9) -> (n, 7)."""
    return np.asarray(phase[:, 2:] - phase[:, 1:-1] - phase[:, 1:2])


@lru_cache(maxsize=1)
def _grid() -> tuple[Float, Float]:
    """Tabulate log amplitude, (rows, harmonics + 1), and phase, (rows, 8), of the LF spectrum over Rd."""
    rd = np.linspace(LOWEST, HIGHEST, round((HIGHEST - LOWEST) / _STEP) + 1)
    spectrum = lf_spectrum(lf_shape(rd), np.arange(1, _MOST_HARMONICS + 1))
    level = np.log(np.abs(spectrum))
    return np.concatenate((level[:, :1], level), axis=1), np.angle(spectrum[:, :_USED])


@lru_cache(maxsize=256)
def _model(last: int) -> Float:
    """Tabulate the phase distortion added by division by the LF model, with K harmonics, over Rd, shape (rows, 7)."""
    level, angle = _grid()
    phase = np.zeros((len(level), _USED + 1))
    # The sign of the model's phase is opposite to the papers': COVAREP, and with it the corpus, divides by the
    # conjugate.
    phase[:, 1:] = angle
    phase += _replaced_ends(level[:, : last + 1]) @ minimum_phase_matrix(last)
    return np.unwrap(_distortion(phase), axis=0)


def estimate_rd(harmonics: Harmonics) -> tuple[Float, Float]:
    """Estimate Rd and its confidence for every frame.

    Parameters
    ----------
    harmonics : Harmonics

    Returns
    -------
    rd : ndarray, shape (frames,)
        Shape parameter in 0.3 (tense) .. 2.5 (lax), from a local search; NaN without at least nine harmonics.
    confidence : ndarray, shape (frames,)
        1 - sqrt(error)/pi, in [0, 1].

    Notes
    -----
    For the right Rd, the spectrum divided by the LF model's, with the minimum phase of the quotient removed, is a
    delay. The error is the mean square of the wrapped differences phi_{k+1} - phi_k - phi_1 over k = 1..7. The minimum
    phase is linear in the log amplitudes, so the model's contribution is tabulated once per number of harmonics.
    """
    frames = len(harmonics.f0)
    rd, confidence = np.full(frames, np.nan), np.full(frames, np.nan)
    with np.errstate(invalid="ignore"):
        audible = np.floor(SAMPLE_RATE / 2 / harmonics.spacing)
    last = np.minimum(harmonics.count, np.where(np.isnan(audible), 0, audible).astype(np.int64))
    last = np.minimum(last, _MOST_HARMONICS)
    frames_used = np.flatnonzero(last > _USED)
    if len(frames_used) == 0:
        return rd, confidence
    sizes, group = np.unique(last[frames_used], return_inverse=True)
    measured = np.empty((len(frames_used), _USED - 1))
    with np.errstate(divide="ignore"):
        level = np.log(harmonics.amplitude[frames_used])
    for number, size in enumerate(sizes):
        members = np.flatnonzero(group == number)
        phase = np.zeros((len(members), _USED + 1))
        phase[:, 1:] = harmonics.phase[frames_used[members], 1 : _USED + 1]
        with np.errstate(invalid="ignore"):  # silent frames: minus infinity times a coefficient of either sign
            phase -= _replaced_ends(level[members, : size + 1]) @ minimum_phase_matrix(int(size))
        measured[members] = _distortion(phase)
    models = np.stack([_model(int(size)) for size in sizes])
    found, least = bounded_minimum(measured, models, group)
    rd[frames_used] = found
    confidence[frames_used] = 1 - np.sqrt(least) / np.pi
    return rd, confidence


def bounded_minimum(measured: Float, models: Float, group: Int) -> tuple[Float, Float]:
    """Minimise the mean square of the wrapped sum of measured and modelled distortions over Rd.

    Parameters
    ----------
    measured : ndarray, shape (n, k)
        In rad.
    models : ndarray, shape (groups, rows, k)
        In rad, at equidistant Rd from 0.3 to 2.5; linear in between.
    group : ndarray of int, shape (n,)
        The model of each row of `measured`.

    Returns
    -------
    point, value : ndarray, shape (n,) each

    Notes
    -----
    Brent's bounded search (golden section and parabolas). It is local and the costs have several minima: its path, with
    the tolerance of 0.01 and the limit of 32 evaluations, is part of the definition of Rd.
    """
    points, values = np.empty(len(measured)), np.empty(len(measured))
    spacing = (HIGHEST - LOWEST) / (models.shape[1] - 1)
    least_errors(measured, models, group, LOWEST, HIGHEST, spacing, _TOLERANCE, _MOST_EVALUATIONS, points, values)
    return points, values
