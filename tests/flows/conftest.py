"""A Prefect API for the whole session, and a video that is analysed in about a second."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from flows.prefect_api import settle_environment

settle_environment(verbose=False)


@pytest.fixture(scope="session")
def prefect_url() -> Iterator[str]:
    """Run Prefect's own test API, once for all tests; its address."""
    from prefect.settings import PREFECT_API_URL
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=120):
        yield str(PREFECT_API_URL.value())


@pytest.fixture
def own_server(prefect_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Make the test API count as a server of the user's own."""
    monkeypatch.setenv("PREFECT_API_URL", prefect_url)
    return prefect_url


@pytest.fixture(scope="session")
def tiny_video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One second of a humming grey picture: a valid video without a face."""
    path = tmp_path_factory.mktemp("video") / "tiny.mp4"
    write_video(path, seconds=1.0)
    return path


@pytest.fixture(scope="session")
def tiny_transcript(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is said in `tiny_video`, so that no recogniser is needed."""
    path = tmp_path_factory.mktemp("transcript") / "tiny.json"
    words = [{"word": "Wonderful", "start": 0.1, "end": 0.5}, {"word": "film.", "start": 0.5, "end": 0.9}]
    path.write_text(json.dumps({"words": words}), encoding="utf-8")
    return path


def write_video(path: Path, *, seconds: float, pitch: float = 120.0) -> None:
    """Write a small video with a harmonic hum at `pitch` Hz."""
    rate, size = 10, 64  # frames per second, pixels
    with av.open(str(path), "w") as container:
        picture = container.add_stream("mpeg4", rate=rate)
        picture.width = picture.height = size
        picture.pix_fmt = "yuv420p"
        sound = container.add_stream("aac", rate=16_000, layout="mono")
        for index in range(round(seconds * rate)):
            image = np.full((size, size, 3), 100 + index % 50, np.uint8)
            container.mux(picture.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(picture.encode())
        times = np.arange(round(seconds * 16_000)) / 16_000
        wave = sum(np.sin(2 * np.pi * pitch * k * times) / k for k in range(1, 8)).astype(np.float32) * 0.2
        for start in range(0, len(wave), 1024):
            block = np.ascontiguousarray(wave[None, start : start + 1024])
            frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = 16_000, start, Fraction(1, 16_000)
            container.mux(sound.encode(frame))
        container.mux(sound.encode())
