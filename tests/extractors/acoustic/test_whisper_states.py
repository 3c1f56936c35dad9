"""The voice columns: whisper's own encoder, each span alone, no matter how loud; silence is absent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from numpy.typing import NDArray
from torch import Tensor
from whisper.audio import N_SAMPLES, log_mel_spectrogram

from mtmm_video.extractors.acoustic.columns import VOICE_LAYERS, VOICE_NAMES
from mtmm_video.extractors.acoustic.whisper_states import PEAK, voice_states
from mtmm_video.extractors.speech.whisper_model import load_whisper
from mtmm_video.foundation.errors import InputError, WeightsError
from mtmm_video.pipeline.weights.resolution import resolve

RATE = 16_000


@pytest.fixture(scope="session")
def model() -> Path:
    try:
        return resolve("whisper-base")
    except WeightsError as error:
        pytest.skip(f"needs whisper base: {error}")


@pytest.fixture(scope="session")
def hum() -> NDArray[np.float64]:
    """Return 31 s of a tone that wanders, with noise."""
    times = np.arange(31 * RATE) / RATE
    pitch = np.cumsum(120 + 30 * np.sin(2 * np.pi * 0.7 * times)) / RATE
    noise = np.random.default_rng(0).standard_normal(len(times))
    return np.asarray(0.2 * np.sign(np.sin(2 * np.pi * pitch)) + 0.01 * noise)


def heard(model: Path, waveform: NDArray[np.float64], *spans: tuple[float, float]) -> NDArray[np.float32]:
    values, valid = voice_states(waveform, sample_rate=RATE, spans=spans, model=model)
    assert valid.all()
    assert values.shape == (len(spans), len(VOICE_NAMES))
    return values


def test_states_are_those_of_whispers_own_encoder(model: Path, hum: NDArray[np.float64]) -> None:
    window = hum[:N_SAMPLES]
    encoder = load_whisper(model).encoder
    seen: list[Tensor] = []
    handle = encoder.blocks[VOICE_LAYERS - 1].register_forward_hook(
        lambda _module, _inputs, output: seen.append(output)
    )
    with torch.inference_mode():
        encoder(log_mel_spectrogram(torch.from_numpy((window * PEAK / np.abs(window).max()).astype(np.float32)))[None])
    handle.remove()
    np.testing.assert_allclose(heard(model, window, (0.0, 30.0))[0], seen[0][0].mean(dim=0), atol=1e-4)


def test_a_span_is_heard_alone_and_at_any_level(model: Path, hum: NDArray[np.float64]) -> None:
    between = heard(model, hum, (3.0, 5.0))
    np.testing.assert_allclose(between, heard(model, hum[3 * RATE : 5 * RATE], (0.0, 2.0)), atol=1e-5)
    np.testing.assert_allclose(between, heard(model, hum / 50, (3.0, 5.0)), atol=1e-3)


def test_more_than_whispers_window_is_heard_in_parts(model: Path, hum: NDArray[np.float64]) -> None:
    level = hum * PEAK / np.abs(hum).max()
    halves = heard(model, level, (0.0, 15.5), (15.5, 31.0))
    # Each half is brought to one peak of its own, so they are only near.
    np.testing.assert_allclose(heard(model, level, (0.0, 31.0))[0], halves.mean(axis=0), atol=0.02)


def test_silence_and_blips_are_absent(model: Path, hum: NDArray[np.float64]) -> None:
    waveform = np.concatenate([np.zeros(RATE), hum[:RATE]])
    values, valid = voice_states(
        waveform, sample_rate=RATE, spans=[(0.0, 1.0), (1.0, 1.05), (5.0, 6.0), (1.0, 2.0)], model=model
    )
    assert valid.tolist() == [False, False, False, True]
    assert not values[:3].any()
    assert values[3].any()


def test_another_rate_or_model_is_refused(model: Path, hum: NDArray[np.float64]) -> None:
    with pytest.raises(InputError, match="44100"):
        voice_states(hum, sample_rate=44_100, spans=[(0.0, 1.0)], model=model)
    with pytest.raises(WeightsError, match="whisper base"):
        voice_states(hum, sample_rate=RATE, spans=[(0.0, 1.0)], model=resolve("whisper-tiny.en"))


@pytest.mark.reference
def test_an_angry_voice_is_nearer_to_other_angry_voices_than_to_even_ones(model: Path, shared: Path) -> None:
    """RAVDESS, one sentence, four men and women: each one's anger against the even and angry means of the others."""

    def state(speaker: str, code: str) -> NDArray[np.float32]:
        waveform, rate = soundfile.read(
            shared / "data" / "ravdess" / speaker / f"03-01-{code}-01-01-{speaker[1:]}.flac"
        )
        return voice_states(waveform, sample_rate=rate, spans=[(0.0, len(waveform) / rate)], model=model)[0][0]

    speakers = ("R01", "R02", "R03", "R04")
    even, angry = (np.array([state(speaker, code) for speaker in speakers]) for code in ("01-01", "05-02"))
    rise = angry - even
    for index in range(len(speakers)):
        others = np.delete(rise, index, axis=0).mean(axis=0)
        assert np.corrcoef(rise[index], others)[0, 1] > 0.5
