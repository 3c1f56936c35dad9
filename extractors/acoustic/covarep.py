"""The COVAREP-74 feature vector of a recording: all stages, brought to one 10 ms grid."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from extractors.acoustic.columns import (
    COVAREP_NAMES,
    COVAREP_VERSION,
    GLOTTAL_NAMES,
    HMPDD_NAMES,
    HMPDM_NAMES,
    MCEP_NAMES,
    MCEP_ORDER,
    columns_of,
)
from extractors.acoustic.dsp import SAMPLE_RATE, Float, grid_positions, interpolate, interpolate_angles, round_half_away
from extractors.acoustic.glottal import glottal_parameters
from extractors.acoustic.iaif import glottal_flow
from extractors.acoustic.lpc import RESIDUAL_ORDER, residual
from extractors.acoustic.mel_cepstrum import mel_cepstrum
from extractors.acoustic.phase_distortion import PhaseDistortion, phase_distortion, phase_statistics
from extractors.acoustic.polarity import polarity
from extractors.acoustic.rd import estimate_rd
from extractors.acoustic.sedreams import closure_instants, voiced_closures
from extractors.acoustic.sinusoids import harmonics, spectra, surviving_frames
from extractors.acoustic.srh import NO_PITCH, pitch_tracks
from extractors.acoustic.srh import RESIDUAL_ORDER as SRH_ORDER
from extractors.acoustic.true_envelope import cepstral_orders, true_envelope
from extractors.acoustic.wavelets import maxima_dispersion, peak_slope
from extractors.stream import FeatureStream
from foundation.errors import InputError

_FRAMES_AT_ONCE = 512


def covarep(waveform: NDArray[np.floating], *, sample_rate: int, corrected_time: bool = False) -> FeatureStream:
    """Compute the 74 COVAREP features of a recording every 10 ms."""
    x = _at_16_khz(waveform, sample_rate)
    positions = grid_positions(len(x))
    values = np.full((len(positions), len(COVAREP_NAMES)), np.nan)

    def put(name: str, column: Float) -> None:
        values[:, COVAREP_NAMES.index(name)] = column

    main = residual(x, order=RESIDUAL_ORDER)
    if polarity(x, main) < 0:
        x, main = -x, -main
    (pitch,) = pitch_tracks(residual(x, order=SRH_ORDER))
    put("F0", interpolate(pitch.positions, pitch.f0, positions))
    voicing = interpolate(pitch.positions, pitch.voiced.astype(np.float64), positions)
    put("VUV", np.where(np.isnan(voicing), np.nan, voicing >= 0.5))
    median = pitch.median
    if median is not None:
        closures = voiced_closures(closure_instants(x, main, median), pitch)
        if len(closures) >= 2:
            put("MDQ", interpolate(closures, maxima_dispersion(main, closures), positions))
            flow, derivative = glottal_flow(x, closures)
            glottal = glottal_parameters(flow, derivative, closures)
            values[:, columns_of(GLOTTAL_NAMES)] = interpolate(closures + 1, glottal, positions)
    put("peakSlope", interpolate(*peak_slope(x), positions))
    survivors = surviving_frames(pitch, len(x))
    distortions: list[PhaseDistortion] = []
    shape = np.full((len(survivors), 2), np.nan)
    mcep = np.full((len(survivors), MCEP_ORDER + 1), np.nan)
    for first in range(0, len(survivors), _FRAMES_AT_ONCE):
        frames = survivors[first : first + _FRAMES_AT_ONCE]
        f0 = pitch.f0[frames]
        spectrum = spectra(x, pitch.positions[frames], f0)
        with np.errstate(divide="ignore"):
            level = np.log(np.abs(spectrum))
        sound = np.flatnonzero((f0 > NO_PITCH) & np.isfinite(level).all(axis=1))
        envelope = true_envelope(level[sound], cepstral_orders(f0[sound]))
        mcep[first + sound] = mel_cepstrum(np.exp(envelope), MCEP_ORDER)
        partials = harmonics(spectrum, level, f0)
        shape[first : first + len(frames)] = np.stack(estimate_rd(partials), axis=1)
        distortions.append(phase_distortion(partials))
    if len(survivors):
        places = (
            pitch.positions[survivors] if corrected_time else round_half_away(np.linspace(1, len(x), len(survivors)))
        )
        values[:, columns_of(MCEP_NAMES)] = interpolate(places, mcep, positions)
        values[:, columns_of(("Rd", "Rd_conf"))] = interpolate(pitch.positions[survivors], shape, positions)
        mean, deviation = phase_statistics(PhaseDistortion.join(distortions))
        frames = pitch.positions[survivors]
        fine = np.arange(-(-frames[0] // 80), frames[-1] // 80 + 1) * 80
        values[:, columns_of(HMPDM_NAMES)] = interpolate_angles(
            fine, interpolate_angles(frames, mean, fine), positions - 1
        )
        values[:, columns_of(HMPDD_NAMES)] = interpolate(fine, interpolate(frames, deviation, fine), positions - 1)

    valid = np.isfinite(values)
    values[~valid] = 0
    return FeatureStream(positions / SAMPLE_RATE, values, COVAREP_NAMES, valid, COVAREP_VERSION)


def _at_16_khz(waveform: NDArray[np.floating], sample_rate: int) -> NDArray[np.floating]:
    if sample_rate <= 0:
        raise InputError(f"covarep: sample_rate is {sample_rate}, but must be positive (Hz)")
    if waveform.ndim != 1:
        raise InputError(f"covarep: waveform has shape {waveform.shape}, but must be mono (samples,)")
    if sample_rate == SAMPLE_RATE:
        return waveform
    common = int(np.gcd(sample_rate, SAMPLE_RATE))
    return np.asarray(signal.resample_poly(waveform, SAMPLE_RATE // common, sample_rate // common))
