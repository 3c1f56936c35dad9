"""Whose face: the lips that move with the speech, and what is said of the picture's quality."""

from __future__ import annotations

import numpy as np
import pytest

from mtmm_video.extractors.visual.names import FACET_NAMES
from mtmm_video.extractors.visual.speaker import choose_face, mouth_speed

TIMES = np.arange(60) / 10.0
TALKING = 0.1 + 0.08 * np.abs(np.sin(2 * np.pi * 2.2 * TIMES))
STILL = np.full(60, 0.03)


def test_the_face_whose_lips_move_is_chosen(make_tracks):
    for faces, speaker in (([TALKING, STILL], 0), ([STILL, TALKING], 1)):
        choice = choose_face(make_tracks(faces), start=1.0, end=5.0)
        assert choice.track == speaker
        assert choice.faces == 2
        assert choice.confidence > 0.8


def test_lips_that_move_in_silence_do_not_count(make_tracks):
    chewing = np.where(TIMES < 3, STILL, TALKING)  # moves only while nobody speaks
    speaking = np.where(TIMES < 3, TALKING, STILL)
    tracks = make_tracks([chewing, speaking])
    assert choose_face(tracks, start=0.0, end=5.9, speech=np.array([[0.2, 2.9]])).track == 1
    assert choose_face(tracks, start=0.0, end=5.9, speech=np.array([[3.2, 5.9]])).track == 0


def test_a_still_face_is_shown_but_not_trusted(make_tracks):
    choice = choose_face(make_tracks([STILL]), start=0.0, end=5.9)
    assert choice.track == 0
    assert choice.confidence < 0.3  # somebody off the picture speaks


def test_an_utterance_without_a_face_has_no_rows(make_tracks):
    choice = choose_face(make_tracks([TALKING]), start=20.0, end=22.0)
    assert (choice.track, choice.faces, choice.confidence, choice.face_share) == (None, 0, 0.0, 0.0)
    assert choice.stream.values.shape == (0, len(FACET_NAMES))


def test_a_face_of_one_frame_is_taken_for_a_mistake(make_tracks):
    assert choose_face(make_tracks([TALKING[:2]]), start=0.0, end=1.0).track is None


def test_quality_is_of_the_utterance_alone(make_tracks):
    tracks = make_tracks([TALKING], yaw=50.0)
    choice = choose_face(tracks, start=1.0, end=2.0)
    assert len(choice.stream.times) == 11
    assert choice.stream.times.min() >= 1.0 and choice.stream.times.max() <= 2.0
    assert choice.face_share == 1.0
    assert choice.face_height == pytest.approx(50 / 200)
    assert choice.turned_share == 1.0


def test_mouth_speed_is_the_same_at_half_the_rate_for_slow_movement():
    slow = 0.1 * TIMES
    assert mouth_speed(TIMES, slow) == pytest.approx(0.1)
    assert mouth_speed(TIMES[::2], slow[::2]) == pytest.approx(0.1)
    assert mouth_speed(TIMES[:1], slow[:1]) == 0.0
