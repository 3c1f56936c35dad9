"""One pass over a folder of videos: which need work, what became of each, and the tables of them all.

`analyze_folder_here` is the whole pass on this machine, which `mtmm-video batch` runs; the flow of `flows.batch_flow`
makes the same pass where a Prefect server, a deployment or a Dask cluster has a part in it.
"""

from __future__ import annotations

import contextvars
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from mtmm_video.flows.batch_worker import OnStep, WorkerPool
from mtmm_video.flows.folder import FoundVideo, Hashes, find_transcript, find_videos, finished_report
from mtmm_video.flows.outcome import Outcome, summary_csv
from mtmm_video.foundation.cores import available_cores
from mtmm_video.foundation.errors import InputError, MtmmError, WeightsError
from mtmm_video.foundation.files import sha256_of, write_text
from mtmm_video.foundation.folders import cache_folder
from mtmm_video.foundation.memory import free_memory
from mtmm_video.foundation.names import printable
from mtmm_video.model.checkpoint_file import load_specification, resolve_checkpoint
from mtmm_video.pipeline.job import SPEAKER_WEIGHTS, needed_weights
from mtmm_video.pipeline.options import AnalyzeOptions
from mtmm_video.pipeline.reports.folder_tables import write_folder_tables
from mtmm_video.pipeline.reports.index import write_folder_index
from mtmm_video.pipeline.reports.writers import check_formats
from mtmm_video.pipeline.weights import resolution

MEMORY_PER_VIDEO = 2.0e9  # bytes of one worker at its peak, see docs/performance.md
MEMORY_SHARE = 0.8  # of the memory that is free when the batch starts, where the user names no budget


class Watcher(Protocol):
    """The display of a batch; its methods are called from several threads."""

    def found(self, total: int) -> None:
        """Note how many videos lie in the folder."""

    def step(self, video: str, step: str, share: float) -> None:
        """Note that a video is at a share of a step."""

    def finished(self, outcome: Outcome) -> None:
        """Note the outcome of a video."""


class Pool(Protocol):
    """What analyses single videos for a batch: `WorkerPool`, `DeploymentPool` or, on Dask, `ThisProcess`."""

    def analyze(self, request: Mapping[str, Any], *, on_step: OnStep) -> dict[str, Any]:
        """Analyse one video."""
        ...


class NoWatcher:
    """A `Watcher` that shows nothing: the default."""

    def found(self, total: int) -> None:
        """Do nothing."""

    def step(self, video: str, step: str, share: float) -> None:
        """Do nothing."""

    def finished(self, outcome: Outcome) -> None:
        """Do nothing."""


NO_WATCHER = NoWatcher()
# Not a parameter of the flow, which would be sent to the Prefect API.
WATCHER: contextvars.ContextVar[Watcher] = contextvars.ContextVar("watcher", default=NO_WATCHER)


