"""Rd, the shape parameter of the LF model, from the phases of the harmonics.

G. Degottex, A. Roebel, X. Rodet, "Phase minimization for glottal model estimation", IEEE TASLP 19(5):1080-1090, 2011,
and "Function of phase-distortion for glottal model estimation", ICASSP 2011, 4608-4611; confidence: G. Degottex, Ph.D.
thesis, UPMC 2010, eq. 5.9; search: R. P. Brent, "Algorithms for Minimization without Derivatives", 1973, ch. 5.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from mtmm_video.extractors.acoustic.dsp import Float, wrap
from mtmm_video.extractors.acoustic.liljencrants_fant import lf_shape, lf_spectrum
from mtmm_video.extractors.acoustic.sinusoids import Harmonics
from mtmm_video.extractors.sample_rate import SAMPLE_RATE

LOWEST, HIGHEST = 0.3, 2.5
_STEP = 0.0025  # of the table; linear interpolation between its rows is within 1e-4 of the exact cost
_TOLERANCE = 0.01  # of the search
_MOST_EVALUATIONS = 32
_USED = 8  # harmonics whose phases are compared
_MOST_HARMONICS = 170  # 8000 Hz / 50 Hz = 160, plus a margin for a measured spacing narrower than the pitch
_GOLDEN = 0.5 * (3 - np.sqrt(5))


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

    def error(guess: Float) -> Float:
        place = (guess - LOWEST) / _STEP
        row = np.clip(place.astype(np.int64), 0, models.shape[1] - 2)
        low, high = models[group, row], models[group, row + 1]
        left = wrap(measured + low + (place - row)[:, None] * (high - low))
        return np.asarray(np.einsum("nk,nk->n", left, left) / (_USED - 1))

    found, least = bounded_minimum(error, len(frames_used), LOWEST, HIGHEST)
    rd[frames_used] = found
    confidence[frames_used] = 1 - np.sqrt(least) / np.pi
    return rd, confidence


def bounded_minimum(function: Callable[[Float], Float], n: int, low: float, high: float) -> tuple[Float, Float]:
    """Minimise n functions in lock-step by Brent's bounded search (golden section and parabolas).

    Parameters
    ----------
    function : callable
        Maps n points, shape (n,), to n values.
    n : int
    low, high : float
        Bounds of the search.

    Returns
    -------
    point, value : ndarray, shape (n,) each

    Notes
    -----
    The search is local and the costs have several minima: its path, with the tolerance of 0.01 and the limit of 32
    evaluations, is part of the definition of Rd.
    """
    a, b = np.full(n, low), np.full(n, high)
    best = a + _GOLDEN * (b - a)
    f_best = function(best)
    second, third = best.copy(), best.copy()
    f_second, f_third = f_best.copy(), f_best.copy()
    step, before = np.zeros(n), np.zeros(n)  # the last step and the one before it
    root = np.sqrt(np.finfo(np.float64).eps)
    for _ in range(_MOST_EVALUATIONS - 1):
        middle = (a + b) / 2
        tolerance = root * np.abs(best) + _TOLERANCE / 3
        running = np.abs(best - middle) > 2 * tolerance - (b - a) / 2
        if not running.any():
            break
        # A parabola through the three best points, if it falls inside the bracket and shrinks the step.
        r = (best - second) * (f_best - f_third)
        q = (best - third) * (f_best - f_second)
        p = (best - third) * q - (best - second) * r
        q = 2 * (q - r)
        p = np.where(q > 0, -p, p)
        q = np.abs(q)
        fit = np.abs(before) > tolerance
        fit &= (np.abs(p) < np.abs(0.5 * q * before)) & (p > q * (a - best)) & (p < q * (b - best))
        parabolic = np.divide(p, q, out=np.zeros(n), where=fit & (q != 0))
        crowded = (best + parabolic - a < 2 * tolerance) | (b - best - parabolic < 2 * tolerance)
        parabolic = np.where(crowded, np.where(middle >= best, tolerance, -tolerance), parabolic)
        larger_side = np.where(best >= middle, a - best, b - best)
        before = np.where(fit, step, larger_side)
        step = np.where(fit, parabolic, _GOLDEN * larger_side)
        direction = np.where(step >= 0, 1.0, -1.0)
        trial = best + direction * np.maximum(np.abs(step), tolerance)
        trial = np.where(running, trial, best)
        f_trial = function(trial)

        better = running & (f_trial <= f_best)
        worse = running & ~better
        above = trial >= best
        a = np.where(better & above, best, np.where(worse & ~above, trial, a))
        b = np.where(better & ~above, best, np.where(worse & above, trial, b))
        becomes_second = worse & ((f_trial <= f_second) | (second == best))
        becomes_third = worse & ~becomes_second & ((f_trial <= f_third) | (third == best) | (third == second))
        shift = better | becomes_second
        third, f_third = np.where(shift, second, third), np.where(shift, f_second, f_third)
        third, f_third = np.where(becomes_third, trial, third), np.where(becomes_third, f_trial, f_third)
        second, f_second = np.where(better, best, second), np.where(better, f_best, f_second)
        second, f_second = np.where(becomes_second, trial, second), np.where(becomes_second, f_trial, f_second)
        best, f_best = np.where(better, trial, best), np.where(better, f_trial, f_best)
    return best, f_best
