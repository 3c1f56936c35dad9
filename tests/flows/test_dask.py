"""A folder is worked through on a Dask cluster as it is on one's own worker processes."""

from __future__ import annotations

import sys
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import pytest
from prefect.futures import PrefectConcurrentFuture, PrefectFuture
from small_videos import write_video
from test_batch import OPTIONS, by_path, cache
from test_folder import put

from mtmm_video.flows.batch_flow import _outcome_of, analyze_folder, analyze_found
from mtmm_video.flows.dask_cluster import dask_runner
from mtmm_video.flows.outcome import Outcome
from mtmm_video.foundation.errors import DependencyError, InputError

__all__ = ["cache"]  # a fixture


@pytest.mark.slow
@pytest.mark.services
@pytest.mark.usefixtures("own_server", "cache")
def test_a_folder_with_good_and_bad_videos_on_two_dask_workers(tmp_path: Path, tiny_video: Path) -> None:
    from distributed import LocalCluster

    folder, out = tmp_path / "in", tmp_path / "out"
    put(folder / "a" / "talk.mp4", tiny_video)
    write_video(folder / "talk.mp4", seconds=0.5, pitch=200.0)
    put(folder / "broken.mp4", b"not a video" * 100)
    options = {name: value for name, value in OPTIONS.items() if name != "jobs"}

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        first = by_path(analyze_folder(str(folder), out=str(out), dask=cluster.scheduler_address, **options))
        done_there = [step for step in cluster.scheduler.transition_log if step[1:3] == ("processing", "memory")]
    assert len(done_there) == 3
    assert {path: outcome.status for path, outcome in first.items()} == {
        "a/talk.mp4": "done",
        "broken.mp4": "failed",
        "talk.mp4": "done",
    }
    assert "broken.mp4" in first["broken.mp4"].reason
    assert first["a/talk.mp4"].duration == pytest.approx(1.0, abs=0.2)
    assert (out / "a" / "talk.mp4.json").is_file() and (out / "summary.csv").is_file()


def test_flow_and_task_can_be_sent() -> None:
    cloudpickle = pytest.importorskip("cloudpickle")
    assert cloudpickle.loads(cloudpickle.dumps((analyze_folder, analyze_found)))


def test_dask_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prefect_dask.task_runners", None)
    with pytest.raises(DependencyError, match=r"pip install 'mtmm-video\[dask\]'"), dask_runner("local", workers=1):
        pass


def test_a_batch_runs_in_one_place() -> None:
    with pytest.raises(InputError, match="one of them"):
        analyze_folder.fn("videos", deployment="analyze/video-process", dask="local")
    with pytest.raises(InputError, match="leave --jobs"):
        analyze_folder.fn("videos", jobs=2, dask="tcp://scheduler.example:8786")


def test_dask_workers_elsewhere_need_a_prefect_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    with pytest.raises(InputError, match="PREFECT_API_URL"), dask_runner("tcp://scheduler.example:8786", workers=1):
        pass


def test_a_video_that_ends_its_workers_is_a_failure_among_the_others() -> None:
    distributed = pytest.importorskip("distributed")
    last = SimpleNamespace(address="tcp://10.0.0.4:35000")
    outcome = _outcome_of(ended_by(distributed.KilledWorker("video-1", last, 3)), path="talk.mp4")
    assert (outcome.path, outcome.status) == ("talk.mp4", "failed")
    assert "on 4 different workers" in outcome.reason
    with pytest.raises(RuntimeError, match="API"):  # no video's fault: it ends the batch, as without Dask
        _outcome_of(ended_by(RuntimeError("the Prefect API is away")), path="talk.mp4")


def ended_by(error: Exception) -> PrefectFuture[Outcome]:
    future: Future[Outcome] = Future()
    future.set_exception(error)
    return PrefectConcurrentFuture(uuid4(), future)
