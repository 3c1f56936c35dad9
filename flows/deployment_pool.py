"""Analysing videos on the workers of a Prefect work pool, and submitting again what a worker took with it.

A run that is lost (see `flows.signs_of_life`) is marked as crashed and started again elsewhere. That it may still be
alive behind a broken network does no harm: the store's lock and its atomic files see to that.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import ObjectNotFound
from prefect.states import Crashed

from mtmm_video.flows.answer import answer_of
from mtmm_video.flows.batch_worker import OnStep, WorkerFailedError
from mtmm_video.flows.signs_of_life import SignsOfLife
from mtmm_video.foundation.errors import InputError
from mtmm_video.pipeline.reports.json_reader import read_report

POLL_SECONDS = 2.0
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
                analysis = read_report(report)
                return answer_of(analysis)
            reason = run.state.message or run.state.name or run.state.type.value
            if not run.state.is_crashed():
                break
        raise WorkerFailedError(f"{request['video']}: {reason}")

    def _run(self, request: Mapping[str, Any], on_step: OnStep) -> FlowRun:
        with get_client(sync_client=True) as client:
            run = client.create_flow_run_from_deployment(self._deployment, parameters=dict(request))
            on_step("media", 0.0)
            signs = SignsOfLife(client)
            while run.state is None or not run.state.is_final():
                time.sleep(POLL_SECONDS)
                run = client.read_flow_run(run.id)
                reason = signs.lost_because(run)
                if reason is not None:
                    client.set_flow_run_state(run.id, Crashed(message=reason), force=True)
                    run = client.read_flow_run(run.id)
        return run
