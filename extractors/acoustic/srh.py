"""Pitch and voicing by the Summation of Residual Harmonics (SRH).

T. Drugman, A. Alwan, "Joint Robust Voicing Detection and Pitch Estimation Based on Residual Harmonics",
Interspeech 2011.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from mtmm_video.extractors.acoustic import kernels
from mtmm_video.extractors.acoustic.dsp import HOP, Float, Int, Samples, blackman, round_half_away, round_int
from mtmm_video.extractors.sample_rate import SAMPLE_RATE

RESIDUAL_ORDER = 12  # rnd(0.75 fs/1000)
FRAME = 1598  # samples: about 100 ms, even
FIRST_CENTRE = 800  # position of the centre of frame 0
LOWEST, HIGHEST = 20, 500  # Hz; the widest search range (creak); 50..500 for speech
_BINS = 2500  # bins of 1 Hz that the criterion reads: five harmonics of 500 Hz
_FRAMES_AT_ONCE = 16  # 400 KB of spectra, which fit the cache
_FRAMES_READ = 6400  # 64 s of the residual, which may be computed where it is read
NO_PITCH = 1.0  # Hz; COVAREP's value where no candidate has a positive criterion (digital silence)


@dataclass(frozen=True)
class PitchTrack:
    """Pitch of every 10 ms frame.

    Attributes
    ----------
    positions : ndarray of int, shape (frames,)
        Centre of each frame, as a 1-based sample number.
    f0 : ndarray, shape (frames,)
        Fundamental frequency in Hz, an integer; also for unvoiced frames. 1 for digital silence.
    strength : ndarray, shape (frames,)
        SRH criterion at `f0`.
    voiced : ndarray of bool, shape (frames,)
    lowest, highest : int
        Limits of the search in Hz before refinement.
    """

    positions: Int
    f0: Float
    strength: Float
    voiced: np.ndarray[tuple[int], np.dtype[np.bool_]]
    lowest: int
    highest: int

    @property
    def median(self) -> float | None:
        """Median F0 in Hz over voiced frames strictly inside the limits; None without such a frame."""
        chosen = self.f0[self.voiced & (self.f0 > self.lowest) & (self.f0 < self.highest)]
        return float(np.median(chosen)) if len(chosen) else None


def pitch_tracks(residual: Samples, ranges: tuple[tuple[int, int], ...] = ((50, 500),)) -> tuple[PitchTrack, ...]:
    """Estimate pitch by SRH for one or more search ranges that share the spectra.

    Parameters
    ----------
    residual : ndarray, shape (samples,), or what computes it
        Linear-prediction residual of order 12 at 16 kHz, on any scale; NaN in digital silence.
    ranges : tuple of (lowest, highest)
        Search ranges in Hz, inside 20..500.

    Returns
    -------
    tuple of PitchTrack
        One for each range. No frames if the recording is shorter than 100 ms.

    Notes
    -----
    With E the L2-normalised magnitude spectrum of the residual frame at 1 Hz spacing,
    SRH(f) = sum_{k=1..5} E(k f) - sum_{k=1..4} E((k + 1/2) f), and F0 is the first maximum over integer f. If any frame
    exceeds 0.1, one refinement restricts the range to [m/2, 2m], m the median F0 of those frames. A frame is voiced
    when the maximum exceeds 0.07, or 0.085 where its standard deviation over the file is above 0.05.
    """
    count = max(0, (len(residual) - FRAME - 1) // HOP + 1)
    best = [(np.full(count, NO_PITCH), np.zeros(count)) for _ in ranges]
    for part, criterion in _criteria(residual, np.arange(count)):
        for (f0, strength), limits in zip(best, ranges, strict=True):
            f0[part], strength[part] = _maximum(criterion, *limits)
    positions = FIRST_CENTRE + HOP * np.arange(count, dtype=np.int64)
    tracks = []
    for (f0, strength), (lowest, highest) in zip(best, ranges, strict=True):
        _refine(residual, f0, strength, lowest, highest)
        spread = float(np.std(strength, ddof=1)) if count > 1 else 0.0
        voiced = strength > (0.085 if spread > 0.05 else 0.07)
        tracks.append(PitchTrack(positions, f0, strength, voiced, lowest, highest))
    return tuple(tracks)


def _refine(residual: Samples, f0: Float, strength: Float, lowest: int, highest: int) -> None:
    """Repeat the search in [m/2, 2m], in place, for the maxima outside that range; no other can change."""
    strong = strength > 0.1
    if not strong.any():
        return
    middle = float(np.median(f0[strong]))
    low, high = max(lowest, round_int(middle / 2)), min(highest, round_int(2 * middle))
    outside = np.flatnonzero((strength > 0) & ((f0 < low) | (f0 > high)))
    for part, criterion in _criteria(residual, outside):
        f0[part], strength[part] = _maximum(criterion, low, high)


def _maximum(criterion: Float, low: int, high: int) -> tuple[Float, Float]:
    candidates = criterion[:, low - LOWEST : high - LOWEST + 1]
    place = candidates.argmax(axis=1)
    value = candidates[np.arange(len(candidates)), place]
    found = value > 0
    return np.where(found, place + low, NO_PITCH), np.where(found, value, 0.0)


@lru_cache(maxsize=1)
def _tables() -> tuple[Float, Int]:
    candidates = np.arange(LOWEST, HIGHEST + 1)
    between = [round_half_away((k + 0.5) * candidates).astype(np.int64) - 1 for k in range(1, 5)]
    return blackman(FRAME), np.stack(between)


def _criteria(residual: Samples, frames: Int) -> Iterator[tuple[Int, Float]]:
    """Yield the criterion of frames, which ascend, a few at a time: their numbers and `_criterion`."""
    for block in range(0, int(frames[-1]) + 1 if len(frames) else 0, _FRAMES_READ):
        inside = frames[np.searchsorted(frames, block) : np.searchsorted(frames, block + _FRAMES_READ)]
        if len(inside):
            begin, end = int(inside[0]) * HOP, int(inside[-1]) * HOP + FRAME
            samples = residual[begin:end]
            for first in range(0, len(inside), _FRAMES_AT_ONCE):
                part = inside[first : first + _FRAMES_AT_ONCE]
                yield part, _criterion(samples, part - inside[0])


def _criterion(residual: Float, frames: Int) -> Float:
    """Compute SRH(f) for f = 20..500 Hz, shape (frames, 481). Every bin is one too low, as in COVAREP."""
    window, between = _tables()
    first, last = int(frames[0]), int(frames[-1])
    if last - first == len(frames) - 1:
        raw = sliding_window_view(residual[first * HOP : last * HOP + FRAME], FRAME)[::HOP]
    else:
        raw = sliding_window_view(residual, FRAME)[frames * HOP]
    windowed = raw * window
    windowed -= windowed.mean(axis=1, keepdims=True)
    silent = ~np.isfinite(windowed[:, 0])
    windowed[silent] = 0
    magnitude = _normalised_magnitudes(windowed)
    out = np.empty((len(frames), HIGHEST - LOWEST + 1))
    kernels.summed_harmonics(magnitude, between, LOWEST, out)
    return out


# The spectrum of 16000 bins is computed as ten of 1600, each shifted by 1 Hz: the frame has no more than 1600 samples.
_SPLIT = 10
_PART = SAMPLE_RATE // _SPLIT


@lru_cache(maxsize=1)
def _shifts() -> NDArray[np.complex128]:
    """Return the demodulators for 1 .. 5 Hz, shape (5, 1598)."""
    return np.asarray(np.exp(-2j * np.pi / SAMPLE_RATE * np.outer(np.arange(1, _SPLIT // 2 + 1), np.arange(FRAME))))


def _normalised_magnitudes(frames: Float) -> Float:
    """Divide the magnitudes of bins 0..2499 Hz by the L2 norm of bins 0..7999 Hz, shape (n, 2500).

    Bin 10 k + r is bin k of a short transform of the frame demodulated by r Hz; the negative frequencies of the same
    transform give bins 10 k - r.
    """
    magnitude = np.empty((len(frames), _BINS))
    kernels.take_magnitudes(np.fft.rfft(frames, _PART, axis=1), _SPLIT, 0, magnitude)
    shifted = np.zeros((len(frames), _PART), dtype=np.complex128)
    spectrum = np.empty_like(shifted)
    for r, shift in enumerate(_shifts(), start=1):
        np.multiply(frames, shift, out=shifted[:, :FRAME])
        kernels.take_magnitudes(np.fft.fft(shifted, axis=1, out=spectrum), _SPLIT, r, magnitude)
    # Parseval: the two-sided spectrum counts bins 1..7999 twice.
    signs = 1.0 - 2.0 * (np.arange(FRAME) % 2)
    total = SAMPLE_RATE * np.einsum("nl,nl->n", frames, frames) + frames.sum(axis=1) ** 2 - (frames @ signs) ** 2
    norm = np.sqrt(total / 2)
    norm[norm == 0] = 1
    magnitude /= norm[:, None]
    return magnitude
