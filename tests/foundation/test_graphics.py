"""Processes take turns on a graphics processor, and wait for nothing where there is none."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from mtmm_video.foundation import graphics
from mtmm_video.foundation.graphics import graphics_turn


@pytest.mark.parametrize(("name", "at_once"), [("NVIDIA H200", 1), (None, 2)])
def test_one_computes_at_a_time_where_there_is_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str | None, at_once: int
) -> None:
    monkeypatch.setenv("MTMM_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(graphics, "graphics_processor", lambda: name)
    inside, most = [0], [0]
    both = threading.Event()

    def compute() -> None:
        with graphics_turn():
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            if inside[0] == 2:
                both.set()
            both.wait(1.0)
            inside[0] -= 1

    threads = [threading.Thread(target=compute) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most[0] == at_once
