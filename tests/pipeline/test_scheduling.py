"""Steps beside each other: nothing starts too early, no core is given twice, one failure ends all."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from mtmm_video.foundation.cores import available_cores
from mtmm_video.pipeline.graph import STEPS, Step
from mtmm_video.pipeline.job import Hook, StepResult, no_hook
from mtmm_video.pipeline.provenance import StepRecord
from mtmm_video.pipeline.scheduling import StepStoppedError, allot, path_lengths, run_graph


def result_of(step: Step) -> StepResult:
    return StepResult(Path(step.name), StepRecord(step.name, "1", 0.0, False))


@pytest.mark.parametrize("cores", [1, 2, 3, 8])
def test_a_step_has_all_that_it_needs_and_cores_are_given_once(cores: int) -> None:
    busy: list[int] = []
    most = 0
    lock = threading.Lock()

    def start(step: Step, results: Mapping[str, StepResult], threads: int, _hook: Hook) -> StepResult:
        nonlocal most
        assert set(step.needs) <= set(results)
        with lock:
            busy.append(threads)
            most = max(most, sum(busy))
        time.sleep(0.005)
        with lock:
            busy.remove(threads)
        return result_of(step)

    results = run_graph(STEPS, start, cores=cores, hook=no_hook)
    assert list(results) == [step.name for step in STEPS]
    assert most <= cores


def test_two_cores_run_two_steps_at_the_same_time() -> None:
    together = threading.Barrier(2, timeout=30)

    def start(step: Step, _results: Mapping[str, StepResult], _threads: int, _hook: Hook) -> StepResult:
        if step.name in {"left", "right"}:
            together.wait()  # one after the other, it would time out
        return result_of(step)

    steps = (Step("left", (), "", 0.5), Step("right", (), "", 0.5), Step("end", ("left", "right"), "", 0.0))
    assert list(run_graph(steps, start, cores=2, hook=no_hook)) == ["left", "right", "end"]


def test_one_failure_stops_what_runs_beside_it_and_what_comes_after() -> None:
    begun: list[str] = []

    def start(step: Step, _results: Mapping[str, StepResult], _threads: int, hook: Hook) -> StepResult:
        begun.append(step.name)
        if step.name == "bad":
            raise ValueError("broken")
        with pytest.raises(StepStoppedError):
            for _ in range(3000):
                time.sleep(0.01)
                hook(step.name, share=0.5)
        raise StepStoppedError(step.name)

    steps = (Step("long", (), "", 0.9), Step("bad", (), "", 0.1), Step("end", ("long", "bad"), "", 0.0))
    with pytest.raises(ValueError, match="broken"):
        run_graph(steps, start, cores=2, hook=no_hook)
    assert sorted(begun) == ["bad", "long"]


def test_the_longest_way_goes_first_and_spare_cores_go_to_those_that_can_use_them() -> None:
    lengths = path_lengths(STEPS)
    assert lengths["speech"] > lengths["visual"] > lengths["acoustic"]  # recognition waits for it, much for recognition
    wide, narrow = Step("wide", (), "", 0.5, threads=4), Step("narrow", (), "", 0.1)
    assert allot([wide, narrow], cores=1) == {wide: 1}
    assert allot([wide, narrow], cores=2) == {wide: 1, narrow: 1}
    assert allot([wide, narrow], cores=8) == {wide: 4, narrow: 1}
    assert allot([wide], cores=0) == {}


def test_the_user_bounds_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert available_cores() == 1
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert available_cores() >= 1
