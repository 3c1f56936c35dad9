"""The flow behind `mtmm-video corpus prepare`: the files of a labelled corpus, several at a time."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from contextlib import ExitStack
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.futures import PrefectFuture, as_completed
from prefect.task_runners import ThreadPoolTaskRunner

from mtmm_video.flows.batch_worker import WorkerPool
from mtmm_video.flows.folder_pass import current_watcher, parallel_videos, tell_step
from mtmm_video.flows.outcome import Outcome
from mtmm_video.foundation.errors import MtmmError
from mtmm_video.pipeline.corpora.measuring import MeasuredFile, Segment, measure_file
from mtmm_video.pipeline.job import MissingArtefactError
from mtmm_video.pipeline.options import AnalyzeOptions


@dataclass(frozen=True)
class FileRequest:
    """A file of a corpus with the segments of it that are labelled."""

    file: Path
    segments: tuple[Segment, ...]


# What is to be done: a parameter of the flow would be sent to the Prefect API, and a corpus has many thousand rows.
REQUESTS: ContextVar[tuple[Sequence[FileRequest], AnalyzeOptions]] = ContextVar("requests")


@task(name="clip", task_run_name="{path}", cache_policy=NO_CACHE, persist_result=False)
def measure_found(path: str, request: FileRequest, options: AnalyzeOptions, pool: WorkerPool) -> Outcome:
    """Measure one file in a worker. A failure is an outcome: it never stops the others."""
    start = time.perf_counter()
    content = {
        "video": str(request.file),
        "segments": [dataclasses.asdict(segment) for segment in request.segments],
        "options": options.to_content(),
    }
    try:
        answer = pool.analyze(content, on_step=partial(tell_step, path))
    except MtmmError as error:
        return Outcome(path, "failed", str(error), round(time.perf_counter() - start, 1))
    return Outcome(
        path,
        "done",
        seconds=round(time.perf_counter() - start, 1),
        duration=answer["duration"],
        utterances=answer["utterances"],
    )


@flow(name="corpus", flow_run_name="{corpus}", persist_result=False)
def measure_corpus(
    corpus: str, *, jobs: int | None = None, memory_gb: float | None = None
) -> tuple[list[Outcome], dict[Path, MeasuredFile]]:
    """Measure the files of `REQUESTS`; what an earlier run measured is read from the store.

    Parameters
    ----------
    corpus : str
        Its name.
    jobs : int, optional
        Files at a time; half the processor cores where not given.
    memory_gb : float, optional
        Memory budget in gigabytes.

    Returns
    -------
    outcomes : list of Outcome
        One per file, in order of the requests.
    measured : dict of Path to MeasuredFile
        Those that could be measured.
    """
    requests, options = REQUESTS.get()
    watcher = current_watcher()
    watcher.found(len(requests))
    outcomes: dict[Path, Outcome] = {}
    measured: dict[Path, MeasuredFile] = {}
    waiting = []
    for request in requests:
        found = _stored(request, options) if options.cache else None
        if isinstance(found, MeasuredFile):
            measured[request.file] = found
            outcomes[request.file] = Outcome(
                str(request.file), "skipped", duration=found.duration, utterances=len(found.utterances)
            )
        elif isinstance(found, str):
            outcomes[request.file] = Outcome(str(request.file), "failed", found)
        else:
            waiting.append(request)
            continue
        watcher.finished(outcomes[request.file])
    workers = parallel_videos(jobs=jobs, memory=None if memory_gb is None else memory_gb * 1e9)
    workers = min(workers, len(waiting) or 1)
    with ExitStack() as stack:
        pool = stack.enter_context(WorkerPool(workers))
        runner: ThreadPoolTaskRunner[Any] = stack.enter_context(ThreadPoolTaskRunner(max_workers=workers))
        futures: dict[PrefectFuture[Outcome], FileRequest] = {}
        for request in waiting:
            parameters = {"path": str(request.file), "request": request, "options": options, "pool": pool}
            futures[runner.submit(measure_found, parameters)] = request
        for future in as_completed(list(futures)):
            request, outcome = futures[future], future.result()
            if outcome.status == "done":
                read = _stored(request, dataclasses.replace(options, cache=True))
                if isinstance(read, MeasuredFile):
                    measured[request.file] = read
                else:
                    reason = read or "its artefacts left the store before they were read; give the cache more room"
                    outcome = dataclasses.replace(outcome, status="failed", reason=reason)
            outcomes[request.file] = outcome
            watcher.finished(outcome)
    return [outcomes[request.file] for request in requests], measured


def _stored(request: FileRequest, options: AnalyzeOptions) -> MeasuredFile | str | None:
    """Return what the store has of a file; the reason where the file cannot be used; None where there is work to do."""
    try:
        return measure_file(request.file, request.segments, options=options, stored_only=True)
    except MissingArtefactError:
        return None
    except MtmmError as error:
        return str(error)
