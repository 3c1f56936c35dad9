"""A folder is worked through whatever happens to single videos, and nothing is done twice."""

from __future__ import annotations

import csv
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from small_videos import write_video
from test_folder import put

from mtmm_video.flows.batch_flow import analyze_folder
from mtmm_video.flows.batch_worker import WorkerFailedError, WorkerPool
from mtmm_video.flows.folder_pass import (
    MEMORY_PER_VIDEO,
    analyze_folder_here,
    folder_pass,
    parallel_videos,
)
from mtmm_video.flows.outcome import Outcome
from mtmm_video.foundation.errors import WeightsError
from mtmm_video.foundation.folders import cache_folder
from mtmm_video.pipeline.options import AnalyzeOptions
from mtmm_video.pipeline.reports.json_reader import from_json

OPTIONS: dict[str, Any] = {"jobs": 2, "options": AnalyzeOptions(visual="none", formats=("json", "csv"))}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache with the user's weights, for this process and its workers."""
    folder = tmp_path / "cache"
    folder.mkdir()
    (folder / "weights").symlink_to(cache_folder() / "weights")
    monkeypatch.setenv("MTMM_CACHE_DIR", str(folder))
    return folder


def by_path(outcomes: list[Outcome]) -> dict[str, Outcome]:
    return {outcome.path: outcome for outcome in outcomes}


@pytest.mark.slow
@pytest.mark.usefixtures("own_server", "cache")
@pytest.mark.parametrize("watched", [True, False])
def test_a_folder_with_good_and_bad_videos(
    tmp_path: Path, tiny_video: Path, monkeypatch: pytest.MonkeyPatch, watched: bool
) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    if not watched:
        monkeypatch.delenv("PREFECT_API_URL")

    def analyzed() -> dict[str, Outcome]:
        if watched:
            return by_path(analyze_folder(str(folder), out=str(out), **OPTIONS))
        return by_path(analyze_folder_here(folder, out=out, **OPTIONS))

    put(folder / "a" / "talk.mp4", tiny_video)
    (folder / "b").mkdir()
    write_video(folder / "b" / "talk.mp4", seconds=0.5, pitch=200.0)
    put(folder / "broken.mp4", b"not a video" * 100)
    put(folder / "empty.mp4", b"")

    first = analyzed()
    assert {path: outcome.status for path, outcome in first.items()} == {
        "a/talk.mp4": "done",
        "b/talk.mp4": "done",
        "broken.mp4": "failed",
        "empty.mp4": "failed",
    }
    assert "empty" in first["empty.mp4"].reason
    assert "broken.mp4" in first["broken.mp4"].reason
    for path in ("a/talk.mp4", "b/talk.mp4"):
        report = from_json((out / f"{path}.json").read_text(encoding="utf-8"))
        assert report.source.path == str(folder / path)
        assert first[path].report == f"{path}.json"

    put(folder / "c.mp4", tiny_video)  # the content of a/talk.mp4: its artefacts are reused
    second = analyzed()
    assert {path: outcome.status for path, outcome in second.items()} == {
        "a/talk.mp4": "skipped",
        "b/talk.mp4": "skipped",
        "broken.mp4": "failed",
        "c.mp4": "done",
        "empty.mp4": "failed",
    }
    assert all(step.reused for step in from_json((out / "c.mp4.json").read_text("utf-8")).provenance.steps)
    with (out / "summary.csv").open(encoding="utf-8", newline="") as file:
        assert {row["path"]: row["status"] for row in csv.DictReader(file)} == {
            path: outcome.status for path, outcome in second.items()
        }


