"""Prefect's folder and the messages about its API: of the command's own one, and of a server of the user's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mtmm_video.flows.prefect_api import naming_api_failures, settle_environment
from mtmm_video.foundation.errors import DependencyError, StoreError


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment without any of Prefect's variables."""
    for name in [*(name for name in os.environ if name.startswith("PREFECT")), "PREFECT_HOME"]:
        monkeypatch.setenv(name, "")  # so that it is restored
        monkeypatch.delenv(name)
    return monkeypatch


def test_prefects_folder_exists_before_prefect_looks_for_it(fresh: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Prefect creates no parents: in a cache that does not exist yet, it would warn."""
    fresh.setenv("MTMM_CACHE_DIR", str(tmp_path / "not" / "yet"))
    settle_environment(verbose=False)
    assert Path(os.environ["PREFECT_HOME"]) == tmp_path / "not" / "yet" / "prefect"
    assert Path(os.environ["PREFECT_HOME"]).is_dir()


def test_a_cache_that_cannot_be_created_is_named(fresh: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    fresh.setenv("MTMM_CACHE_DIR", str(tmp_path / "file"))
    with pytest.raises(StoreError, match=r"file/prefect.*MTMM_CACHE_DIR"):
        settle_environment(verbose=False)


def test_a_server_that_was_never_named_is_not_blamed(fresh: pytest.MonkeyPatch) -> None:
    with pytest.raises(DependencyError) as raised, naming_api_failures():
        raise RuntimeError("Failed to reach API at http://127.0.0.1:40000/api/.")
    assert "loopback" in str(raised.value)
    assert "PREFECT_API_URL" not in str(raised.value)


def test_a_server_of_the_users_own_is_named(fresh: pytest.MonkeyPatch) -> None:
    fresh.setenv("PREFECT_API_URL", "http://server.example:4200/api")
    with pytest.raises(DependencyError, match=r"server\.example.*without PREFECT_API_URL"), naming_api_failures():
        raise RuntimeError("Failed to reach API at http://server.example:4200/api/.")
