"""What is found on the tape of separate tracks comes back to the file's clock, and to its track."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from mtmm_video.extractors.sample_rate import SAMPLE_RATE
from mtmm_video.extractors.speech.words import Word
from mtmm_video.extractors.stream import FeatureStream
from mtmm_video.pipeline.speaker_names import with_track_names
from mtmm_video.pipeline.tracks import Tape

TAPE = Tape.of(tracks=2, duration=9.5)
SECOND = TAPE.start_of(1)  # seconds at which the second track starts on the tape


def said(text: str, start: float) -> list[Word]:
    return [Word(piece, start + 0.4 * i, start + 0.4 * i + 0.3) for i, piece in enumerate(text.split())]


def test_one_track_is_the_file() -> None:
    tape = Tape.of(tracks=1, duration=100.0)
    words = said("all of it stays here", 40.0)
    assert tape.words_of(words, 0) == words
    assert tape.track_of(90.0) == 0
    [utterance] = tape.utterances(words)
    assert tape.on_tape(utterance) == utterance


def test_channels_lie_one_after_the_other() -> None:
    channels = [np.full(round(9.5 * SAMPLE_RATE), level, np.float32) for level in (0.1, 0.2)]
    wave = TAPE.waveform(channels)
    assert wave[SAMPLE_RATE] == pytest.approx(0.1)
    assert wave[round((SECOND + 1.0) * SAMPLE_RATE)] == pytest.approx(0.2)
    assert not wave[round(9.6 * SAMPLE_RATE) : round(SECOND * SAMPLE_RATE)].any()
    assert len(wave) == 2 * round(SECOND * SAMPLE_RATE)


def test_people_who_speak_at_once_have_utterances_that_overlap() -> None:
    words = [*said("He began a confused complaint.", 1.0), *said("The horizon seems distant.", SECOND + 0.5)]
    found = with_track_names(TAPE.utterances(words), names=["Ann"])
    assert [(each.index, each.track, each.speaker, each.start) for each in found] == [
        (0, 1, "Ann", pytest.approx(0.5)),
        (1, 0, "Speaker 2", pytest.approx(1.0)),
    ]
    assert TAPE.on_tape(found[0]).words[0].start == pytest.approx(SECOND + 0.5)


def test_speech_of_all_tracks_is_merged_on_the_files_clock() -> None:
    intervals = np.array([[1.0, 3.0], [6.0, 7.0], [SECOND + 2.0, SECOND + 4.0]])
    np.testing.assert_allclose(TAPE.file_intervals(intervals), [[1.0, 4.0], [6.0, 7.0]])
    turns = TAPE.diarization(intervals).turns
    assert [(turn.start, turn.end, turn.speaker) for turn in turns] == [(1.0, 3.0, 0), (2.0, 4.0, 1), (6.0, 7.0, 0)]


def test_a_stream_follows_the_speakers_track() -> None:
    times = np.arange(0.0, 2 * SECOND, 0.5)
    stream = FeatureStream(times, times[:, None].copy(), ("clock",), np.ones((len(times), 1), np.bool_), "clock/1")
    [utterance] = TAPE.utterances(said("on the second track", SECOND + 2.0))
    found = TAPE.file_stream(stream, [dataclasses.replace(utterance, start=2.0, end=4.0)], duration=9.5)
    assert found.times[-1] == 9.0  # the pause between the tracks is not in the file
    assert found.column("clock")[found.times < 2.0].max() < SECOND
    inside = (found.times >= 2.0) & (found.times < 4.0)
    np.testing.assert_allclose(found.column("clock")[inside], found.times[inside] + SECOND)
    assert TAPE.stream_of(stream, 1).times[0] == 0.0