def parallel_videos(*, jobs: int | None, memory: float | None) -> int:
    """Return how many videos to analyse at a time.

    Parameters
    ----------
    jobs : int, optional
        At most so many; one for every two processor cores where not given.
    memory : float, optional
        Budget in bytes; most of what is free where not given.
    """
    wanted = jobs if jobs is not None else max(1, available_cores() // 2)
    free = free_memory()
    if memory is None and free is None:  # not Linux: the number of jobs alone decides
        return wanted
    budget = memory if memory is not None else MEMORY_SHARE * float(free or 0)
    return max(1, min(wanted, int(budget // MEMORY_PER_VIDEO)))


# Dask sends the code of `flows.batch_flow`, which must not name WATCHER: that cannot be sent.
def current_watcher() -> Watcher:
    """Return the watcher of the batch."""
    return WATCHER.get()


def tell_step(path: str, step: str, share: float) -> None:
    """Report to the watcher that a video is at a share of a step."""
    current_watcher().step(path, step, share)


@dataclass(frozen=True)
class Work:
    """A video of the folder that needs work.

    Attributes
    ----------
    path : str
        Seen from the folder, printable.
    video : FoundVideo
    request : mapping
        What a `Pool` is asked for.
    """

    path: str
    video: FoundVideo
    request: Mapping[str, Any]


@dataclass(frozen=True)
class FolderPass:
    """A pass over a folder while it lasts.

    Attributes
    ----------
    waiting : tuple of Work
        The videos that need work, the largest file first.
    outcomes : list of Outcome
        Of the videos so far.
    """

    waiting: tuple[Work, ...]
    outcomes: list[Outcome]

    def note(self, outcome: Outcome) -> None:
        """Add the outcome of a video."""
        self.outcomes.append(outcome)
        current_watcher().finished(outcome)


@contextmanager
def folder_pass(
    folder: Path, *, out: Path, options: AnalyzeOptions, transcript_dir: Path | None, here: bool
) -> Iterator[FolderPass]:
    """Look through a folder, and write ``summary.csv``, the tables and the index when the block ends.

    Parameters
    ----------
    folder, out : Path
        Where the videos lie and where the reports go.
    options : AnalyzeOptions
        Of every video.
    transcript_dir : Path, optional
        See `flows.folder.find_transcript`.
    here : bool
        Whether this machine does the work, with its weights.

    Yields
    ------
    FolderPass

    Raises
    ------
    InputError
        If `transcript_dir` is no folder, or a format is unknown.
    WeightsError
        If a pretrained weight that every video needs is not on this machine: before the first one is analysed.
    """
    if transcript_dir is not None and not transcript_dir.is_dir():
        raise InputError(f"--transcript-dir {transcript_dir}: is no folder")
    check_formats(options.formats)
    # The JSON report is what a later pass skips by.
    options = replace(options, formats=tuple(dict.fromkeys((*options.formats, "json"))))
    checkpoint = sha256_of(resolve_checkpoint(options.model))
    hashes = Hashes(cache_folder() / "hashes.json")
    videos, unreadable = find_videos(folder, out=out, hashes=hashes)
    current_watcher().found(len(videos) + len(unreadable))
    outcomes = [Outcome(printable(str(path.relative_to(folder))), "failed", reason) for path, reason in unreadable]
    waiting: list[tuple[FoundVideo, AnalyzeOptions, str]] = []
    for video in videos:
        found = None if transcript_dir is None else find_transcript(video, transcript_dir)
        own = replace(options, transcript=found)
        outcome = _without_work(video, hashes=hashes, out=out, options=own, checkpoint=checkpoint)
        if isinstance(outcome, str):
            waiting.append((video, own, outcome))
        else:
            outcomes.append(outcome)
            current_watcher().finished(outcome)
    hashes.save()
    waiting.sort(key=lambda each: -_size(each[0].path))  # so that no long one is left to a single worker at the end
    if here:
        _check_weights([own for _, own, _ in waiting])
    current = FolderPass(tuple(_work(*each, out=out) for each in waiting), outcomes)
    try:
        yield current
    finally:
        outcomes.sort(key=lambda outcome: outcome.path)
        _write_tables(outcomes, out=out, options=options)


def analyze_folder_here(
    folder: Path,
    *,
    out: Path,
    jobs: int | None = None,
    memory: float | None = None,
    options: AnalyzeOptions,
    transcript_dir: Path | None = None,
) -> list[Outcome]:
    """Analyse every video below a folder that has no report yet, in worker processes of this machine.

    Parameters
    ----------
    folder, out, options, transcript_dir
        See `folder_pass`.
    jobs, memory
        See `parallel_videos`.

    Returns
    -------
    list of Outcome
        One per video, in order of the paths.

    Raises
    ------
    InputError, WeightsError
        As `folder_pass`.
    """
    with folder_pass(folder, out=out, options=options, transcript_dir=transcript_dir, here=True) as work:
        size = min(parallel_videos(jobs=jobs, memory=memory), len(work.waiting) or 1)
        with ExitStack() as stack:
            threads = stack.enter_context(ThreadPoolExecutor(size))
            pool = stack.enter_context(WorkerPool(size))
            # First of all on the way out, for an interrupt: videos that wait are not to be given new workers.
            stack.callback(threads.shutdown, wait=False, cancel_futures=True)
            futures: list[Future[Outcome]] = [
                threads.submit(contextvars.copy_context().run, analyze_one, each.path, each.video, each.request, pool)
                for each in work.waiting
            ]
            for future in as_completed(futures):
                work.note(future.result())
    return work.outcomes


def analyze_one(path: str, video: FoundVideo, request: Mapping[str, Any], pool: Pool) -> Outcome:
    """Analyse one video of the folder. A failure is an outcome: it never stops the others."""
    start = time.perf_counter()
    try:
        answer = pool.analyze(request, on_step=partial(tell_step, path))
    except MtmmError as error:
        return Outcome(path, "failed", str(error), round(time.perf_counter() - start, 1))
    except Exception as error:  # whatever it is: the other videos are not to suffer
        reason = f"{type(error).__name__}: {error}"
        return Outcome(path, "failed", reason, round(time.perf_counter() - start, 1))
    return Outcome(
        path,
        "done",
        seconds=round(time.perf_counter() - start, 1),
        duration=answer["duration"],
        claimed_duration=answer.get("claimed_duration"),
        notes=answer.get("notes", ""),
        utterances=answer["utterances"],
        report=str(video.report(Path())),
    )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0  # it was moved away, which its analysis will say


def _work(video: FoundVideo, options: AnalyzeOptions, content: str, *, out: Path) -> Work:
    request = {
        "video": str(video.path),
        "out": str(video.report(out).parent),
        "options": options.to_content(),
        "content": content,
        "name": video.relative.name,
    }
    return Work(printable(str(video.relative)), video, request)


def _check_weights(waiting: Sequence[AnalyzeOptions]) -> None:
    """Check once that the pretrained weights are there that every waiting video needs, so that not each of them fails.

    Raises
    ------
    WeightsError
        If one is absent or damaged.
    CheckpointError
        If the checkpoint is damaged.
    """
    if not waiting:
        return
    specification = load_specification(resolve_checkpoint(waiting[0].model))  # one model labels them all
    needed = []
    for options in waiting:
        names = set(needed_weights(options, specification=specification))
        # A transcript may name the speakers itself.
        needed.append(names if options.transcript is None else names - {SPEAKER_WEIGHTS})
    problems: dict[str, WeightsError] = {}
    for name in sorted(set.intersection(*needed)):
        try:
            resolution.resolve(name)
        except WeightsError as error:
            problems[name] = error
    if len(problems) == 1:
        raise next(iter(problems.values()))
    if problems:
        raise WeightsError(
            f"the weights {', '.join(problems)} are absent or damaged on this machine; get them with "
            f"`mtmm-video weights fetch {' '.join(problems)}`"
        )


def _without_work(
    video: FoundVideo, *, hashes: Hashes, out: Path, options: AnalyzeOptions, checkpoint: str
) -> Outcome | str:
    """Return the outcome of a video that needs no work, else its SHA-256."""
    path = printable(str(video.relative))
    if video.growing:
        return Outcome(path, "growing", "was written or moved while it was looked at; left for the next pass")
    try:
        content = hashes.of(video.path)
    except (MtmmError, OSError) as error:
        return Outcome(path, "failed", str(error))
    if options.cache:
        report = video.report(out)
        found = finished_report(report, content=content, options=options, checkpoint=checkpoint)
        if found is not None:
            return Outcome(
                path,
                "skipped",
                duration=found.source.duration,
                claimed_duration=found.source.claimed_duration,
                notes=" ".join(found.notes),
                utterances=len(found.utterances),
                report=str(video.report(Path())),
            )
    return content


def _write_tables(outcomes: Sequence[Outcome], *, out: Path, options: AnalyzeOptions) -> None:
    write_text(out / "summary.csv", summary_csv(outcomes, csv_raw=options.csv_raw, csv_excel=options.csv_excel))
    reports = [Path(outcome.report) for outcome in outcomes if outcome.report]
    write_folder_tables(
        out, reports=reports, formats=options.formats, csv_raw=options.csv_raw, csv_excel=options.csv_excel
    )
    if "html" in options.formats:
        failures = [(Path(outcome.path), outcome.reason) for outcome in outcomes if outcome.status == "failed"]
        write_folder_index(out, reports=reports, failures=failures)
