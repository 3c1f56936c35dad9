"""Speaker diarisation of a whole recording with a known or unknown number of speakers.

Speech is split at speaker changes and pauses (`speaker_activity`), the segments are embedded (`speaker_encoder`) and
clustered by speaker (`speaker_clustering`). Overlapping speech is reported without speakers. docs/speakers.md describes
the method.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mtmm_video.extractors.sample_rate import SAMPLE_RATE
from mtmm_video.extractors.speech.speaker_activity import FRAME_SAMPLES, frame_time, speaker_activity
from mtmm_video.extractors.speech.speaker_clustering import group_speakers
from mtmm_video.extractors.speech.speaker_encoder import embed_speaker
from mtmm_video.extractors.speech.speaker_turns import Diarization, SpeakerTurn

ACTIVE = 0.5  # threshold on the probability of speaker activity
SHORTEST_GAP = 0.12  # seconds; a shorter silence of a speaker is a stop consonant, not a pause
SHORTEST_PIECE = 0.5  # seconds; a shorter segment is merged with a neighbour of its speaker: too short to embed
LONGEST_BREATH = 0.4  # seconds of silence across which it is merged
SHORTEST_SOUND = 0.1  # seconds; a shorter isolated segment is not speech
LONGEST_PIECE = 6.0  # seconds; longer segments are split: their embeddings are hardly better
HEARD_OF_PIECE = 4.0  # seconds in the middle of a segment that are embedded: saves a third of the time on long turns
TURN_GAP = 0.8  # longest silence within a turn in seconds: below the pause of 1 s that ends an utterance
LEAST_SPEECH = 0.5  # smallest share of a segment within detected speech; others are music or noise


@dataclass(frozen=True)
class VoicePieces:
    """Single-speaker segments of a recording, before clustering by speaker.

    Attributes
    ----------
    bounds : ndarray, shape (n, 2)
        Start and end of each segment in seconds.
    seconds : ndarray, shape (n,)
        Duration of the part of each segment that is embedded.
    embeddings : ndarray, shape (n, 192)
        See `speaker_encoder`.
    overlap : ndarray, shape (m, 2)
        As in `Diarization`.
    """

    bounds: NDArray[np.float64]
    seconds: NDArray[np.float64]
    embeddings: NDArray[np.float32]
    overlap: NDArray[np.float64]


def diarize(
    waveform: NDArray[np.floating],
    *,
    sample_rate: int,
    activity_model: Path,
    encoder_model: Path,
    speech: NDArray[np.floating],
    speakers: int | None = None,
) -> Diarization:
    """Assign the speech of a recording to speakers.

    Parameters
    ----------
    waveform : ndarray, shape (samples,)
        Mono, in [-1, 1).
    sample_rate : int
        Must be 16,000 Hz.
    activity_model, encoder_model : Path
        Safetensors files, see `speaker_activity` and `embed_speaker`.
    speech : ndarray, shape (n, 2)
        Start and end of speech in seconds; segments mainly outside it are discarded.
    speakers : int, optional
        Number of speakers; estimated if not given.

    Raises
    ------
    InputError
        If the waveform is not mono, has another sample rate, or `speakers` is below 1.
    WeightsError
        If a model file is missing or damaged.
    """
    pieces = cut_by_voice(
        waveform, sample_rate=sample_rate, activity_model=activity_model, encoder_model=encoder_model, speech=speech
    )
    return group_pieces(pieces, speakers=speakers)


def cut_by_voice(
    waveform: NDArray[np.floating],
    *,
    sample_rate: int,
    activity_model: Path,
    encoder_model: Path,
    speech: NDArray[np.floating],
) -> VoicePieces:
    """Split a recording into single-speaker segments and embed them; parameters and errors as in `diarize`."""
    activity = speaker_activity(waveform, sample_rate=sample_rate, model=activity_model, speech=speech)
    active = activity > ACTIVE
    frames = pieces_of(active)
    seconds = (frames[:, 1] - frames[:, 0]) * FRAME_SAMPLES / sample_rate
    bounds = np.asarray(frame_time(frames), dtype=np.float64).clip(0.0, len(waveform) / sample_rate)
    within = np.array([_shared(start, end, speech) for start, end in bounds]) >= LEAST_SPEECH * seconds
    bounds, seconds = bounds[within], seconds[within]
    spare = np.clip(seconds - HEARD_OF_PIECE, 0.0, None)[:, None] / 2 * [1.0, -1.0]
    embeddings = embed_speaker(waveform, sample_rate=sample_rate, model=encoder_model, pieces=bounds + spare)
    several = np.asarray(frame_time(_runs(active.sum(axis=1) > 1)), dtype=np.float64)
    several = several[several[:, 1] - several[:, 0] >= SHORTEST_GAP]
    return VoicePieces(bounds, np.minimum(seconds, HEARD_OF_PIECE), embeddings, several)


def group_pieces(pieces: VoicePieces, *, speakers: int | None = None) -> Diarization:
    """Cluster segments by speaker; `speakers` as in `diarize`."""
    groups = group_speakers(pieces.embeddings, pieces.seconds, speakers=speakers)
    return Diarization(turns_of(pieces.bounds, groups.labels, groups.confidence), pieces.overlap)


def pieces_of(active: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Split speech into single-speaker segments at speaker changes and pauses.

    Parameters
    ----------
    active : ndarray of bool, shape (frames, voices)
        Speaker activity per frame.

    Returns
    -------
    ndarray of int, shape (n, 2)
        First frame and frame after the last of each segment, in order; without frames of overlapping speech.
    """
    alone = active & (active.sum(axis=1, keepdims=True) == 1)
    pieces: list[tuple[int, int]] = []
    for voice in range(active.shape[1]):
        others = np.asarray(np.delete(active, voice, axis=1).any(axis=1), dtype=np.bool_)
        runs = _closed(_runs(alone[:, voice]), others, shortest=np.inf, gap=SHORTEST_GAP)
        runs = _closed(np.array(runs, np.int64).reshape(-1, 2), others, shortest=SHORTEST_PIECE, gap=LONGEST_BREATH)
        for first, last in runs:
            length = (last - first) * FRAME_SAMPLES / SAMPLE_RATE
            if length >= SHORTEST_SOUND:
                marks = np.linspace(first, last, int(np.ceil(length / LONGEST_PIECE)) + 1).astype(int)
                pieces.extend(zip(marks[:-1].tolist(), marks[1:].tolist(), strict=True))
    return np.array(sorted(pieces), dtype=np.int64).reshape(-1, 2)


