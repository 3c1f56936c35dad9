"""The engine and the device that recognise the words: as asked, and a graphics processor where there is one."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import ctranslate2
import markupsafe._speedups
import pytest
import torch

from mtmm_video.extractors.speech import ctranslate2_engine
from mtmm_video.extractors.speech.openai_engine import OpenAIEngine
from mtmm_video.foundation.errors import InputError
from mtmm_video.pipeline import recogniser
from mtmm_video.pipeline.job import Job
from mtmm_video.pipeline.options import AnalyzeOptions


def job(**options: Any) -> Job:
    return cast(Job, SimpleNamespace(options=AnalyzeOptions(**options), weights={"whisper-base": Path("model")}))


@pytest.mark.parametrize(
    ("ctranslate2_devices", "torch_sees_one", "missing", "device"),
    [
        (0, False, None, "cpu"),
        (1, True, None, "cuda"),
        (1, False, None, "cpu"),
        (1, True, "libcublas.so.12", "cpu"),
    ],
)
def test_a_graphics_processor_is_used_where_both_libraries_see_one_and_have_what_they_need(
    monkeypatch: pytest.MonkeyPatch, ctranslate2_devices: int, torch_sees_one: bool, missing: str | None, device: str
) -> None:
    """With a fake device: what is checked is the choice, not the computation."""
    loaded: dict[str, Any] = {}
    monkeypatch.setattr(ctranslate2, "get_cuda_device_count", lambda: ctranslate2_devices)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: torch_sees_one)
    monkeypatch.setattr(ctranslate2_engine, "missing_library", lambda: missing)
    monkeypatch.setattr(recogniser, "whisper_form", lambda name, *, device: Path(f"{name}-{device}"))
    monkeypatch.setattr(
        ctranslate2_engine.CTranslate2Engine, "load", lambda folder, **named: loaded.update(folder=folder, **named)
    )
    recogniser.recognition_engine(job(translate=True), threads=3)
    folder = Path(f"whisper-base-{device}")
    assert loaded == {"folder": folder, "threads": 3, "device": device, "translate": True}


def test_a_cuda_library_that_is_not_found_is_named_and_one_that_pip_installed_is_loaded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(ctranslate2, "__file__", str(tmp_path / "ctranslate2" / "__init__.py"))
    looking = ctranslate2_engine.missing_library.__wrapped__
    assert looking() is None  # built on this machine: linked with what it needs
    (tmp_path / "ctranslate2.libs").mkdir()
    (tmp_path / "ctranslate2.libs" / "libctranslate2-0.so.4").write_bytes(b"code\0libcublas.so.97\0code")
    assert looking() == "libcublas.so.97"
    folder = tmp_path / "nvidia" / "cublas" / "lib"
    folder.mkdir(parents=True)
    (folder / "libcublas.so.97").write_bytes(b"no library")
    assert looking() == "libcublas.so.97"
    shutil.copy(markupsafe._speedups.__file__, folder / "libcublas.so.97")
    assert looking() is None


def test_the_reference_engine_is_used_where_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: dict[str, Any] = {}
    monkeypatch.setattr(OpenAIEngine, "load", lambda model, **named: loaded.update(model=model, **named))
    monkeypatch.setattr(recogniser, "torch_device", lambda: "cuda")
    recogniser.recognition_engine(job(asr_engine="openai-whisper"), threads=1)
    assert loaded == {"model": Path("model"), "translate": False, "device": "cuda"}


def test_provenance_names_the_engine_that_ran() -> None:
    assert AnalyzeOptions().recorded()["asr_engine"] == "ctranslate2"
    assert AnalyzeOptions(asr_engine="openai-whisper").recorded()["asr_engine"] == "openai-whisper"
    assert AnalyzeOptions(transcript=Path("talk.srt")).recorded()["asr_engine"] is None
    with pytest.raises(InputError, match="asr_engine"):
        AnalyzeOptions(asr_engine="kaldi")
