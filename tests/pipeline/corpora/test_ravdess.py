"""Variants of acted clips: other rooms and parts of the same voice, the same for the same seed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mtmm_video.extractors.acoustic.columns import COVAREP_NAMES, VOICE_NAMES
from mtmm_video.foundation.errors import WeightsError
from mtmm_video.pipeline.corpora.ravdess import SPAN, acted_features, level, vary
from mtmm_video.pipeline.weights.resolution import resolve

RATE = 16_000


@pytest.fixture(scope="module")
def tone() -> NDArray[np.float64]:
    """Return two seconds of 300 Hz."""
    return np.asarray(0.3 * np.sin(2 * np.pi * 300 * np.arange(2 * RATE) / RATE))


def variants(tone: NDArray[np.float64], *, count: int) -> list[NDArray[np.float64]]:
    return [vary(tone, sample_rate=RATE, generator=np.random.default_rng(seed)) for seed in range(count)]


def test_quiet_and_loud_recordings_come_to_one_level() -> None:
    rate = 16_000
    speech = np.random.default_rng(0).normal(size=rate) * np.repeat([0.0, 1.0], rate // 2)
    quiet, loud = (level(gain * speech, sample_rate=rate) for gain in (0.001, 0.1))
    np.testing.assert_allclose(quiet, loud, rtol=1e-6)
    assert np.sqrt((loud[rate // 2 :] ** 2).mean()) == pytest.approx(0.05, rel=0.05)
    assert not level(np.zeros(rate), sample_rate=rate).any()


def test_a_variant_is_the_clip_or_a_part_of_it_and_its_tone_can_still_be_heard(tone: NDArray[np.float64]) -> None:
    found = variants(tone, count=40)
    shares = np.array([len(each) / len(tone) for each in found])
    assert ((shares == 1) | ((shares > SPAN[0] - 0.01) & (shares < SPAN[1]))).all()
    assert 0.2 < (shares < 1).mean() < 0.8
    for each in found:
        power = np.abs(np.fft.rfft(each * np.hanning(len(each)))) ** 2
        assert np.argmax(power) * RATE / len(each) == pytest.approx(300, abs=5)
    unchanged = sum(len(each) == len(tone) and np.array_equal(each, tone) for each in found)
    assert unchanged < len(found) / 4  # one in sixteen on average


def test_the_same_seed_gives_the_same_variant(tone: NDArray[np.float64]) -> None:
    for first, again in zip(variants(tone, count=5), variants(tone, count=5), strict=True):
        np.testing.assert_array_equal(first, again)


def test_variants_share_the_clips_covarep_means_and_differ_in_voice(tone: NDArray[np.float64]) -> None:
    try:
        model = resolve("whisper-base")
    except WeightsError as error:
        pytest.skip(f"needs whisper base: {error}")
    features = acted_features(tone[:RATE], sample_rate=RATE, model=model, variants=3, seed=1)
    assert features.names == (*COVAREP_NAMES, *VOICE_NAMES)
    covarep, voice = features.values[:, : len(COVAREP_NAMES)], features.values[:, len(COVAREP_NAMES) :]
    assert (covarep == covarep[0]).all()
    assert (np.ptp(voice, axis=0) > 0).any()
    assert features.valid[:, len(COVAREP_NAMES) :].all()


def test_a_recording_of_nothing_has_no_voice() -> None:
    try:
        model = resolve("whisper-base")
    except WeightsError as error:
        pytest.skip(f"needs whisper base: {error}")
    features = acted_features(np.zeros(RATE), sample_rate=RATE, model=model)
    assert not features.valid[:, len(COVAREP_NAMES) :].any()


def test_the_path_of_the_weights_is_named_when_they_are_missing(tone: NDArray[np.float64], tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="gone"):
        acted_features(tone[:RATE], sample_rate=RATE, model=tmp_path / "gone.safetensors")
