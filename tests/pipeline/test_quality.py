"""Flags tell the reader what a row rests on; an absent modality is flagged, never a silent zero."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mtmm_video.extractors.speech.recognition import LanguageSpan
from mtmm_video.extractors.speech.words import Word
from mtmm_video.extractors.stream import FeatureStream
from mtmm_video.extractors.visual.names import FACET_NAMES, FACET_VERSION
from mtmm_video.extractors.visual.speaker import FaceChoice
from mtmm_video.pipeline.quality import (
    FLAGS,
    Quality,
    absent_columns,
    flags_of,
    measure_quality,
    notes_of,
    voiced_share,
)
from mtmm_video.pipeline.source import Source
from mtmm_video.pipeline.utterance import Utterance

SOURCE = Source(
    name="talk",
    path="talk.mp4",
    sha256="0" * 64,
    duration=10.0,
    has_audio=True,
    has_video=True,
    width=1280,
    height=720,
    frame_rate=25.0,
)
UTTERANCE = Utterance(0, 1.0, 2.0, "well done", (Word("well", 1.0, 1.4, 0.9), Word("done", 1.5, 2.0, 0.7)))
GOOD = Quality(
    asr_confidence=0.8,
    unknown_word_share=0.0,
    voiced_share=0.6,
    face_share=1.0,
    faces=1,
    face_track=0,
    face_confidence=1.0,
    face_height=200.0,
    sharpness=0.5,
    turned_share=0.0,
)


def _voicing(*, voiced: int, of: int, valid: bool = True) -> FeatureStream:
    values = np.zeros((of, 1))
    values[:voiced] = 1.0
    return FeatureStream(np.linspace(1.0, 2.0, of), values, ("VUV",), np.full((of, 1), valid), "test/1")


def _face(track: int | None, *, share: float) -> FaceChoice:
    stream = FeatureStream.empty(FACET_NAMES, version=FACET_VERSION)
    return FaceChoice(
        track=track,
        confidence=1.0,
        faces=1 if track is not None else 0,
        stream=stream,
        face_share=share,
        face_height=0.25,
        sharpness=40.0,
        turned_share=0.1,
    )


def test_a_clean_utterance_has_no_flag() -> None:
    assert flags_of(UTTERANCE, quality=GOOD, source=SOURCE) == ()


@pytest.mark.parametrize(
    ("change", "flag"),
    [
        ({"face_share": 0.0, "faces": 0, "face_track": None}, "no_face"),
        ({"face_share": 0.49}, "partial_face"),
        ({"faces": 2}, "several_faces"),
        ({"turned_share": 0.51}, "head_turned"),
        ({"face_height": 47.0}, "small_or_blurred_face"),
        ({"sharpness": 0.09}, "small_or_blurred_face"),
        ({"voiced_share": 0.05}, "unvoiced"),
        ({"asr_confidence": 0.4}, "low_asr_confidence"),
        ({"unknown_word_share": 0.6}, "unknown_words"),
    ],
)
def test_each_weakness_has_its_flag(change: dict[str, float | None], flag: str) -> None:
    assert flags_of(UTTERANCE, quality=replace(GOOD, **change), source=SOURCE) == (flag,)


def test_a_missing_track_is_said_once_and_not_blamed_on_the_face_or_the_voice() -> None:
    faceless = replace(GOOD, face_share=0.0, faces=0, face_track=None, face_height=None, turned_share=None)
    assert flags_of(UTTERANCE, quality=faceless, source=replace(SOURCE, has_video=False)) == ("no_video",)
    voiceless = replace(GOOD, voiced_share=None)
    assert flags_of(UTTERANCE, quality=voiceless, source=replace(SOURCE, has_audio=False)) == ("no_audio",)


def test_faces_that_nobody_looked_for_are_not_missed() -> None:
    unseen = replace(GOOD, face_share=None, faces=None, face_track=None, face_height=None, turned_share=None)
    assert flags_of(UTTERANCE, quality=unseen, source=SOURCE) == ()


def test_a_guessed_word_time_is_flagged() -> None:
    words = (UTTERANCE.words[0], replace(UTTERANCE.words[1], interpolated=True))
    assert flags_of(replace(UTTERANCE, words=words), quality=GOOD, source=SOURCE) == ("interpolated_times",)


def test_another_language_is_flagged_where_it_is_spoken() -> None:
    before = LanguageSpan(0.0, UTTERANCE.start, "ja")
    during = LanguageSpan(UTTERANCE.start, UTTERANCE.end, "ja")
    assert flags_of(UTTERANCE, quality=GOOD, source=SOURCE, languages=(before,)) == ()
    assert flags_of(UTTERANCE, quality=GOOD, source=SOURCE, languages=(during,)) == ("other_language",)
    translated = flags_of(UTTERANCE, quality=GOOD, source=SOURCE, languages=(during,), translated=True)
    assert translated == ("other_language", "translated")


def test_flags_come_in_the_order_of_their_list() -> None:
    worst = replace(
        GOOD,
        asr_confidence=0.1,
        unknown_word_share=1.0,
        voiced_share=0.0,
        face_share=0.1,
        faces=3,
        face_height=10.0,
        turned_share=0.9,
    )
    found = flags_of(UTTERANCE, quality=worst, source=SOURCE)
    assert list(found) == [flag for flag in FLAGS if flag in found]
    assert len(found) == 7


def test_quality_puts_a_number_on_words_voice_and_face() -> None:
    quality = measure_quality(
        UTTERANCE,
        source=SOURCE,
        acoustic=_voicing(voiced=25, of=100),
        face=_face(3, share=0.75),
        unknown_word_share=0.5,
    )
    assert quality.asr_confidence == pytest.approx(0.8)
    assert quality.voiced_share == pytest.approx(0.25)
    assert (quality.face_share, quality.face_track, quality.faces) == (0.75, 3, 1)
    assert quality.face_height == pytest.approx(180.0)  # a quarter of the picture's 720 pixels


def test_a_given_transcript_has_no_recogniser_to_doubt() -> None:
    given = replace(UTTERANCE, words=tuple(replace(word, probability=None) for word in UTTERANCE.words))
    quality = measure_quality(given, source=SOURCE, acoustic=None, face=None, unknown_word_share=0.0)
    assert quality == Quality()


def test_voicing_that_was_not_measured_is_unknown_not_zero() -> None:
    assert voiced_share(_voicing(voiced=0, of=10, valid=False), start=1.0, end=2.0) is None
    assert voiced_share(_voicing(voiced=5, of=10), start=5.0, end=6.0) is None


def test_absent_columns_are_named_but_not_those_of_an_absent_modality() -> None:
    valid = np.array([[True, False, True], [True, False, False]])
    assert absent_columns(("F0", "NAQ", "MDQ"), valid) == ("NAQ",)
    assert absent_columns(("F0",), np.zeros((2, 1), np.bool_)) == ()
    assert absent_columns(("F0", "voice_0", "voice_1"), np.array([[True, False, False]])) == ("voice",)


def test_a_silent_file_is_described_in_words() -> None:
    notes = notes_of(SOURCE, utterances=0, spoken=0.0, absent=(), visual="mediapipe")
    assert "No speech was detected in the sound." in notes
    assert notes_of(SOURCE, utterances=3, spoken=9.0, absent=(), visual="mediapipe") == ()
