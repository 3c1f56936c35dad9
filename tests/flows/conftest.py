"""A Prefect API for the whole session, and a video that is analysed in about a second."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_videos import write_video

from mtmm_video.flows.prefect_api import settle_environment

settle_environment(verbose=False)


@pytest.fixture(scope="session")
def prefect_url() -> Iterator[str]:
    """Run Prefect's own test API, once for all tests; its address."""
    from prefect.settings import PREFECT_API_URL
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=500):
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
