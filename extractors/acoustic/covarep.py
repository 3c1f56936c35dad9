"""The COVAREP-74 features of a recording: all stages, interpolated to a common 10 ms grid."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mtmm_video.extractors.acoustic.columns import (
    COVAREP_NAMES,
    COVAREP_VERSION,
    GLOTTAL_NAMES,
    HMPDD_NAMES,
    HMPDM_NAMES,
    columns_of,
)
from mtmm_video.extractors.acoustic.dsp import (
    FIRST_POSITION,
    Float,
    Int,
    Inverted,
    Samples,
    Signal,
    grid_positions,
    interpolate,
    touches,
)
from mtmm_video.extractors.acoustic.glottal import parameters_of
from mtmm_video.extractors.acoustic.harmonic_columns import fill_harmonic_columns
from mtmm_video.extractors.acoustic.lpc import RESIDUAL_ORDER, Residual, unscaled_residual
from mtmm_video.extractors.acoustic.polarity import polarity
from mtmm_video.extractors.acoustic.sedreams import closure_instants, voiced_closures
from mtmm_video.extractors.acoustic.srh import NO_PITCH, PitchTrack, pitch_tracks
from mtmm_video.extractors.acoustic.srh import RESIDUAL_ORDER as SRH_ORDER
from mtmm_video.extractors.acoustic.wavelets import maxima_dispersion, peak_slope
from mtmm_video.extractors.sample_rate import SAMPLE_RATE
from mtmm_video.extractors.stream import FeatureStream
from mtmm_video.foundation.errors import InputError

_HELD_WHOLE = 1200 * SAMPLE_RATE  # samples of a residual that is read twice, 0.15 GB; of longer ones, computed twice
_SAMPLES_AT_ONCE = 1 << 20  # checked at a time: 65 s
_ROWS_AT_ONCE = 1 << 14
_REPAIR_REACH = 800  # samples = 50 ms: half of the longest frame, the pitch frame
_REPAIR_REACH_SMOOTHED = 4_800  # samples = 300 ms: the same, and the 240 ms that phase distortion is smoothed over


def covarep(
    waveform: NDArray[np.floating],
    *,
    sample_rate: int,
    dtype: type[np.floating] = np.float64,
    on_stage: Callable[[str], None] | None = None,
) -> FeatureStream:
    """Compute the 74 COVAREP features of a recording every 10 ms.

    Parameters
    ----------
    waveform : ndarray of float, shape (samples,)
        Mono signal in [-1, 1), the whole recording: polarity, pitch range and voicing threshold are file-level
        decisions. NaN and infinite samples are replaced by 0 and the rows around them marked invalid.
    sample_rate : int
        In Hz. Rates other than 16000 are resampled to 16000 first, as CMU did for MOSI and MOSEI.
    dtype : type
        Of the values, which are computed in float64: np.float32 takes half of the memory, .3 GB for three hours.
    on_stage : callable, optional
        Called with the name of each stage after it has finished (progress, timing).

    Returns
    -------
    FeatureStream
        `names` are `COVAREP_NAMES`; row r is at 5 + 10 r ms. Where COVAREP writes 0, so do the values. `valid` is
        False where a number is not a measurement: before the first and after the last frame or glottal closure of a
        stage, in digital silence, throughout a stage that could not run (no voiced speech: NAQ .. MDQ; 72 harmonic
        frames or fewer, 0.8 s: HMPDM, HMPDD), and in the column `creak` (see ``docs/acoustic.md``).

    Raises
    ------
    InputError
        If the waveform is not mono, not of a floating type, shorter than 5 ms, or without a finite sample, or if the
        sample rate is not positive.

    Notes
    -----
    COVAREP spreads the mel cepstrum evenly over the whole file, which shifts it by up to 50 ms, or by the length of
    the digital silence. The same is done here, because the corpora have it.

    References
    ----------
    G. Degottex, J. Kane, T. Drugman, T. Raitio, S. Scherer, "COVAREP - a collaborative voice analysis repository for
    speech technologies", ICASSP 2014, 960-964. The paper of each stage is cited in its module.
    """

    def done(stage: str) -> None:
        if on_stage is not None:
            on_stage(stage)

    x: Signal
    x, repaired = _prepared(waveform, sample_rate)
    positions = grid_positions(len(x))
    done("input at 16 kHz")

    main = Residual.of(x, order=RESIDUAL_ORDER)
    done("residual")
    if polarity(x, main) < 0:
        x = Inverted(x)
        main = replace(main, x=x)
    done("polarity")

    (pitch,) = pitch_tracks(_pitch_residual(x))
    done("pitch (SRH)")

    slope = interpolate(*peak_slope(x), positions)
    done("peakSlope")

    closures = _closures(x, main, pitch)
    values = np.zeros((len(positions), len(COVAREP_NAMES)), dtype=dtype)
    doubtful = np.zeros(values.shape, dtype=np.bool_)
    f0, voicing = columns_of(("F0",)), columns_of(("VUV",))
    values[:, f0], values[:, voicing] = _pitch_columns(pitch, positions)
    doubtful[:, f0] = touches(pitch.positions, pitch.f0 == NO_PITCH, positions)[:, None]
    values[:, columns_of(("peakSlope",))] = slope[:, None]
    values[:, columns_of(("creak",))] = np.nan  # see docs/acoustic.md
    done("closures (SEDREAMS)")
    if len(closures) >= 2:
        values[:, columns_of(("MDQ",))] = interpolate(closures, maxima_dispersion(main, closures), positions)[:, None]
        done("MDQ")
        values[:, columns_of(GLOTTAL_NAMES)] = interpolate(closures + 1, parameters_of(x, closures), positions)
        done("glottal flow (IAIF), NAQ, QOQ, H1H2, PSP")
    else:
        values[:, columns_of((*GLOTTAL_NAMES, "MDQ"))] = np.nan

    fill_harmonic_columns(x, pitch, positions, values=values, doubtful=doubtful)
    done("harmonic frames: True Envelope, Rd, HMPD")

    _mark_repaired(doubtful, repaired, positions)
    return FeatureStream(
        positions / SAMPLE_RATE, values, COVAREP_NAMES, _measured(values, doubtful), version=COVAREP_VERSION
    )


def _prepared(waveform: NDArray[np.floating], sample_rate: int) -> tuple[NDArray[np.floating], Int]:
    """Check, repair and resample to 16 kHz; returns the signal and the indices of repaired samples at 16 kHz."""
    if waveform.ndim != 1:
        raise InputError(f"covarep: waveform has shape {waveform.shape}; pass one channel, shape (samples,)")
    if not np.issubdtype(waveform.dtype, np.floating):
        raise InputError(f"covarep: waveform is of type {waveform.dtype}; pass floats in [-1, 1) (int16 / 32768)")
    if sample_rate <= 0:
        raise InputError(f"covarep: sample_rate is {sample_rate}; it must be positive, in Hz")
    if waveform.dtype == np.float16:
        waveform = waveform.astype(np.float32)
    broken = _not_finite(waveform)
    if len(broken):
        if len(broken) == len(waveform):
            raise InputError("covarep: waveform has no finite sample; check how the audio was decoded")
        waveform = waveform.copy()
        waveform[broken] = 0
    repaired = broken * SAMPLE_RATE // sample_rate
    if sample_rate != SAMPLE_RATE:
        from scipy import signal  # noqa: PLC0415 (a second; an analysis reads its sound at 16 kHz)

        common = int(np.gcd(sample_rate, SAMPLE_RATE))
        waveform = signal.resample_poly(waveform, SAMPLE_RATE // common, sample_rate // common)
    if len(waveform) < FIRST_POSITION:
        raise InputError(
            f"covarep: waveform is {len(waveform) / SAMPLE_RATE * 1000:.1f} ms long; one row needs at least 5 ms"
        )
    return waveform, repaired


def _not_finite(waveform: NDArray[np.floating]) -> Int:
    """Return the indices of the samples that are NaN or infinite."""
    found = [
        at + np.flatnonzero(~np.isfinite(waveform[at : at + _SAMPLES_AT_ONCE]))
        for at in range(0, len(waveform), _SAMPLES_AT_ONCE)
    ]
    return np.concatenate([np.zeros(0, dtype=np.int64), *found])


def _pitch_residual(x: Signal) -> Samples:
    """Return the residual that pitch is read from, whose scale does not matter."""
    if len(x) <= _HELD_WHOLE:
        return unscaled_residual(x[:], order=SRH_ORDER)
    return Residual(x, SRH_ORDER, 1.0)


def _pitch_columns(pitch: PitchTrack, positions: Int) -> tuple[Float, Float]:
    """Interpolate F0 and VUV to the rows, shape (rows, 1) each."""
    voicing = interpolate(pitch.positions, pitch.voiced.astype(np.float64), positions)
    voicing = np.where(np.isnan(voicing), np.nan, voicing >= 0.5)
    return interpolate(pitch.positions, pitch.f0, positions)[:, None], voicing[:, None]


def _closures(x: Signal, main: Residual, pitch: PitchTrack) -> Int:
    """Detect the glottal closures of voiced speech; none without a voiced frame, which the median pitch needs."""
    median = pitch.median
    if median is None:
        return np.zeros(0, dtype=np.int64)
    return voiced_closures(closure_instants(x, main, median), pitch)


def _measured(values: NDArray[np.floating], doubtful: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return where values are measurements, in the memory of `doubtful`; those that are none become 0, in place."""
    for at in range(0, len(values), _ROWS_AT_ONCE):
        part, out = values[at : at + _ROWS_AT_ONCE], doubtful[at : at + _ROWS_AT_ONCE]
        finite = np.isfinite(part)
        part[~finite] = 0
        np.greater(finite, out, out=out)  # finite and not doubtful
    return doubtful


def _mark_repaired(doubtful: NDArray[np.bool_], repaired: Int, positions: Int) -> None:
    """Mark the rows whose analysis frames contain a replaced sample."""
    if len(repaired) == 0:
        return
    right = np.minimum(np.searchsorted(repaired, positions), len(repaired) - 1)
    left = np.maximum(right - 1, 0)
    distance = np.minimum(np.abs(repaired[right] - positions), np.abs(repaired[left] - positions))
    doubtful[distance <= _REPAIR_REACH] = True
    smoothed = slice(columns_of(HMPDM_NAMES).start, columns_of(HMPDD_NAMES).stop)
    doubtful[distance <= _REPAIR_REACH_SMOOTHED, smoothed] = True
