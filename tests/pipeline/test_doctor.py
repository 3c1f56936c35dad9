from __future__ import annotations

import shutil
import socket
from collections import namedtuple
from pathlib import Path

import pytest

from mtmm_video.pipeline import doctor
from mtmm_video.pipeline.doctor import Check, examine

Usage = namedtuple("Usage", "total used free")


def one(name: str) -> Check:
    return next(check for check in examine() if check.name == name)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MTMM_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.delenv("MTMM_STORE_URL", raising=False)


def test_every_subject_is_looked_at_and_what_is_wrong_comes_with_advice() -> None:
    checks = list(examine())
    names = {check.name for check in checks}
    assert {"python", "disk", "memory", "ffmpeg", "prefect", "gpu", "weight whisper-base"} <= names
    assert all(check.advice for check in checks if check.state != "ok")


def test_a_needed_weight_that_is_absent_is_a_problem_and_another_one_is_not() -> None:
    assert one("weight whisper-base").state == "problem"
    assert one("weight whisper-base").advice == "mtmm-video weights fetch whisper-base"
    assert one("weight whisper-tiny.en").state == "note"


def test_a_full_disk_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(100 << 30, 99 << 30, 1 << 30))
    assert one("disk").state == "problem"
    assert "MTMM_CACHE_DIR" in one("disk").advice


def test_scarce_memory_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "free_memory", lambda: 1 << 30)
    assert one("memory").state == "note"


def test_a_prefect_server_that_is_configured_has_to_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        monkeypatch.setenv("PREFECT_API_URL", f"http://127.0.0.1:{port}/api")
        assert one("prefect").state == "ok"
    assert one("prefect").state == "problem"
    assert "unset PREFECT_API_URL" in one("prefect").advice


def test_a_shared_store_that_is_named_has_to_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert one("shared store").state == "ok"
    monkeypatch.setenv("MTMM_STORE_URL", f"file://{tmp_path}/mounted")
    assert one("shared store").state == "problem"
    (tmp_path / "mounted").mkdir()
    assert one("shared store").state == "ok"


def test_a_check_that_breaks_does_not_stop_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_name: str) -> None:
        raise RuntimeError("no such program")

    monkeypatch.setattr("importlib.metadata.version", broken)
    assert one("ffmpeg").state == "problem"
    assert "no such program" in one("ffmpeg").detail
    assert one("gpu").state == "ok"
