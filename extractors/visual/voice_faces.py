"""Whose face a voice has: the one whose lips move with it over the whole video.

In one utterance a listener who chews or smiles can move the lips as fast as the speaker. Over all that a voice says,
the speaker's lips are the ones that also move when the voice is loud and rest when it pauses.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from mtmm_video.extractors.visual.speaker import FEWEST_DETECTIONS, SPEED_SCALE, mouth_speed
from mtmm_video.extractors.visual.tracks import VisualTracks

AROUND = 0.5  # seconds before and after a turn in which lips at rest count for the voice's own
LEVEL_SECONDS = 0.16  # of sound around a picture that its lips are compared with: a syllable
# Correlation of lip speed and sound level that a speaker is expected to have at 10 pictures a second; others have 0.
# Measured: .26 for the speaker and .06 for the other in two_right_speaks, whose lips move faster.
EXPECTED_SYNC = 0.25
FRAMES_PER_SAMPLE = 2.0  # pictures that count as one independent measurement: lips and levels change slowly


def voice_face_odds(
    tracks: VisualTracks,
    *,
    turns: NDArray[np.float64],
    level_times: NDArray[np.float64],
    levels: NDArray[np.float64],
) -> Mapping[int, float]:
    """Return the logarithm of the odds that each face is a voice's, over the whole video.

    Parameters
    ----------
    tracks : VisualTracks
        All faces of the video.
    turns : ndarray, shape (n, 2)
        When the voice speaks, in seconds.
    level_times, levels : ndarray, shape (frames,)
        Level of the voice's sound on a logarithmic scale, NaN where there is none, and its times in seconds.

    Returns
    -------
    mapping of int to float
        By track, for faces that are seen while the voice speaks: lip speed as in `choose_face`, less what the face that
        moves most in time with the voice has over it. Faces that are not in it were not seen then.
    """
    numbers, counts = np.unique(tracks.track, return_counts=True)
    near = _inside(tracks.times, turns, margin=AROUND)
    speeds: dict[int, float] = {}
    syncs: dict[int, float] = {}
    for number in numbers[counts >= FEWEST_DETECTIONS].tolist():
        rows = np.flatnonzero((tracks.track == number) & near)
        if len(rows) >= FEWEST_DETECTIONS:
            times, mouth = tracks.times[rows], tracks.mouth[rows]
            speeds[number] = mouth_speed(times, mouth, speech=turns) / SPEED_SCALE
            syncs[number] = sync_evidence(times, mouth, level_times=level_times, levels=levels)
    best = max(syncs.values(), default=0.0)
    return {number: speed + syncs[number] - best for number, speed in speeds.items()}


def sync_evidence(
    times: NDArray[np.float64],
    mouth: NDArray[np.float32],
    *,
    level_times: NDArray[np.float64],
    levels: NDArray[np.float64],
) -> float:
    """Return the log likelihood ratio of lips that move with the sound against lips that move by themselves.

    Parameters
    ----------
    times : ndarray, shape (frames,)
        Seconds, increasing.
    mouth : ndarray, shape (frames,)
        Gap between the lips in eye distances.
    level_times, levels : ndarray
        As of `voice_face_odds`.

    Returns
    -------
    float
        Of the correlation r of lip speed and level over n independent pairs, to first order in n: that of two normal
        variables of correlation `EXPECTED_SYNC` against none. 0 where nothing can be compared.
    """
    speed = np.abs(np.diff(mouth.astype(np.float64))) / np.diff(times)
    middles = (times[1:] + times[:-1]) / 2
    first, last = (np.searchsorted(level_times, middles + shift) for shift in (-LEVEL_SECONDS / 2, LEVEL_SECONDS / 2))
    heard = np.array(
        [
            np.nanmean(levels[a:b]) if np.isfinite(levels[a:b]).any() else np.nan
            for a, b in zip(first.tolist(), last.tolist(), strict=True)
        ]
    )
    both = np.isfinite(heard) & np.isfinite(speed)
    if both.sum() < FEWEST_DETECTIONS or not np.std(heard[both]) or not np.std(speed[both]):
        return 0.0
    correlation = float(np.corrcoef(heard[both], speed[both])[0, 1])
    pairs = both.sum() / FRAMES_PER_SAMPLE
    expected = EXPECTED_SYNC
    information = expected * (correlation - expected) / (1 - expected**2) - 0.5 * np.log(1 - expected**2)
    return float(pairs * information)


def _inside(times: NDArray[np.float64], turns: NDArray[np.float64], *, margin: float) -> NDArray[np.bool_]:
    inside = np.zeros(len(times), dtype=np.bool_)
    for start, end in turns.tolist():
        inside |= (times >= start - margin) & (times <= end + margin)
    return inside
