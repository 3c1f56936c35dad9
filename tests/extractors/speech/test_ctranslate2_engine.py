"""The faster engine decodes what the reference decodes, from the same weights."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import ctranslate2
import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from whisper.model import ModelDimensions, Whisper

from mtmm_video.extractors.speech.ctranslate2_engine import CTranslate2Engine
from mtmm_video.extractors.speech.heard_words import closed_tokens, is_loop
from mtmm_video.extractors.speech.openai_engine import OpenAIEngine
from mtmm_video.extractors.speech.windows import Window
from mtmm_video.foundation.errors import WeightsError
from mtmm_video.pipeline.weights import ctranslate2_form as form_module
from mtmm_video.pipeline.weights import resolution

RATE = 16_000
DIMS = ModelDimensions(80, 1500, 64, 1, 1, 51865, 448, 64, 1, 1)  # multilingual, one layer of one head


@pytest.fixture
def weight(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An untrained multilingual whisper as the weights folder keeps it."""
    torch.manual_seed(0)
    path = tmp_path / "model.safetensors"
    network = Whisper(DIMS)
    torch.nn.init.normal_(network.decoder.positional_embedding)  # whisper leaves it uninitialised
    description = {"dims": dataclasses.asdict(DIMS), "alignment_heads": [[0, 0]]}
    save_file(network.half().state_dict(), path, metadata={"whisper": json.dumps(description)})
    monkeypatch.setenv("MTMM_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(resolution, "resolve", lambda _name: path)
    monkeypatch.setattr(resolution, "fingerprint", lambda _name: "0" * 64)
    return path


def window(seconds: float) -> Window:
    sound = np.random.default_rng(0).normal(0, 0.1, round(seconds * RATE)).astype(np.float32)
    return Window.of(sound, start=0.0, end=seconds, n_mels=80)


def test_the_converted_encoder_computes_what_openai_whisper_computes(weight: Path) -> None:
    """Every tensor has its place: a swapped pair would give other features."""
    folder = form_module.whisper_form("whisper-tiny", device="cuda")  # in float16, which is how the weight is kept
    fast = CTranslate2Engine(ctranslate2.models.Whisper(str(folder), compute_type="float32", intra_threads=1))
    slow = OpenAIEngine.load(weight)
    features = fast._encode([window(2.0)], seconds=30.0)[0]
    expected = slow.encode([window(2.0)])[0].numpy()
    assert features.shape == expected.shape
    np.testing.assert_allclose(features, expected, atol=2e-3)
    (language,), (other,) = (
        fast.detect_languages(features[None]),
        slow.detect_languages(torch.from_numpy(expected)[None]),
    )
    assert language[1] == pytest.approx(other[1], rel=1e-3)


def test_the_form_is_made_once_and_again_where_it_was_changed(weight: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Path] = []
    make = form_module._make
    monkeypatch.setattr(form_module, "_make", lambda *args, **named: (made.append(args[1]), make(*args, **named)))
    folder = form_module.whisper_form("whisper-tiny", device="cpu")
    assert form_module.whisper_form("whisper-tiny", device="cpu") == folder
    assert len(made) == 1
    (folder / "model.bin").write_bytes(b"cut")
    form_module.whisper_form("whisper-tiny", device="cpu")
    assert len(made) == 2
    assert not list(folder.parent.glob("*.partial"))
    CTranslate2Engine.load(folder, threads=1)


def test_a_window_is_encoded_with_a_second_of_silence_not_with_thirty(weight: Path) -> None:
    engine = CTranslate2Engine.load(form_module.whisper_form("whisper-tiny", device="cpu"), threads=1)
    assert engine.encode([window(2.0)]).shape == (1, 200, 64)  # 4 s of 20 ms
    assert engine.encode([window(2.0), window(8.5)]).shape == (2, 500, 64)
    assert engine.encode([window(29.9)]).shape == (1, 1500, 64)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="not a whisper model of CTranslate2"):
        CTranslate2Engine.load(tmp_path, threads=1)


def test_a_segment_that_the_window_cut_off_is_left_to_the_next_one() -> None:
    begin = 1000
    assert closed_tokens([begin, 1, 2, begin + 50, begin + 50, 3], timestamp_begin=begin) == [begin, 1, 2, begin + 50]
    assert closed_tokens([begin, 1, 2], timestamp_begin=begin) == [begin, 1, 2]


def test_a_loop_is_told_from_a_long_sentence() -> None:
    assert is_loop("and then " * 20)
    assert not is_loop(
        "And so my fellow Americans ask not what your country can do for you, ask what you can do for it."
    )
    assert not is_loop("")
