"""The columns that are measured on harmonic frames: Rd, MCEP, HMPDM and HMPDD."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mtmm_video.extractors.acoustic.columns import HMPDD_NAMES, HMPDM_NAMES, MCEP_NAMES, RD_NAMES, columns_of
from mtmm_video.extractors.acoustic.dsp import (
    Float,
    Int,
    RunInterpolation,
    Signal,
    interpolate,
    interpolate_angles,
    round_half_away,
    touches,
)
from mtmm_video.extractors.acoustic.harmonic_frames import harmonic_frames
from mtmm_video.extractors.acoustic.phase_distortion import ENDS_REACH, PhaseDistortion, phase_statistics
from mtmm_video.extractors.acoustic.sinusoids import surviving_frames
from mtmm_video.extractors.acoustic.srh import PitchTrack

_FINE_HOP = 80  # samples = 5 ms; COVAREP resamples the phase distortion to this grid before the 10 ms grid


def fill_harmonic_columns(
    x: Signal, pitch: PitchTrack, positions: Int, *, values: NDArray[np.floating], doubtful: NDArray[np.bool_]
) -> None:
    """Measure all pitch frames whose window lies inside the recording and fill in their columns.

    Parameters
    ----------
    x : ndarray, shape (samples,), or what computes it
        Signal at 16 kHz, polarity corrected.
    pitch : PitchTrack
    positions : ndarray of int, shape (rows,)
        Of the rows, as 1-based sample numbers.
    values : ndarray, shape (rows, 74)
        Receives the columns; NaN before the first frame, after the last, and where a frame has no measurement.
    doubtful : ndarray of bool, shape (rows, 74)
        Set where a value depends on digital silence or on the ends of the recording.

    Notes
    -----
    COVAREP spreads the cepstrum evenly over all samples, and reads the phase columns from a grid of 5 ms at
    (position - 1) / fs.
    """
    rd_columns, cepstrum = columns_of(RD_NAMES), columns_of(MCEP_NAMES)
    phases = slice(columns_of(HMPDM_NAMES).start, columns_of(HMPDD_NAMES).stop)
    for columns in (rd_columns, cepstrum, phases):
        values[:, columns] = np.nan
    frames = surviving_frames(pitch, len(x))
    count = len(frames)
    if not count:
        return
    rd, sounding = np.empty((count, 2)), np.empty(count, dtype=np.bool_)
    spread = RunInterpolation(round_half_away(np.linspace(1, len(x), count)), positions)

    def distortions() -> Iterator[PhaseDistortion]:
        """Give the frames' phase distortion; what else they have is taken on the way."""
        done = 0
        for run in harmonic_frames(x, pitch, frames):
            part = slice(done, done + len(run.rd))
            rd[part, 0], rd[part, 1], sounding[part] = run.rd, run.rd_confidence, run.sounding
            rows, mcep = spread.add(run.mcep)
            values[rows, cepstrum] = mcep
            done = part.stop
            yield run.distortion

    at, before = pitch.positions[frames], positions - 1
    fine = np.arange(-(-at[0] // _FINE_HOP), at[-1] // _FINE_HOP + 1) * _FINE_HOP
    to_fine = RunInterpolation(at, fine, between=_between_phases)
    to_rows = RunInterpolation(fine, before, between=_between_phases)
    for statistics in phase_statistics(distortions(), frames=count):
        rows, found = to_rows.add(to_fine.add(statistics)[1])
        values[rows, phases] = found

    values[:, rd_columns] = interpolate(at, rd, positions)
    doubtful[:, rd_columns] = touches(at, np.isnan(rd[:, 1]), positions)[:, None]
    doubtful[:, columns_of(HMPDM_NAMES)] = touches(at, ~sounding, before)[:, None]
    ends = np.zeros(count, dtype=np.bool_)
    ends[:ENDS_REACH] = ends[-ENDS_REACH:] = True
    doubtful[:, columns_of(HMPDD_NAMES)] = touches(at, ~sounding | ends, before)[:, None]


def _between_phases(positions: NDArray[np.floating] | Int, statistics: Float, at: Int) -> Float:
    """Interpolate the columns of `phase_statistics`: the means are angles, the deviations are not."""
    angles = len(HMPDM_NAMES)
    means = interpolate_angles(positions, statistics[:, :angles], at)
    return np.concatenate((means, interpolate(positions, statistics[:, angles:], at)), axis=1)