def turns_of(
    pieces: NDArray[np.float64], labels: NDArray[np.int64], confidence: NDArray[np.float64]
) -> tuple[SpeakerTurn, ...]:
    """Merge consecutive segments of a speaker, shape (n, 2), into turns; the confidence is their mean by duration."""
    turns: list[SpeakerTurn] = []
    for (start, end), label, sure in zip(pieces.tolist(), labels.tolist(), confidence.tolist(), strict=True):
        if turns and turns[-1].speaker == label and start - turns[-1].end < TURN_GAP:
            last = turns[-1]
            before, after = last.end - last.start, end - start
            mean = (last.confidence * before + sure * after) / (before + after)
            turns[-1] = SpeakerTurn(last.start, end, label, mean)
        else:
            turns.append(SpeakerTurn(start, end, label, sure))
    return tuple(turns)


def _runs(marked: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return first frame and frame after the last of each run, shape (n, 2)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], marked.astype(np.int8), [0]])))
    return edges.reshape(-1, 2).astype(np.int64)


def _closed(
    runs: NDArray[np.int64], others: NDArray[np.bool_], *, shortest: float, gap: float
) -> list[tuple[int, int]]:
    """Merge runs across gaps below `gap` s without activity of other speakers, if one is below `shortest` s."""
    frames_of_gap = gap * SAMPLE_RATE / FRAME_SAMPLES
    frames_of_piece = shortest * SAMPLE_RATE / FRAME_SAMPLES
    joined: list[tuple[int, int]] = []
    for first, last in runs.tolist():
        if joined:
            before = joined[-1]
            short = min(before[1] - before[0], last - first) < frames_of_piece
            if short and first - before[1] < frames_of_gap and not others[before[1] : first].any():
                joined[-1] = (before[0], last)
                continue
        joined.append((first, last))
    return joined


def _shared(start: float, end: float, speech: NDArray[np.floating]) -> float:
    """Return the seconds of speech between two times."""
    return float(np.clip(np.minimum(speech[:, 1], end) - np.maximum(speech[:, 0], start), 0.0, None).sum())
