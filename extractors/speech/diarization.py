"""Diarisation: who speaks when, over a whole recording, with an unknown number of speakers.

Speech is cut where the voice changes or pauses (`speaker_activity`), each piece gets an embedding (`speaker_encoder`),
and the pieces are grouped by speaker (`speaker_clustering`). Where two voices speak at once, that is said and nobody is
named. docs/speakers.md has the evidence behind each choice, and the error rates.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mtmm_video.extractors.sample_rate import SAMPLE_RATE
from mtmm_video.extractors.speech.speaker_activity import (
    FRAME_SAMPLES,
    SPEAKER_ACTIVITY_VERSION,
    frame_time,
    speaker_activity,
)
from mtmm_video.extractors.speech.speaker_clustering import SPEAKER_CLUSTERING_VERSION, group_speakers
from mtmm_video.extractors.speech.speaker_encoder import SPEAKER_ENCODER_VERSION, embed_speaker

DIARIZATION_VERSION = f"pieces/1 {SPEAKER_ACTIVITY_VERSION} {SPEAKER_ENCODER_VERSION} {SPEAKER_CLUSTERING_VERSION}"

ACTIVE = 0.5  # probability from which a voice counts as speaking
SHORTEST_GAP = 0.12  # seconds; a shorter silence of one voice is a stop consonant, not a pause
SHORTEST_PIECE = 0.5  # seconds; a shorter piece joins its voice's neighbour: too little to know a voice by
LONGEST_BREATH = 0.4  # seconds across which it may
SHORTEST_SOUND = 0.1  # seconds; what is shorter still, and alone, is no speech
LONGEST_PIECE = 6.0  # seconds; embeddings gain little from longer pieces, and each may still go its own way
HEARD_OF_PIECE = 4.0  # seconds in the middle of a piece that are embedded: a third of the time saved in long talk
TURN_GAP = 0.8  # seconds of silence that a turn may hold: below the pause of 1 s that ends an utterance
LEAST_SPEECH = 0.5  # share of a piece that must lie within detected speech: the rest is music or noise


@dataclass(frozen=True)
class SpeakerTurn:
    """One person speaking: start and end in seconds, number of the speaker from 0, confidence in [0, 1]."""

    start: float
    end: float
    speaker: int
    confidence: float


@dataclass(frozen=True)
class Diarization:
    """Who speaks when.

    Attributes
    ----------
    turns : tuple of SpeakerTurn
        In order of time. Turns of two speakers may touch, not overlap.
    overlap : ndarray, shape (n, 2)
        Start and end of stretches in which several people speak at once, in seconds.
    """

    turns: tuple[SpeakerTurn, ...]
    overlap: NDArray[np.float64]

    @classmethod
    def empty(cls) -> Diarization:
        """Return the diarisation of a recording in which nobody speaks."""
        return cls((), np.zeros((0, 2)))


@dataclass(frozen=True)
class VoicePieces:
    """What a recording is cut into, before it is known who is who.

    Attributes
    ----------
    bounds : ndarray, shape (n, 2)
        Start and end of each piece in seconds, one voice in each.
    seconds : ndarray, shape (n,)
        How much of each its embedding is made of.
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
    """Find out who speaks when.

    Parameters
    ----------
    waveform : ndarray, shape (samples,)
        Mono, in [-1, 1).
    sample_rate : int
        Must be 16,000 Hz.
    activity_model, encoder_model : Path
        Safetensors files, see `speaker_activity` and `embed_speaker`.
    speech : ndarray, shape (n, 2)
        Start and end of speech in seconds; what lies outside is nobody's.
    speakers : int, optional
        How many people speak; found out where it is not given.

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
    """Cut a recording into pieces of one voice and embed them; parameters and errors as of `diarize`."""
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
    """Say which pieces are one speaker's; `speakers` as of `diarize`."""
    groups = group_speakers(pieces.embeddings, pieces.seconds, speakers=speakers)
    return Diarization(turns_of(pieces.bounds, groups.labels, groups.confidence), pieces.overlap)


def pieces_of(active: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Cut speech into pieces of one voice each, at changes of voice and at pauses.

    Parameters
    ----------
    active : ndarray of bool, shape (frames, voices)
        Which voice speaks in which frame.

    Returns
    -------
    ndarray of int, shape (n, 2)
        First frame and frame after the last of each piece, in order. Frames with several voices are in none.
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
    """Join neighbouring pieces of one speaker, shape (n, 2), to turns; confidence is the mean over their time."""
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
    """Join runs across gaps below `gap` seconds in which no other voice speaks, if one is below `shortest` seconds."""
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
