"""The flow behind `mtmm-video serve`, and behind `mtmm-video batch` where somebody watches or others do the work."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.futures import PrefectFuture, as_completed
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from mtmm_video.flows.batch_worker import WorkerPool
from mtmm_video.flows.dask_cluster import LOCAL, ThisProcess, dask_runner, is_lost_on_dask
from mtmm_video.flows.deployment_pool import DeploymentPool
from mtmm_video.flows.folder import FoundVideo
from mtmm_video.flows.folder_pass import Pool, analyze_one, folder_pass, parallel_videos
from mtmm_video.flows.outcome import Outcome
from mtmm_video.foundation.errors import InputError
from mtmm_video.pipeline.options import AnalyzeOptions

DEFAULTS = AnalyzeOptions()
RUNS_IN_FLIGHT = 16  # of a deployment, where the user does not say; more than the workers of most pools


@task(name="video", task_run_name="{path}", cache_policy=NO_CACHE, persist_result=False)
def analyze_found(path: str, video: FoundVideo, request: Mapping[str, Any], pool: Pool) -> Outcome:
    """Analyse one video of the folder. A failure is an outcome: it never stops the others."""
    return analyze_one(path, video, request, pool)


@flow(name="batch", flow_run_name="{folder}", persist_result=False)
def analyze_folder(
    folder: str,
    *,
    out: str = "out",
    jobs: int | None = None,
    memory_gb: float | None = None,
    options: AnalyzeOptions = DEFAULTS,
    transcript_dir: str | None = None,
    deployment: str | None = None,
    dask: str | None = None,
) -> list[Outcome]:
    """Analyse every video below a folder that has no report yet.

    Parameters
    ----------
    folder : str
        Where the videos lie.
    out : str
        Where the reports go: ``<out>/<place in the folder>/<file name>.json`` and so on, and ``summary.csv``.
    jobs : int, optional
        Videos at a time.
    memory_gb : float, optional
        Memory budget in gigabytes.
    options : AnalyzeOptions
        Of every video. In the Prefect UI and in deployments, a mapping with the same names.
    transcript_dir : str, optional
        Folder with transcripts at the places of their videos, see `flows.folder.find_transcript`. A video without one
        is recognised.
    deployment : str, optional
        Deployment of the ``analyze`` flow that does the work on the workers of its pool, ``jobs`` runs at a time;
        worker processes of this machine otherwise.
    dask : str, optional
        Scheduler of the Dask cluster that does the work instead, or ``local`` for one of this machine.

    Returns
    -------
    list of Outcome
        One per video, in order of the paths.

    Raises
    ------
    WeightsError
        If a pretrained weight that every video needs is not on this machine: before the first one is analysed.
    """
    if deployment is not None and dask is not None:
        raise InputError("a batch runs on a deployment or on Dask; name one of them")
    if dask not in {None, LOCAL} and (jobs is not None or memory_gb is not None):
        raise InputError(f"--dask {dask}: leave --jobs and --memory out; the cluster takes a video per worker it has")
    transcripts = None if transcript_dir is None else Path(transcript_dir)
    here = deployment is None and dask in {None, LOCAL}  # the others are other machines, with weights of their own
    with folder_pass(Path(folder), out=Path(out), options=options, transcript_dir=transcripts, here=here) as work:
        if deployment is None:
            workers = parallel_videos(jobs=jobs, memory=None if memory_gb is None else memory_gb * 1e9)
        else:
            workers = jobs or RUNS_IN_FLIGHT
        workers = min(workers, len(work.waiting) or 1)
        with ExitStack() as stack:
            pool: Pool
            runner: TaskRunner[Any]
            if dask is not None:
                pool, runner = ThisProcess(), stack.enter_context(dask_runner(dask, workers=workers))
            else:
                pool = stack.enter_context(WorkerPool(workers)) if deployment is None else DeploymentPool(deployment)
                runner = stack.enter_context(ThreadPoolTaskRunner(max_workers=workers))
            futures: dict[PrefectFuture[Outcome], str] = {}
            for each in work.waiting:
                parameters = {"path": each.path, "video": each.video, "request": each.request, "pool": pool}
                futures[runner.submit(analyze_found, parameters)] = each.path
            for future in as_completed(list(futures)):
                work.note(_outcome_of(future, path=futures[future]))
    return work.outcomes


def _outcome_of(future: PrefectFuture[Outcome], *, path: str) -> Outcome:
    """Return the outcome of a video; a failure where Dask gave it up."""
    try:
        return future.result()
    except Exception as error:
        if not is_lost_on_dask(error):
            raise
        return Outcome(path, "failed", f"{type(error).__name__}: {error}")
