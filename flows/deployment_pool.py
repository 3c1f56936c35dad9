"""Analysing videos on the workers of a Prefect work pool, and noticing when a worker is lost.

Prefect leaves a flow run in state Running when the machine that ran it dies: nobody is left to say otherwise. The run's
heartbeats stop, though, so a run without one for too long is marked as crashed and started again elsewhere. That it may
still be alive behind a broken network does no harm: the store's lock and its atomic files see to that.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun
from prefect.events.filters import EventAnyResourceFilter, EventFilter, EventNameFilter, EventOrder
from prefect.exceptions import ObjectNotFound
from prefect.settings import get_current_settings
from prefect.states import Crashed

from flows.batch_worker import OnStep, WorkerFailedError
from foundation.errors import InputError
from pipeline.report_json import from_json

HEARTBEAT = "prefect.flow-run.heartbeat"
POLL_SECONDS = 2.0
MISSED_HEARTBEATS = 3  # after so many the run counts as lost; one may be late on a busy machine
LONGEST_PENDING = 300.0  # seconds from "a worker has it" to "it runs"; libraries load in about ten
ATTEMPTS = 3  # a video that takes three workers with it is the cause and not the victim


class DeploymentPool:
    """Runs of a deployment of `analyze_video` in the place of worker processes of one's own (see `WorkerPool`)."""

    def __init__(self, deployment: str) -> None:
        self._name = deployment
        with get_client(sync_client=True) as client:
            try:
                self._deployment = client.read_deployment_by_name(deployment).id
            except ObjectNotFound:
                raise InputError(
                    f"{deployment}: the Prefect server knows no such deployment; see `prefect deployment ls`, and "
                    "register those of prefect.yaml with `prefect deploy --all`"
                ) from None
        frequency = get_current_settings().flows.heartbeat_frequency or 180  # seconds; Prefect's default
        self._longest_silence = MISSED_HEARTBEATS * frequency

    def analyze(self, request: Mapping[str, Any], *, on_step: OnStep) -> dict[str, Any]:
        """Analyse one video on some worker.

        Parameters
        ----------
        request : mapping
            Parameters of `flows.analyze_flow.analyze_video`; paths as the workers see them.
        on_step : callable
            Called when the run is submitted and when it begins.

        Returns
        -------
        dict
            ``utterances`` and ``duration`` of the video.

        Raises
        ------
        WorkerFailedError
            If the run failed, was cancelled, or was lost several times.
        """
        reason = ""
        for _ in range(ATTEMPTS):
            run = self._run(request, on_step)
            assert run.state is not None
            if run.state.is_completed():
                report = Path(str(request["out"])) / f"{request['name']}.json"
                analysis = from_json(report.read_text(encoding="utf-8"))
                return {"utterances": len(analysis.utterances), "duration": analysis.source.duration}
            reason = run.state.message or run.state.name or run.state.type.value
            if not run.state.is_crashed():
                break
        raise WorkerFailedError(f"{request['video']}: {reason}")

    def _run(self, request: Mapping[str, Any], on_step: OnStep) -> FlowRun:
        with get_client(sync_client=True) as client:
            run = client.create_flow_run_from_deployment(self._deployment, parameters=dict(request))
            on_step("media", 0.0)
            while run.state is None or not run.state.is_final():
                time.sleep(POLL_SECONDS)
                run = client.read_flow_run(run.id)
                if self._is_lost(client, run):
                    message = "no sign of life from its worker"
                    client.set_flow_run_state(run.id, Crashed(message=message), force=True)
                    run = client.read_flow_run(run.id)
        return run

    def _is_lost(self, client: SyncPrefectClient, run: FlowRun) -> bool:
        if run.state is None:
            return False
        silence = (datetime.now(UTC) - run.state.timestamp).total_seconds()
        if run.state.is_pending():
            return silence > LONGEST_PENDING
        if not run.state.is_running() or silence < self._longest_silence:
            return False
        latest = last_heartbeat(client, run.id)
        return latest is None or (datetime.now(UTC) - latest).total_seconds() > self._longest_silence


def last_heartbeat(client: SyncPrefectClient, run: UUID) -> datetime | None:
    """Return when a flow run last gave a sign of life, if ever."""
    page = client.read_events(
        EventFilter(
            event=EventNameFilter(name=[HEARTBEAT]),
            any_resource=EventAnyResourceFilter(id=[f"prefect.flow-run.{run}"]),
            order=EventOrder.DESC,
        ),
        limit=1,
    )
    return page.events[0].occurred if page.events else None
