"""Speech is found where somebody speaks and nowhere else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from scipy.signal import resample_poly

from mtmm_video.extractors.sample_rate import SAMPLE_RATE
from mtmm_video.extractors.speech.voice_activity import (
    FRAME_SAMPLES,
    MARGIN,
    detect_speech,
    intervals,
    speech_probability,
)
from mtmm_video.foundation.errors import InputError

SECONDS = 6
TIME = np.arange(SECONDS * SAMPLE_RATE) / SAMPLE_RATE


def hum() -> NDArray[np.float64]:
    return np.asarray(0.3 * np.sin(2 * np.pi * 50 * TIME) + 0.1 * np.sin(2 * np.pi * 150 * TIME))


def noise() -> NDArray[np.float64]:
    return 0.1 * np.random.default_rng(0).standard_normal(len(TIME))


def syllabic_noise() -> NDArray[np.float64]:
    """Noise at the rhythm of syllables: loudness alone would take it for speech."""
    return np.asarray(noise() * (1 + np.sin(2 * np.pi * 4 * TIME)))


def violin() -> NDArray[np.float64]:
    """Harmonic, with vibrato: pitch alone would take it for speech."""
    notes = np.repeat(np.random.default_rng(1).integers(-7, 7, 2 * SECONDS), SAMPLE_RATE // 2)
    frequency = 440 * 2 ** (notes / 12) * (1 + 0.01 * np.sin(2 * np.pi * 6 * TIME))
    phase = 2 * np.pi * np.cumsum(frequency) / SAMPLE_RATE
    return 0.2 * sum((np.sin(k * phase) / k for k in range(1, 10)), start=np.zeros(len(TIME)))


def drums() -> NDArray[np.float64]:
    beat = np.exp(-np.arange(SAMPLE_RATE // 2) / 600) * np.random.default_rng(2).standard_normal(SAMPLE_RATE // 2)
    return 0.3 * np.tile(beat, 2 * SECONDS)


def silence() -> NDArray[np.float64]:
    return np.zeros(len(TIME))


def dither() -> NDArray[np.float64]:
    return np.random.default_rng(3).integers(-1, 2, len(TIME)) / 32768


@pytest.mark.parametrize("sound", [silence, dither, hum, noise, syllabic_noise, violin, drums])
def test_sound_without_speech_gives_no_interval(sound: object) -> None:
    assert callable(sound)
    assert detect_speech(sound(), sample_rate=SAMPLE_RATE).shape == (0, 2)


@pytest.mark.parametrize("samples", [0, 1, 100, FRAME_SAMPLES, FRAME_SAMPLES + 1])
def test_the_shortest_recordings_are_answered(samples: int) -> None:
    assert len(speech_probability(np.zeros(samples), sample_rate=SAMPLE_RATE)) == -(-samples // FRAME_SAMPLES)
    assert detect_speech(np.full(samples, 0.1), sample_rate=SAMPLE_RATE).shape == (0, 2)


def test_probabilities_become_intervals_by_hysteresis() -> None:
    frame = FRAME_SAMPLES / SAMPLE_RATE
    probabilities = np.zeros(100)
    probabilities[10:30] = 0.9
    probabilities[20] = 0.4  # dips, but not below the offset
    probabilities[60:63] = 0.9  # 96 ms: a click
    found = intervals(probabilities, duration=3.2)
    np.testing.assert_allclose(found, [[10 * frame - MARGIN, 30 * frame + MARGIN]])


def test_speech_up_to_the_end_stays_within_the_recording() -> None:
    np.testing.assert_allclose(intervals(np.ones(10), duration=0.31), [[0.0, 0.31]])


@pytest.mark.parametrize(
    ("waveform", "sample_rate", "message"),
    [
        (np.zeros(16), 8000, "16000 Hz"),
        (np.zeros((2, 16)), 16000, "one channel"),
        (np.array([0.0, np.nan]), 16000, "NaN"),
    ],
)
def test_unusable_waveforms_are_refused(waveform: NDArray[np.float64], sample_rate: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        speech_probability(waveform, sample_rate=sample_rate)


@pytest.fixture(scope="module")
def jfk(shared: Path) -> NDArray[np.float64]:
    waveform, rate = soundfile.read(shared / "clips/jfk.flac", always_2d=True)
    return np.asarray(resample_poly(waveform.mean(axis=1), SAMPLE_RATE, rate), dtype=np.float64)


@pytest.mark.reference
def test_pauses_of_a_speech_are_found(jfk: NDArray[np.float64]) -> None:
    # And so my fellow Americans | ask not | what your country can do for you | ask what you can do for your country
    found = detect_speech(jfk, sample_rate=SAMPLE_RATE)
    np.testing.assert_allclose(found, [[0.3, 2.3], [3.2, 4.5], [5.3, 7.7], [8.1, 10.7]], atol=0.12)


@pytest.mark.reference
@pytest.mark.parametrize("gain", [0.01, 0.1, 0.9])
def test_loudness_does_not_matter(jfk: NDArray[np.float64], gain: float) -> None:
    loud = detect_speech(jfk / np.abs(jfk).max(), sample_rate=SAMPLE_RATE)
    quiet = detect_speech(jfk / np.abs(jfk).max() * gain, sample_rate=SAMPLE_RATE)
    np.testing.assert_allclose(quiet, loud, atol=0.1)


@pytest.mark.reference
def test_probabilities_are_those_of_the_published_network(jfk: NDArray[np.float64]) -> None:
    # Every 20th probability that silero_vad.jit of silero-vad 6.2.3 gives for this recording.
    published = [
        0.0017,
        0.9852,
        0.9978,
        0.9988,
        0.0535,
        0.0121,
        0.2245,
        0.0337,
        0.0369,
        0.9999,
        0.9999,
        0.9998,
        0.0704,
        0.9996,
        0.9999,
        0.9998,
        0.9976,
        0.0760,
    ]
    ours = speech_probability(jfk, sample_rate=SAMPLE_RATE)
    np.testing.assert_allclose(ours[::20], published, atol=2e-4)


@pytest.mark.reference
def test_long_recordings_are_heard_as_one(jfk: NDArray[np.float64], monkeypatch: pytest.MonkeyPatch) -> None:
    whole = speech_probability(jfk, sample_rate=SAMPLE_RATE)
    monkeypatch.setattr("mtmm_video.extractors.speech.voice_activity.BLOCK_FRAMES", 50)
    np.testing.assert_allclose(speech_probability(jfk, sample_rate=SAMPLE_RATE), whole, atol=1e-5)
