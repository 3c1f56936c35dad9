"""A step in a process of its own fails as it does in this one, and never outlives it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from small_videos import write_video

from mtmm_video.foundation.errors import MediaError
from mtmm_video.foundation.json_process import start_module
from mtmm_video.pipeline import step_process
from mtmm_video.pipeline.job import Job
from mtmm_video.pipeline.options import AnalyzeOptions
from mtmm_video.pipeline.run import run_steps
from mtmm_video.pipeline.step_process import StepProcessError, run_apart
from mtmm_video.pipeline.step_run import StepRun
from mtmm_video.pipeline.store.local import Store

SCRIPT = """
import sys
from pathlib import Path
from mtmm_video.pipeline.run import run_steps
from mtmm_video.pipeline.job import Job
from mtmm_video.pipeline.options import AnalyzeOptions
from mtmm_video.pipeline.store.local import Store
job = Job.prepare(Path(sys.argv[1]), options=AnalyzeOptions(), store=Store(Path(sys.argv[2])))
run_steps(job, goal="visual", cores=2, hook=lambda step, artefact=None, *, share=None: print(step, share, flush=True))
"""


@pytest.fixture
def run(tmp_path: Path) -> StepRun:
    """The step `visual` of a video of a minute, ready to run."""
    video = tmp_path / "talk.mp4"
    write_video(video, seconds=60)
    job = Job.prepare(video, options=AnalyzeOptions(), store=Store(tmp_path / "store"))
    inputs = {"media": run_steps(job, goal="media")["media"].path}
    return StepRun(job, inputs, tmp_path / "visual.safetensors", lambda share: None, threads=1)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[str]]:
    """The processes that are started during the test."""
    found: list[subprocess.Popen[str]] = []

    def noted(module: str, *, threads: int, quiet: bool) -> subprocess.Popen[str]:
        found.append(start_module(module, threads=threads, quiet=quiet))
        return found[-1]

    monkeypatch.setattr(step_process, "start_module", noted)
    return found


def test_progress_ascends_to_the_end_of_the_step(run: StepRun, started: list[subprocess.Popen[str]]) -> None:
    shares: list[float] = []
    run_apart("visual", replace(run, progress=shares.append))
    assert shares == sorted(shares) and shares[-1] > 0.9
    assert run.path.is_file()
    assert started[0].returncode == 0 or started[0].returncode == -signal.SIGKILL


def test_an_error_of_the_step_is_the_same_error_here(run: StepRun) -> None:
    run.job.video.unlink()
    with pytest.raises(MediaError, match=r"talk\.mp4"):
        run_apart("visual", run)


def test_a_step_that_is_given_up_ends_its_process(run: StepRun, started: list[subprocess.Popen[str]]) -> None:
    def stop(share: float) -> None:
        raise InterruptedError(share)

    with pytest.raises(InterruptedError):
        run_apart("visual", replace(run, progress=stop))
    assert started[0].poll() is not None


@pytest.mark.parametrize(
    ("number", "named"), [(signal.SIGKILL, "memory"), (signal.SIGSEGV, f"signal {signal.SIGSEGV}")]
)
def test_a_process_that_is_ended_from_outside_is_told(
    run: StepRun, started: list[subprocess.Popen[str]], number: signal.Signals, named: str
) -> None:
    with pytest.raises(StepProcessError, match=named):
        run_apart("visual", replace(run, progress=lambda share: os.kill(started[0].pid, number)))


def test_the_process_ends_with_a_killed_parent(run: StepRun, tmp_path: Path) -> None:
    command = [sys.executable, "-c", SCRIPT, str(run.job.video), str(tmp_path / "other")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        _await(lambda: parent.stdout is not None and parent.stdout.readline().startswith("visual 0."))
        children = _children(parent.pid)
        assert children
        parent.kill()
    _await(lambda: not any(_is_alive(child) for child in children))


def _await(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _children(pid: int) -> list[int]:
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(line) for line in found.stdout.split()]


def _is_alive(pid: int) -> bool:
    found = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return bool(found.stdout.strip()) and not found.stdout.strip().startswith("Z")
