"""Sinusoidal analysis: amplitude, frequency and phase of every harmonic of a frame.

R. McAulay, T. Quatieri, "Speech analysis/synthesis based on a sinusoidal representation", IEEE TASSP 34(4):744-754,
1986; with one sinusoid for each harmonic of a given pitch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mtmm_video.extractors.acoustic.dsp import Float, Int, Signal, blackman, round_half_away, row_maxima, wrap
from mtmm_video.extractors.acoustic.srh import NO_PITCH, PitchTrack
from mtmm_video.extractors.sample_rate import SAMPLE_RATE

FFT = 4096
HALF = FFT // 2


@dataclass(frozen=True)
class Harmonics:
    """Harmonics of a run of frames, padded to the largest number of harmonics.

    Attributes
    ----------
    f0 : ndarray, shape (frames,)
        Pitch in Hz that the analysis assumed.
    spacing : ndarray, shape (frames,)
        Median distance of neighbouring harmonics as measured, in Hz: harmonic h lies at h * spacing.
    count : ndarray of int, shape (frames,)
        Number of harmonics H; 0 where the frame has no pitch (digital silence).
    amplitude : ndarray, shape (frames, max H + 1)
        Linear amplitude of h = 0 .. H (A/2 for a sinusoid of amplitude A); NaN beyond.
    phase : ndarray, shape (frames, max H + 1)
        Phase in rad at the frame's centre; NaN beyond.
    """

    f0: Float
    spacing: Float
    count: Int
    amplitude: Float
    phase: Float


def half_windows(f0: Float) -> Int:
    """Return the half window length in samples, about 1.5 periods, shape (frames,)."""
    return round_half_away(1.5 * SAMPLE_RATE / f0).astype(np.int64)


def surviving_frames(pitch: PitchTrack, samples: int) -> Int:
    """Find the pitch frames whose three-period window lies inside the recording, shape (m,).

    Frames of digital silence (pitch 1 Hz, window 3 s) follow the same rule, because COVAREP spaces its mel cepstrum by
    the number of these frames; they have no measurements.
    """
    half = half_windows(pitch.f0)
    return np.flatnonzero((pitch.positions - half >= 0) & (pitch.positions + half <= samples - 1))


def spectra(x: Signal, centres: Int, f0: Float) -> NDArray[np.complex128]:
    """Compute the spectra of Blackman-windowed frames of three periods.

    Parameters
    ----------
    x : ndarray, shape (samples,), or what computes it
        Signal at 16 kHz, polarity corrected.
    centres : ndarray of int, shape (frames,)
        Sample index of the middle of each frame; the samples between them are read, too.
    f0 : ndarray, shape (frames,)
        Pitch in Hz; the spectrum of frames of digital silence (1 Hz) is zero.

    Returns
    -------
    ndarray of complex, shape (frames, 2049)
        4096-point spectra, window normalised to sum 1. Phases are relative to the first sample of the window.
    """
    pitched = np.flatnonzero(f0 > NO_PITCH)
    if len(pitched) == 0:
        return np.zeros((len(centres), HALF + 1), dtype=np.complex128)
    half, group = np.unique(half_windows(f0[pitched]), return_inverse=True)
    windows = np.zeros((len(half), 2 * int(half[-1]) + 1))
    for row, reach in enumerate(half):
        shape = blackman(2 * int(reach) + 1)
        windows[row, : len(shape)] = shape / shape.sum()
    start = centres[pitched] - half[group]
    first = int(start.min())
    near = np.asarray(x[first : int(start.max()) + windows.shape[1]], dtype=np.float64)
    index = np.minimum(start[:, None] - first + np.arange(windows.shape[1]), len(near) - 1)
    spectrum = np.asarray(np.fft.rfft(near[index] * windows[group], FFT, axis=1))
    if len(pitched) == len(centres):
        return spectrum
    out = np.zeros((len(centres), HALF + 1), dtype=np.complex128)
    out[pitched] = spectrum
    return out


def harmonic_counts(f0: Float) -> Int:
    """Return how many harmonics of a pitch in Hz lie below the Nyquist frequency, shape (frames,); 0 without pitch."""
    nyquist = SAMPLE_RATE / 2
    return np.where(f0 > NO_PITCH, round_half_away((nyquist - f0 / 2) / f0), 0).astype(np.int64)


def harmonics(spectrum: NDArray[np.complex128], log_magnitude: Float, f0: Float) -> Harmonics:
    """Pick the spectral peak nearest to each multiple of the pitch.

    Parameters
    ----------
    spectrum : ndarray of complex, shape (frames, 2049)
        From `spectra`.
    log_magnitude : ndarray, shape (frames, 2049)
        ln |spectrum|.
    f0 : ndarray, shape (frames,)
        Pitch in Hz.

    Returns
    -------
    Harmonics

    Notes
    -----
    A peak is a local maximum of ln|S| refined by a parabola. The peak nearest to h f0 is used if it is closer than half
    a harmonic, otherwise the bin nearest to h f0. The phase is read at the peak; afterwards all frequencies are
    replaced by multiples of their median spacing.
    """
    frames = len(f0)
    pitched = f0 > NO_PITCH
    count = harmonic_counts(f0)
    per_harmonic = FFT * f0 / SAMPLE_RATE  # bins
    most = int(count.max(initial=0))
    amplitude = np.full((frames, most + 1), np.nan)
    phase = np.full((frames, most + 1), np.nan)
    row, h = np.nonzero(np.arange(1, most + 1) <= count[:, None])
    h = h + 1
    target = h * per_harmonic[row]
    bins = round_half_away(target).astype(np.int64)
    place, level = target.copy(), np.abs(spectrum[row, bins])

    peak_row, peak_place, peak_height = _peaks(log_magnitude)
    if len(peak_row):
        # One sorted axis for all frames; the offset between frames exceeds the spectrum, so searches stay in the frame.
        width = 2.0 * FFT
        axis = peak_row * width + peak_place
        right = np.clip(np.searchsorted(axis, row * width + target), 0, len(axis) - 1)
        left = np.maximum(right - 1, 0)
        to_left = np.where(peak_row[left] == row, np.abs(target - peak_place[left]), np.inf)
        to_right = np.where(peak_row[right] == row, np.abs(peak_place[right] - target), np.inf)
        nearest = np.where(to_left <= to_right, left, right)
        taken = np.minimum(to_left, to_right) < per_harmonic[row] / 2
        place[taken] = peak_place[nearest[taken]]
        level[taken] = np.exp(peak_height[nearest[taken]])
    amplitude[row, h] = level
    half = half_windows(np.where(pitched, f0, SAMPLE_RATE))
    phase[row, h] = _phase_at(spectrum, row, place, half[row])
    amplitude[:, 0] = np.abs(spectrum[:, 0])
    phase[:, 0] = np.angle(spectrum[:, 0])
    amplitude[~pitched, 0] = phase[~pitched, 0] = np.nan

    steps = np.full((frames, most), np.inf)
    frequency = np.zeros((frames, most + 1))
    frequency[row, h] = place * SAMPLE_RATE / FFT
    steps[row, h - 1] = frequency[row, h] - frequency[row, h - 1]
    steps.sort(axis=1)
    spacing = np.full(frames, np.nan)
    some = np.flatnonzero(count > 0)
    spacing[some] = 0.5 * (steps[some, (count[some] - 1) // 2] + steps[some, count[some] // 2])
    return Harmonics(f0, spacing, count, amplitude, phase)


def _peaks(log_magnitude: Float) -> tuple[Int, Float, Float]:
    """Return rows, places (fractional bins) and heights of the local maxima, refined by a parabola."""
    row, k = row_maxima(log_magnitude)
    before, at, after = log_magnitude[row, k - 1], log_magnitude[row, k], log_magnitude[row, k + 1]
    slope = (after - before) / 2
    curve = at - slope - before
    with np.errstate(divide="ignore", invalid="ignore"):
        place = np.where(curve > 0, k + slope / (2 * curve), k.astype(np.float64))
        height = np.where(curve > 0, at + slope**2 / (4 * curve), at)
    return row, place, height


def _phase_at(spectrum: NDArray[np.complex128], row: Int, place: Float, half: Int) -> Float:
    """Interpolate the phase at a fractional bin along the shorter arc, relative to the centre of the window."""
    low = np.minimum(place.astype(np.int64), HALF - 1)
    turn = 2 * np.pi * half / FFT  # rad per bin that moves the reference from the first sample to the centre
    below = np.angle(spectrum[row, low]) + turn * low
    above = np.angle(spectrum[row, low + 1]) + turn * (low + 1)
    return wrap(below + (place - low) * wrap(above - below))