@pytest.mark.usefixtures("cache")
def test_the_largest_file_is_begun_first(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name, seconds in (("a", 0.5), ("b", 3.0), ("c", 1.5)):
        write_video(folder / f"{name}.mp4", seconds=seconds)
    options = AnalyzeOptions(formats=("json",))
    with folder_pass(folder, out=tmp_path / "out", options=options, transcript_dir=None, here=False) as work:
        assert [each.path for each in work.waiting] == ["b.mp4", "c.mp4", "a.mp4"]


@pytest.mark.parametrize("damaged", [False, True])
def test_a_weight_that_every_video_needs_is_missed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damaged: bool
) -> None:
    folder, out, cache = tmp_path / "in", tmp_path / "out", tmp_path / "cache"
    for name in ("a.mp4", "b.mp4"):
        put(folder / name, b"not a video" * 100)
    if damaged:
        put(cache / "weights" / "face-landmarker" / "receipt.json", b"{}")
    monkeypatch.setenv("MTMM_CACHE_DIR", str(cache))
    monkeypatch.delenv("MTMM_WEIGHTS_DIR", raising=False)
    options = AnalyzeOptions(formats=("json",))
    with pytest.raises(
        WeightsError, match=r"face-landmarker, glove-6b-50d.*`mtmm-video weights fetch face-landmarker glove"
    ):
        analyze_folder.fn(str(folder), out=str(out), options=options)
    assert not out.exists()


@pytest.mark.slow
@pytest.mark.usefixtures("own_server", "cache")
def test_no_name_stops_a_batch(tmp_path: Path, tiny_video: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    names = [b"caf\xe9.mp4", b"x" * 251 + b".mp4", "=1+1\n\x1b[31m\u202egpj.mp4".encode(), b"plain.mp4"]
    for name in names:
        (folder / os.fsdecode(name)).write_bytes(tiny_video.read_bytes())
    (folder / "photo.mp4").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(64))
    outcomes = by_path(analyze_folder(str(folder), out=str(out), **OPTIONS))
    assert {path: outcome.status for path, outcome in outcomes.items()} == {
        "caf%E9.mp4": "failed",
        "x" * 251 + ".mp4": "done",
        "=1+1%0A%1B[31m%E2%80%AEgpj.mp4": "done",
        "plain.mp4": "done",
        "photo.mp4": "failed",
    }
    assert "not UTF-8; rename it" in outcomes["caf%E9.mp4"].reason
    with (out / "summary.csv").open(encoding="utf-8", newline="") as file:
        assert {row["path"] for row in csv.DictReader(file)} == {
            path if path[0] != "=" else f"'{path}" for path in outcomes
        }
    again = by_path(analyze_folder(str(folder), out=str(out), **OPTIONS))
    assert {outcome.status for outcome in again.values()} == {"skipped", "failed"}


@pytest.mark.slow
@pytest.mark.usefixtures("own_server", "cache")
def test_a_worker_that_is_killed_costs_its_video_and_no_other(tmp_path: Path, tiny_video: Path) -> None:
    options = AnalyzeOptions(visual="none", formats=("json",)).to_content()
    request = {"video": str(tiny_video), "out": str(tmp_path), "options": options}
    with WorkerPool(1) as pool:

        def kill(step: str, _share: float) -> None:
            for worker in list(pool._workers):
                os.kill(worker._process.pid, signal.SIGKILL)

        with pytest.raises(WorkerFailedError, match="signal 9; perhaps out of memory"):
            pool.analyze(request, on_step=kill)
        steps: list[str] = []
        answer = pool.analyze(request, on_step=lambda step, _: steps.append(step))
    assert (answer["utterances"], answer["duration"]) == (0, pytest.approx(1.0, abs=0.2))
    assert "No speech" in answer["notes"]
    assert "reports" in steps


def test_videos_at_a_time_fit_the_memory() -> None:
    assert parallel_videos(jobs=8, memory=3.5 * MEMORY_PER_VIDEO) == 3
    assert parallel_videos(jobs=2, memory=100 * MEMORY_PER_VIDEO) == 2
    assert parallel_videos(jobs=4, memory=1.0) == 1  # one at a time is the least there is
