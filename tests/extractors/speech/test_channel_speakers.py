"""A call has a speaker on each channel; stereo of one scene, and one microphone on two channels, do not."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from mtmm_video.extractors.sample_rate import SAMPLE_RATE
from mtmm_video.extractors.speech import voice_activity
from mtmm_video.extractors.speech.channel_speakers import one_speaker_per_channel, speech_of_channels


def loud_parts(waveform: NDArray[np.floating], *, sample_rate: int) -> NDArray[np.float64]:
    """Speech as these tests have it: seconds that are loud."""
    loud = np.abs(waveform[: len(waveform) // sample_rate * sample_rate].reshape(-1, sample_rate)).max(axis=1) > 0.01
    return np.array([(second, second + 1.0) for second in np.flatnonzero(loud)]).reshape(-1, 2)


@pytest.fixture(autouse=True)
def speech(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voice_activity, "detect_speech", loud_parts)


def voice(seconds: list[int], *, length: int = 20, seed: int = 0) -> NDArray[np.float32]:
    """Noise that rises and falls, in these seconds."""
    random = np.random.default_rng(seed)
    wave = random.normal(size=length * SAMPLE_RATE) * np.repeat(
        random.uniform(0.05, 0.3, length * 10), SAMPLE_RATE // 10
    )
    return (wave * np.repeat(np.isin(np.arange(length), seconds), SAMPLE_RATE)).astype(np.float32)


ANN, BOB = voice([1, 2, 3, 8, 9], seed=1), voice([5, 6, 12, 13, 14, 15], seed=2)


def test_people_on_channels_of_their_own_are_seen() -> None:
    assert one_speaker_per_channel([ANN, BOB])
    both = voice(list(range(20)), seed=3), voice(list(range(0, 20, 2)), seed=4)
    assert one_speaker_per_channel(both)  # also when they speak at once


def test_a_scene_in_stereo_is_one_recording() -> None:
    scene = ANN + BOB
    assert not one_speaker_per_channel([scene])
    assert not one_speaker_per_channel([scene, scene])
    assert not one_speaker_per_channel([scene, -scene])
    assert not one_speaker_per_channel([ANN + 0.6 * BOB, 0.6 * ANN + BOB])  # to the left and the right
    assert not one_speaker_per_channel([scene, np.zeros_like(scene)])


def test_what_is_heard_through_is_the_other_channels() -> None:
    through = 10 ** (-20 / 20)
    ann, bob = speech_of_channels([ANN + through * BOB, BOB + through * ANN])
    assert ann[:, 0].tolist() == [1, 2, 3, 8, 9]
    assert bob[:, 0].tolist() == [5, 6, 12, 13, 14, 15]
    assert one_speaker_per_channel([ANN + through * BOB, BOB + through * ANN])
