"""Telling a lost flow run from a slow one, by what Prefect knows: heartbeats of the run and of the worker that took it.

Prefect leaves the state of a flow run unchanged when the machine that ran it dies. What stops is the
heartbeats. Silence is measured on this process's own steady clock while the server answers. Times of day are never
compared, so a clock that is wrong or put back makes no run look lost, and neither does a server that was away.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import WorkerFilter, WorkerFilterStatus
from prefect.client.schemas.objects import FlowRun, State, WorkerStatus
from prefect.events.filters import EventFilter, EventOrder
from prefect.settings import get_current_settings

HEARTBEAT = "prefect.flow-run.heartbeat"
WORKER_STARTED = "prefect.worker.started"
WORKER_LABEL, POOL_LABEL, POOL_ID_LABEL = "prefect.worker.name", "prefect.work-pool.name", "prefect.work-pool.id"
DEFAULT_HEARTBEAT = 180  # seconds between heartbeats of a flow run where PREFECT_FLOWS_HEARTBEAT_FREQUENCY is not set
MISSED_ALONE = 3  # heartbeats in a row: one may be late on a busy machine
MISSED_BESIDE_WORKER = 2  # enough where the server has declared the run's worker offline as well
LONGEST_UNNAMED = 120.0  # seconds: a worker signs a run within three requests, and a client retries one for so long
# A filter of events ends at this process's "now" unless told otherwise, and would hide those of a clock that is ahead.
LONG_AGO, FAR_AHEAD = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
LOOK_SECONDS = 10.0  # between two requests for heartbeats and workers
WORKER_MAY_RETURN = 30.0  # seconds: a server that was away misses workers that are alive until they have found it again


class SignsOfLife:
    """The heartbeats of one flow run, from its submission to its end.

    Parameters
    ----------
    client : SyncPrefectClient
    clock : callable
        Seconds that never go back.
    """

    def __init__(self, client: SyncPrefectClient, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._clock = clock
        self._interval = get_current_settings().flows.heartbeat_frequency or DEFAULT_HEARTBEAT
        self._sign: tuple[UUID | None, datetime | None] = (None, None)
        self._silence = 0.0  # seconds without a new sign of the run
        self._absence = 0.0  # seconds in which the server missed its worker
        self._looked = clock()

    def lost_because(self, run: FlowRun) -> str | None:
        """Return why a run is surely lost; None while it may be alive, however slow.

        Parameters
        ----------
        run : FlowRun
            As the server knows it now. One that no worker has taken yet waits and is never lost.
        """
        state = run.state
        passed = self._clock() - self._looked
        if state is None or not (state.is_pending() or state.is_running()) or passed < LOOK_SECONDS:
            return None
        self._looked += passed
        passed = min(passed, 2 * LOOK_SECONDS)  # more than that means that the server did not answer in between
        sign = (state.id, last_heartbeat(self._client, run.id) if state.is_running() else None)
        self._silence = self._silence + passed if sign == self._sign else 0.0
        self._sign = sign
        self._absence = self._absence + passed if self._worker_is_gone(run, state) else 0.0
        is_gone = self._absence > WORKER_MAY_RETURN
        worker = run.labels.get(WORKER_LABEL)
        if state.is_running():
            if self._silence > (MISSED_BESIDE_WORKER if is_gone else MISSED_ALONE) * self._interval:
                return f"no heartbeat for {self._silence:.0f} s" + (
                    f", and worker {worker!r} is gone" if is_gone else ""
                )
        elif is_gone:
            return f"worker {worker!r} took it and is gone"
        elif worker is None and self._silence > LONGEST_UNNAMED:
            return f"a worker took it {self._silence:.0f} s ago and did nothing more"
        return None

    def _worker_is_gone(self, run: FlowRun, state: State) -> bool:
        """Tell whether the server misses the worker that took the run, or it was started anew since."""
        name, pool = run.labels.get(WORKER_LABEL), run.labels.get(POOL_LABEL)
        if name is None or pool is None:
            return False
        offline = self._client.read_workers_for_work_pool(
            str(pool), worker_filter=WorkerFilter(status=WorkerFilterStatus(any_=[WorkerStatus.OFFLINE]))
        )
        if any(worker.name == name for worker in offline):
            return True
        started = EventFilter.model_validate(
            {
                "event": {"name": [WORKER_STARTED]},
                "occurred": {"since": state.timestamp, "until": FAR_AHEAD},
                "resource": {"labels": {"prefect.resource.name": [name]}},
                "any_resource": {"id": [f"prefect.work-pool.{run.labels.get(POOL_ID_LABEL)}"]},
            }
        )
        return bool(self._client.read_events(started, limit=1).events)


def last_heartbeat(client: SyncPrefectClient, run: UUID) -> datetime | None:
    """Return when a flow run last gave a sign of life, if ever, by the clock of its machine."""
    heartbeats = EventFilter.model_validate(
        {
            "event": {"name": [HEARTBEAT]},
            "occurred": {"since": LONG_AGO, "until": FAR_AHEAD},
            "any_resource": {"id": [f"prefect.flow-run.{run}"]},
            "order": EventOrder.DESC,
        }
    )
    page = client.read_events(heartbeats, limit=1)
    return page.events[0].occurred if page.events else None
