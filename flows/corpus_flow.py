"""The flow behind `mtmm-video corpus prepare` where somebody watches: the files of a corpus, several at a time."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from contextvars import ContextVar
from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.futures import PrefectFuture, as_completed
from prefect.task_runners import ThreadPoolTaskRunner

from mtmm_video.flows.batch_worker import WorkerPool
from mtmm_video.flows.corpus_pass import CorpusPass, FileRequest, measure_one
from mtmm_video.flows.folder_pass import parallel_videos
from mtmm_video.flows.outcome import Outcome
from mtmm_video.pipeline.options import AnalyzeOptions

# What is to be done: a parameter of the flow would be sent to the Prefect API, and a corpus has many thousand rows.
REQUESTS: ContextVar[tuple[Sequence[FileRequest], AnalyzeOptions]] = ContextVar("requests")


@task(name="clip", task_run_name="{path}", cache_policy=NO_CACHE, persist_result=False)
def measure_found(path: str, request: FileRequest, options: AnalyzeOptions, pool: WorkerPool) -> Outcome:
    """Measure one file in a worker; `path` names the run."""
    return measure_one(request, options, pool)


@flow(name="corpus", flow_run_name="{corpus}", persist_result=False)
def measure_corpus(corpus: str, *, jobs: int | None = None, memory_gb: float | None = None) -> CorpusPass:
    """Measure the files of `REQUESTS`; what an earlier run measured is read from the store.

    Parameters
    ----------
    corpus : str
        Its name, which is that of the run.
    jobs : int, optional
        Files at a time; half the processor cores where not given.
    memory_gb : float, optional
        Memory budget in gigabytes.
    """
    requests, options = REQUESTS.get()
    work = CorpusPass(requests, options)
    workers = parallel_videos(jobs=jobs, memory=None if memory_gb is None else memory_gb * 1e9)
    workers = min(workers, len(work.waiting) or 1)
    with ExitStack() as stack:
        pool = stack.enter_context(WorkerPool(workers))
        runner: ThreadPoolTaskRunner[Any] = stack.enter_context(ThreadPoolTaskRunner(max_workers=workers))
        futures: dict[PrefectFuture[Outcome], FileRequest] = {}
        for request in work.waiting:
            parameters = {"path": str(request.file), "request": request, "options": options, "pool": pool}
            futures[runner.submit(measure_found, parameters)] = request
        for future in as_completed(list(futures)):
            work.note(futures[future], future.result())
    return work
