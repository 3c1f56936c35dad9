"""One pass through a labelled corpus: what the store has, and what is left to measure in worker processes."""

from __future__ import annotations

import contextvars
import dataclasses
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

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


class CorpusPass:
    """A pass through the files of a corpus; what an earlier one measured is read from the store.

    Parameters
    ----------
    requests : sequence of FileRequest
        One per file.
    options : AnalyzeOptions
        Of every file.

    Attributes
    ----------
    waiting : list of FileRequest
        Those that the store does not have.
    measured : dict of Path to MeasuredFile
        Those that could be measured.
    """

    def __init__(self, requests: Sequence[FileRequest], options: AnalyzeOptions) -> None:
        self._requests, self._options = requests, options
        self._outcomes: dict[Path, Outcome] = {}
        self.waiting: list[FileRequest] = []
        self.measured: dict[Path, MeasuredFile] = {}
        current_watcher().found(len(requests))
        for request in requests:
            found = _stored(request, options) if options.cache else None
            if found is None:
                self.waiting.append(request)
            elif isinstance(found, str):
                self._finish(request, Outcome(str(request.file), "failed", found))
            else:
                self.measured[request.file] = found
                skipped = Outcome(
                    str(request.file), "skipped", duration=found.duration, utterances=len(found.utterances)
                )
                self._finish(request, skipped)

    @property
    def outcomes(self) -> list[Outcome]:
        """One per file, in order of the requests."""
        return [self._outcomes[request.file] for request in self._requests]

    def note(self, request: FileRequest, outcome: Outcome) -> None:
        """Take the outcome of a file that waited, and read what was measured of it."""
        if outcome.status == "done":
            read = _stored(request, dataclasses.replace(self._options, cache=True))
            if isinstance(read, MeasuredFile):
                self.measured[request.file] = read
            else:
                reason = read or "its artefacts left the store before they were read; give the cache more room"
                outcome = dataclasses.replace(outcome, status="failed", reason=reason)
        self._finish(request, outcome)

    def _finish(self, request: FileRequest, outcome: Outcome) -> None:
        self._outcomes[request.file] = outcome
        current_watcher().finished(outcome)


def measure_corpus_here(
    requests: Sequence[FileRequest],
    options: AnalyzeOptions,
    *,
    jobs: int | None = None,
    memory: float | None = None,
) -> CorpusPass:
    """Measure the files of a corpus in worker processes of this machine.

    Parameters
    ----------
    requests : sequence of FileRequest
    options : AnalyzeOptions
        Of every file.
    jobs, memory
        See `flows.folder_pass.parallel_videos`.
    """
    work = CorpusPass(requests, options)
    size = min(parallel_videos(jobs=jobs, memory=memory), len(work.waiting) or 1)
    with ExitStack() as stack:
        threads = stack.enter_context(ThreadPoolExecutor(size))
        pool = stack.enter_context(WorkerPool(size))
        # First of all on the way out, for an interrupt: files that wait are not to be given new workers.
        stack.callback(threads.shutdown, wait=False, cancel_futures=True)
        futures: dict[Future[Outcome], FileRequest] = {
            threads.submit(contextvars.copy_context().run, measure_one, request, options, pool): request
            for request in work.waiting
        }
        for future in as_completed(futures):
            work.note(futures[future], future.result())
    return work


def measure_one(request: FileRequest, options: AnalyzeOptions, pool: WorkerPool) -> Outcome:
    """Measure one file in a worker. A failure is an outcome: it never stops the others."""
    path, start = str(request.file), time.perf_counter()
    content = {
        "video": path,
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


def _stored(request: FileRequest, options: AnalyzeOptions) -> MeasuredFile | str | None:
    """Return what the store has of a file; the reason where the file cannot be used; None where there is work to do."""
    try:
        return measure_file(request.file, request.segments, options=options, stored_only=True)
    except MissingArtefactError:
        return None
    except MtmmError as error:
        return str(error)
