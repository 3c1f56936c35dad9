"""Measurements on three-period frames: Rd, mel cepstrum and phase distortion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mtmm_video.extractors.acoustic.columns import MCEP_ORDER
from mtmm_video.extractors.acoustic.dsp import Float, Int
from mtmm_video.extractors.acoustic.level_kernels import levels
from mtmm_video.extractors.acoustic.mel_cepstrum import mel_cepstrum
from mtmm_video.extractors.acoustic.phase_distortion import PhaseDistortion, phase_distortion
from mtmm_video.extractors.acoustic.rd import estimate_rd
from mtmm_video.extractors.acoustic.sinusoids import harmonic_counts, harmonics, spectra, surviving_frames
from mtmm_video.extractors.acoustic.srh import NO_PITCH, PitchTrack
from mtmm_video.extractors.acoustic.true_envelope import cepstral_orders, true_envelope

_FRAMES_AT_ONCE = 128  # 4 MiB of spectra, which fit the cache


@dataclass(frozen=True)
class HarmonicFrames:
    """Measurements of the frames whose window lies inside the recording.

    Attributes
    ----------
    positions : ndarray of int, shape (frames,)
        Centre of each frame, as a 1-based sample number.
    sounding : ndarray of bool, shape (frames,)
        False for digital silence, which has none of the measurements below.
    rd, rd_confidence : ndarray, shape (frames,)
    """

    positions: Int
    sounding: NDArray[np.bool_]
    rd: Float
    rd_confidence: Float


def harmonic_frames(x: NDArray[np.floating], pitch: PitchTrack) -> tuple[HarmonicFrames, Float, PhaseDistortion]:
    """Measure all pitch frames whose three-period window lies inside the recording.

    Parameters
    ----------
    x : ndarray, shape (samples,)
        Signal at 16 kHz, polarity corrected.
    pitch : PitchTrack

    Returns
    -------
    frames : HarmonicFrames
    mcep : ndarray, shape (frames, 25)
        Mel cepstrum of the True Envelope, ln amplitude; NaN where silent.
    distortion : PhaseDistortion
        Of the same frames; its statistics are all that is needed later, and a twentieth of its size.
    """
    survivors = surviving_frames(pitch, len(x))
    count = len(survivors)
    mcep = np.full((count, MCEP_ORDER + 1), np.nan)
    rd, confidence = np.full(count, np.nan), np.full(count, np.nan)
    sounding = np.zeros(count, dtype=np.bool_)
    # One array, in which silent frames leave room at the end: pieces of three hours would have 0.4 GB and again as much
    # when they are put together.
    harmonic_values = np.empty(int(harmonic_counts(pitch.f0[survivors]).sum()))
    counts, filled = np.zeros(count, dtype=np.int64), 0
    for first in range(0, count, _FRAMES_AT_ONCE):
        part = slice(first, min(first + _FRAMES_AT_ONCE, count))
        frames = survivors[part]
        f0 = pitch.f0[frames]
        spectrum = spectra(x, pitch.positions[frames], f0)
        level = np.empty(spectrum.shape)
        levels(spectrum, level)
        sounding[part] = (f0 > NO_PITCH) & np.isfinite(level).all(axis=1)
        audible = np.flatnonzero(sounding[part])
        envelope = true_envelope(level[audible], cepstral_orders(f0[audible]))
        mcep[first + audible] = mel_cepstrum(np.exp(envelope, out=envelope), MCEP_ORDER)
        partials = harmonics(spectrum, level, f0)
        rd[part], confidence[part] = estimate_rd(partials)
        distortion = phase_distortion(partials)
        counts[part] = distortion.count
        harmonic_values[filled : filled + len(distortion.values)] = distortion.values
        filled += len(distortion.values)
    frames_found = HarmonicFrames(pitch.positions[survivors], sounding, rd, confidence)
    return frames_found, mcep, PhaseDistortion(pitch.f0[survivors], counts, harmonic_values[:filled])
