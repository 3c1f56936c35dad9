"""Measurements on three-period frames: Rd, mel cepstrum and phase distortion."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mtmm_video.extractors.acoustic.columns import MCEP_ORDER
from mtmm_video.extractors.acoustic.dsp import Float, Int, Signal
from mtmm_video.extractors.acoustic.level_kernels import levels
from mtmm_video.extractors.acoustic.mel_cepstrum import mel_cepstrum
from mtmm_video.extractors.acoustic.phase_distortion import PhaseDistortion, phase_distortion
from mtmm_video.extractors.acoustic.rd import estimate_rd
from mtmm_video.extractors.acoustic.sinusoids import harmonics, spectra
from mtmm_video.extractors.acoustic.srh import NO_PITCH, PitchTrack
from mtmm_video.extractors.acoustic.true_envelope import cepstral_orders, true_envelope

_FRAMES_AT_ONCE = 128  # 4 MiB of spectra, which fit the cache


@dataclass(frozen=True)
class HarmonicFrames:
    """Measurements of a run of frames.

    Attributes
    ----------
    sounding : ndarray of bool, shape (frames,)
        False for digital silence, which has none of the measurements below.
    rd, rd_confidence : ndarray, shape (frames,)
    mcep : ndarray, shape (frames, 25)
        Mel cepstrum of the True Envelope, ln amplitude; NaN where silent.
    distortion : PhaseDistortion
    """

    sounding: NDArray[np.bool_]
    rd: Float
    rd_confidence: Float
    mcep: Float
    distortion: PhaseDistortion


def harmonic_frames(x: Signal, pitch: PitchTrack, frames: Int) -> Iterator[HarmonicFrames]:
    """Measure frames, a run at a time, since the phase distortion of three hours would take 0.4 GB.

    Parameters
    ----------
    x : ndarray, shape (samples,), or what computes it
        Signal at 16 kHz, polarity corrected.
    pitch : PitchTrack
    frames : ndarray of int, shape (n,)
        Their numbers, from `surviving_frames`.

    Yields
    ------
    HarmonicFrames
        Of the next frames, 128 or what is left.
    """
    for first in range(0, len(frames), _FRAMES_AT_ONCE):
        part = frames[first : first + _FRAMES_AT_ONCE]
        f0 = pitch.f0[part]
        spectrum = spectra(x, pitch.positions[part], f0)
        level = np.empty(spectrum.shape)
        levels(spectrum, level)
        sounding = (f0 > NO_PITCH) & np.isfinite(level).all(axis=1)
        audible = np.flatnonzero(sounding)
        envelope = true_envelope(level[audible], cepstral_orders(f0[audible]))
        mcep = np.full((len(part), MCEP_ORDER + 1), np.nan)
        mcep[audible] = mel_cepstrum(np.exp(envelope, out=envelope), MCEP_ORDER)
        partials = harmonics(spectrum, level, f0)
        rd, confidence = estimate_rd(partials)
        yield HarmonicFrames(sounding, rd, confidence, mcep, phase_distortion(partials))
