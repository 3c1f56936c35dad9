"""Analysing the videos of a folder on a Dask cluster, one Prefect task per video, through Prefect's own task runner."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from prefect.task_runners import TaskRunner

from mtmm_video.flows.batch_worker import OnStep, WorkerFailedError
from mtmm_video.flows.prefect_api import has_own_server
from mtmm_video.foundation.errors import DependencyError, InputError, MtmmError

LOCAL = "local"


class ThisProcess:
    """The Dask worker's own process in the place of worker processes (see `flows.batch_worker.WorkerPool`)."""

    def analyze(self, request: Mapping[str, Any], *, on_step: OnStep) -> dict[str, Any]:
        """Analyse one video.

        Parameters
        ----------
        request : mapping
            Parameters of `flows.analyze_flow.analyze_video`; paths as the Dask workers see them.
        on_step : callable
            Not called: the batch's watcher is in another process.

        Returns
        -------
        dict
            ``utterances`` and ``duration`` of the video.

        Raises
        ------
        MtmmError
            If the analysis failed.
        """
        # Slow to import; only for the Dask workers.
        from mtmm_video.flows.analyze_flow import analyze_video  # noqa: PLC0415
        from mtmm_video.flows.answer import answer_of  # noqa: PLC0415

        try:
            analysis = analyze_video(**request)
        except MtmmError:
            raise
        except Exception as error:
            raise WorkerFailedError(f"{type(error).__name__}: {error}") from error
        return answer_of(analysis)


@contextmanager
def dask_runner(address: str, *, workers: int) -> Iterator[TaskRunner[Any]]:
    """Give a started task runner for a Dask cluster.

    Parameters
    ----------
    address : str
        Of a scheduler, such as ``tcp://scheduler.example:8786``; ``local`` starts a cluster on this machine.
    workers : int
        Worker processes of the local cluster. Another cluster has its own.

    Raises
    ------
    DependencyError
        If Dask is not installed.
    InputError
        If no scheduler answers, its workers run several tasks in one process, or they could not reach the Prefect API.
    """
    try:
        from prefect_dask.task_runners import DaskTaskRunner  # noqa: PLC0415 (optional)
    except ImportError as error:
        raise DependencyError(
            f"--dask {address}: a package is missing ({error}); get it with pip install 'mtmm-video[dask]'"
        ) from error
    logging.getLogger("distributed").setLevel(logging.WARNING)  # else every worker that comes and goes is a line
    if address == LOCAL:
        cluster = {"n_workers": workers, "threads_per_worker": 1, "dashboard_address": None}
        with DaskTaskRunner(cluster_kwargs=cluster) as runner:
            yield runner
        return
    if not has_own_server():
        raise InputError(
            f"--dask {address}: the Dask workers report to Prefect; "
            "start a server that they can reach (`prefect server start`) and set PREFECT_API_URL to it"
        )
    with DaskTaskRunner(address=address) as runner:
        try:
            threads = runner.client.nthreads()
        except (OSError, ValueError) as error:
            raise InputError(f"--dask {address}: no Dask scheduler answers there ({error})") from error
        crowded = sorted(worker for worker, count in threads.items() if count != 1)
        if crowded:
            raise InputError(
                f"--dask {address}: {', '.join(crowded)} would run several videos in one process; "
                "start Dask workers with --nthreads 1 and as many --nworkers as videos"
            )
        yield runner


def is_lost_on_dask(error: Exception) -> bool:
    """Tell whether a task ended without a result because Dask gave it up: its workers died, or the scheduler went."""
    try:
        from distributed import KilledWorker  # noqa: PLC0415 (optional)
        from distributed.client import FutureCancelledError  # noqa: PLC0415
    except ImportError:
        return False
    return isinstance(error, (KilledWorker, FutureCancelledError))
