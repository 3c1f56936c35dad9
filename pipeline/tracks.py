"""Separate analysis of the channels of a recording with one speaker per channel.

The audio steps take one waveform. For a recording with separate tracks it is the tape: the channels concatenated, each
followed by a pause. `Tape` converts results from the time axis of the tape to that of the file.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mtmm_video.extractors.sample_rate import SAMPLE_RATE
from mtmm_video.extractors.speech.channel_speakers import one_speaker_per_channel
from mtmm_video.extractors.speech.speaker_turns import Diarization, SpeakerTurn
from mtmm_video.extractors.speech.words import Word
from mtmm_video.extractors.stream import FeatureStream
from mtmm_video.pipeline.media.reading import MediaInfo, read_channels
from mtmm_video.pipeline.media.silence import silence
from mtmm_video.pipeline.segmentation import segment
from mtmm_video.pipeline.utterance import Utterance

PAUSE = 5.0  # seconds between two tracks: longer than any pause that recognition or segmentation bridges


def count_tracks(path: Path, info: MediaInfo, *, channels: str) -> int:
    """Return the number of channels of a file that are analysed separately; 1 if they are mixed.

    Parameters
    ----------
    path : Path
    info : MediaInfo
        Of the file.
    channels : str
        ``mix``, ``split``, or ``auto`` to look for one speaker per channel.
    """
    count = info.audio.channels if info.audio else 0
    if channels == "mix" or count < 2:
        return 1
    # Surround sound has its dialogue on the centre channel, so that only two channels are split automatically.
    if channels == "split" or (count == 2 and one_speaker_per_channel(read_channels(path))):
        return count
    return 1


@dataclass(frozen=True)
class Tape:
    """The tracks of a recording, concatenated.

    Attributes
    ----------
    tracks : int
        Number of tracks; 1 if the channels are mixed: the tape is then the file.
    period : float
        Seconds from the start of a track to that of the next.
    """

    tracks: int
    period: float

    @classmethod
    def of(cls, *, tracks: int, duration: float) -> Tape:
        """Return the tape of a file; `duration` in seconds."""
        return cls(tracks, math.ceil(duration) + PAUSE)

    def waveform(self, channels: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Return the concatenated channels, shape (tracks * period * rate,); channels at 16 kHz."""
        length = round(self.period * SAMPLE_RATE)
        tape = silence(self.tracks * length)
        for number, channel in enumerate(channels[: self.tracks]):
            kept = channel[: length - round(PAUSE / 2 * SAMPLE_RATE)]
            tape[number * length : number * length + len(kept)] = kept
        return tape

    def track_of(self, time: float) -> int:
        """Return the index of the track at a time on the tape."""
        return 0 if self.tracks == 1 else min(int(time / self.period), self.tracks - 1)

    def start_of(self, track: int) -> float:
        """Return the start of a track on the tape in seconds."""
        return 0.0 if self.tracks == 1 else track * self.period

    def intervals_of(self, intervals: NDArray[np.float64], track: int) -> NDArray[np.float64]:
        """Return the intervals of one track, shape (n, 2), in file time."""
        inside = np.array([self.track_of(start) == track for start in intervals[:, 0]], dtype=np.bool_)
        return intervals[inside] - self.start_of(track)

    def file_intervals(self, intervals: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the union of the intervals of all tracks, shape (n, 2), sorted and disjoint, in file time."""
        if self.tracks == 1:
            return intervals
        both = np.concatenate([self.intervals_of(intervals, track) for track in range(self.tracks)])
        merged: list[list[float]] = []
        for start, end in sorted(both.tolist()):
            if merged and start <= merged[-1][1]:
                merged[-1][1] = max(merged[-1][1], end)
            else:
                merged.append([start, end])
        return np.array(merged, dtype=np.float64).reshape(-1, 2)

    def words_of(self, words: Sequence[Word], track: int) -> list[Word]:
        """Return the words of one track in file time."""
        start = self.start_of(track)
        return [_moved(word, -start) for word in words if self.track_of(word.start) == track]

    def utterances(self, words: Sequence[Word]) -> tuple[Utterance, ...]:
        """Segment the words of each track into utterances, in order of time; those of two tracks may overlap."""
        found = [
            replace(utterance, track=track)
            for track in range(self.tracks)
            for utterance in segment(self.words_of(words, track))
        ]
        found.sort(key=lambda utterance: utterance.start)
        return tuple(replace(utterance, index=index) for index, utterance in enumerate(found))

    def diarization(self, intervals: NDArray[np.float64]) -> Diarization:
        """Return the speaker turns, one speaker per track, from speech intervals on the tape, shape (n, 2)."""
        turns = [
            SpeakerTurn(start, end, speaker=track, confidence=1.0)
            for track in range(self.tracks)
            for start, end in self.intervals_of(intervals, track).tolist()
        ]
        return Diarization(tuple(sorted(turns, key=lambda turn: turn.start)), np.zeros((0, 2)))

    def on_tape(self, utterance: Utterance) -> Utterance:
        """Return an utterance in tape time."""
        start = self.start_of(utterance.track)
        if not start:
            return utterance
        words = tuple(_moved(word, start) for word in utterance.words)
        return replace(utterance, start=utterance.start + start, end=utterance.end + start, words=words)

    def stream_of(self, stream: FeatureStream, track: int) -> FeatureStream:
        """Return the rows of a stream on one track, in file time."""
        if self.tracks == 1:
            return stream
        first, last = np.searchsorted(stream.times, (self.start_of(track), self.start_of(track + 1)))
        rows = slice(int(first), int(last))
        times = stream.times[rows] - self.start_of(track)
        return FeatureStream(times, stream.values[rows], stream.names, stream.valid[rows], stream.version)

    def file_stream(self, stream: FeatureStream, utterances: Sequence[Utterance], *, duration: float) -> FeatureStream:
        """Return a stream in file time: the rows of an utterance's track during the utterance, else of track 0.

        Where utterances of two tracks overlap, the track of the later one is used. The pause after a track is left out;
        `duration` is the file's, in seconds.
        """
        if self.tracks == 1:
            return stream
        first, *others = (self.stream_of(stream, track) for track in range(self.tracks))
        values, valid = first.values.copy(), first.valid.copy()
        for utterance in (each for each in utterances if each.track):
            other = others[utterance.track - 1]  # all tracks have the same frame times
            frames = np.flatnonzero((first.times >= utterance.start) & (first.times < utterance.end))
            frames = frames[frames < len(other.times)]
            values[frames], valid[frames] = other.values[frames], other.valid[frames]
        kept = first.times < duration
        return FeatureStream(first.times[kept], values[kept], first.names, valid[kept], first.version)


def _moved(word: Word, seconds: float) -> Word:
    return replace(word, start=word.start + seconds, end=word.end + seconds)
