"""A run is lost when its machine is silent, not when it is slow, the server was away, or a clock is wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from prefect.client.schemas.objects import FlowRun, WorkerStatus
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
from prefect.states import Pending, Running, Scheduled, State

from mtmm_video.flows.signs_of_life import LONGEST_UNNAMED, WORKER_STARTED, SignsOfLife

HEARTBEAT = 30  # seconds
MIDDAY = datetime(2026, 1, 1, 12, tzinfo=UTC)


@dataclass
class World:
    """A Prefect server, a worker named "two" and a steady clock."""

    worker: WorkerStatus = WorkerStatus.ONLINE
    worker_started: bool = False
    heartbeat: datetime | None = None
    seconds: float = 0.0
    signs: SignsOfLife = field(init=False)
    _state: State[Any] | None = None

    def __post_init__(self) -> None:
        with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: HEARTBEAT}):
            self.signs = SignsOfLife(self, clock=lambda: self.seconds)  # type: ignore[arg-type]

    def read_workers_for_work_pool(self, pool: str, *, worker_filter: Any) -> list[Any]:
        assert pool == "pool"
        return [SimpleNamespace(name="two")] if self.worker.value in worker_filter.status.any_ else []

    def read_events(self, wanted: Any, *, limit: int) -> Any:
        assert limit == 1
        if wanted.event.name == [WORKER_STARTED]:
            return SimpleNamespace(events=[SimpleNamespace()] if self.worker_started else [])
        seen = self.heartbeat is not None and wanted.occurred.since <= self.heartbeat <= wanted.occurred.until
        return SimpleNamespace(events=[SimpleNamespace(occurred=self.heartbeat)] if seen else [])

    def watch(self, state: State[Any], *, seconds: float, signed: bool = True, beats: bool = False) -> str | None:
        """Watch a run in one state for some time, as `DeploymentPool` does; why it is lost, if it is."""
        labels = {"prefect.worker.name": "two", "prefect.work-pool.name": "pool", "prefect.work-pool.id": "id"}
        run = FlowRun(flow_id=uuid4(), state=state, labels=labels if signed else {})
        end = self.seconds + seconds
        while self.seconds < end:
            self.seconds += 5
            if beats and self.seconds % HEARTBEAT == 0:
                self.heartbeat = MIDDAY + timedelta(seconds=self.seconds)
            reason = self.signs.lost_because(run)
            if reason is not None:
                return reason
        return None


def state(made: State[Any]) -> State[Any]:
    return made.model_copy(update={"id": uuid4()})


def test_a_run_that_its_worker_took_but_did_not_begin_is_lost_with_the_worker() -> None:
    world = World()
    pending = state(Pending())
    assert world.watch(pending, seconds=3600) is None  # a large image is pulled
    world.worker = WorkerStatus.OFFLINE
    assert "'two'" in str(world.watch(pending, seconds=60))
    assert world.seconds - 3600 < 60


def test_a_worker_that_was_started_anew_under_its_name_does_not_know_the_run() -> None:
    assert "'two'" in str(World(worker_started=True).watch(state(Pending()), seconds=60))


def test_a_run_that_no_worker_signed_is_given_up() -> None:
    world = World()
    assert world.watch(state(Pending()), seconds=LONGEST_UNNAMED + 30, signed=False) is not None
    assert world.seconds > LONGEST_UNNAMED


def test_a_run_that_waits_for_a_worker_is_never_lost() -> None:
    assert World(worker=WorkerStatus.OFFLINE).watch(state(Scheduled()), seconds=7200, signed=False) is None


def test_a_running_run_is_lost_after_three_heartbeats_or_two_when_its_worker_is_gone_too() -> None:
    alone, beside = World(), World(worker=WorkerStatus.OFFLINE)
    assert "no heartbeat" in str(alone.watch(state(Running()), seconds=600))
    assert "'two'" in str(beside.watch(state(Running()), seconds=600))
    assert 2 * HEARTBEAT < beside.seconds < 3 * HEARTBEAT < alone.seconds < 4.5 * HEARTBEAT


def test_a_run_whose_heartbeats_come_is_alive_whatever_became_of_its_worker() -> None:
    assert World(worker=WorkerStatus.OFFLINE).watch(state(Running()), seconds=3600, beats=True) is None


@pytest.mark.parametrize("hours", [-5, 5])
def test_a_heartbeat_by_a_clock_that_is_hours_off_is_heard(hours: int) -> None:
    world, running = World(), state(Running())
    for beat in range(40):
        world.heartbeat = datetime.now(UTC) + timedelta(hours=hours, seconds=HEARTBEAT * beat)
        assert world.watch(running, seconds=HEARTBEAT) is None


def test_a_server_that_was_away_for_a_minute_makes_no_run_look_lost() -> None:
    world, running = World(), state(Running())
    assert world.watch(running, seconds=2 * HEARTBEAT) is None
    world.seconds += 60  # a request that was tried again until the server was back
    world.worker = WorkerStatus.OFFLINE  # so it seems to the server until the worker's next heartbeat
    assert world.watch(running, seconds=10) is None
    world.worker = WorkerStatus.ONLINE
    assert world.watch(running, seconds=3600, beats=True) is None
