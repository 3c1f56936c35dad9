"""Detection of recordings with one speaker per channel, such as calls.

In recordings with several microphones in a room and in stereo mixes, every voice is on all channels, so the levels of
the channels are correlated. With one speaker per channel, each channel is in turn louder than the others.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mtmm_video.extractors.sample_rate import SAMPLE_RATE

LEVEL_SECONDS = 0.1  # frame length of a level: about a syllable
FRAMES_AT_ONCE = 600  # a minute, as the squares of three hours would take 0.7 GB
ACTIVE_RANGE = 35.0  # dB below the loudest level above which a frame is active; room noise is below
DOMINANCE = 6.0  # dB above all other channels; the stereo mixes and microphone pairs examined stay below
LEAST_SHARE = 0.05  # smallest share of the active frames in which each channel dominates
HIGHEST_CORRELATION = 0.5  # of two channels' levels in dB; two overlapping speakers: .2, one voice on both: .8 to 1.0
LEAST_SPEECH = 0.5  # seconds of speech required on each channel, which excludes a channel of music
QUIETEST = 100.0  # dB below the loudest level: lower limit of levels, such as that of digital silence
CROSSTALK = 10.0  # dB below the loudest channel at which speech on a channel counts as crosstalk


def one_speaker_per_channel(channels: Sequence[NDArray[np.floating]]) -> bool:
    """Return whether each channel has a separate speaker.

    Parameters
    ----------
    channels : sequence of ndarray, each of shape (samples,)
        At 16 kHz, on one clock.
    """
    if len(channels) < 2:
        return False
    levels = _levels(channels)
    active = levels.max(axis=0) > levels.max(initial=-np.inf) - ACTIVE_RANGE
    levels = levels[:, active]
    leading = [float((_lead(levels, own) > DOMINANCE).mean()) for own in range(len(levels))]
    if levels.shape[1] < 2 or min(leading) < LEAST_SHARE:
        return False
    correlations = np.atleast_2d(np.corrcoef(levels))[np.triu_indices(len(levels), k=1)]
    if not (correlations < HIGHEST_CORRELATION).all():
        return False
    return all(
        float((intervals[:, 1] - intervals[:, 0]).sum()) >= LEAST_SPEECH for intervals in speech_of_channels(channels)
    )


def speech_of_channels(channels: Sequence[NDArray[np.floating]]) -> tuple[NDArray[np.float64], ...]:
    """Return the speech intervals of each channel, without crosstalk from a louder one.

    Parameters
    ----------
    channels : sequence of ndarray, each of shape (samples,)
        At 16 kHz, on one clock.

    Returns
    -------
    tuple of ndarray, each of shape (n, 2)
        Start and end in seconds.
    """
    # Imports torch, two seconds that a recording with one mix need not wait for.
    from mtmm_video.extractors.speech.voice_activity import detect_speech  # noqa: PLC0415

    levels = _levels(channels)
    own = []
    for number, channel in enumerate(channels):
        intervals = detect_speech(channel, sample_rate=SAMPLE_RATE)
        kept = [
            (start, end)
            for start, end in intervals.tolist()
            if (_lead(levels, number)[_frames(start, end)] > -CROSSTALK).mean() >= 0.5
        ]
        own.append(np.array(kept, dtype=np.float64).reshape(-1, 2))
    return tuple(own)


def _levels(channels: Sequence[NDArray[np.floating]]) -> NDArray[np.float64]:
    """Return levels in dB, shape (channels, frames); at least one frame."""
    size = round(LEVEL_SECONDS * SAMPLE_RATE)
    count = max(1, -(-max(len(channel) for channel in channels) // size))
    power = np.zeros((len(channels), count))
    for row, channel in zip(power, channels, strict=True):
        for first in range(0, count, FRAMES_AT_ONCE):
            part = channel[first * size : (first + FRAMES_AT_ONCE) * size]
            padded = np.zeros((min(FRAMES_AT_ONCE, count - first), size), dtype=np.float32)
            padded.reshape(-1)[: len(part)] = part
            row[first : first + len(padded)] = np.square(padded).mean(axis=1)
    levels: NDArray[np.float64] = 10.0 * np.log10(power + np.finfo(np.float32).tiny)
    return np.asarray(np.maximum(levels, levels.max() - QUIETEST))


def _lead(levels: NDArray[np.float64], own: int) -> NDArray[np.float64]:
    """Return by how many dB a channel exceeds the loudest of the others."""
    lead: NDArray[np.float64] = levels[own] - np.delete(levels, own, axis=0).max(axis=0)
    return lead


def _frames(start: float, end: float) -> slice:
    first = int(start / LEVEL_SECONDS)
    return slice(first, max(first + 1, int(np.ceil(end / LEVEL_SECONDS))))
