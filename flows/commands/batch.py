"""``mtmm-video batch FOLDER``: every video below a folder, N at a time, without one failure stopping the rest."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mtmm_video.flows.commands import analyze as analyze_command
from mtmm_video.flows.option_parameters import with_options
from mtmm_video.flows.sizes import parse_size
from mtmm_video.foundation.errors import InputError
from mtmm_video.pipeline.options import AnalyzeOptions

# What is slow to import is imported in the functions: `mtmm-video --help` answers within a second.
# ruff: noqa: PLC0415
if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from mtmm_video.flows.outcome import Outcome

Folder = Annotated[
    Path, typer.Argument(metavar="FOLDER", readable=False, help="Folder with videos or sound files, at any depth.")
]
Jobs = Annotated[int | None, typer.Option(min=1, help="Videos at a time; half the processor cores where not given.")]
Memory = Annotated[
    str | None, typer.Option(metavar="SIZE", help="Memory budget, such as 8GB; most of what is free where not given.")
]
TranscriptDir = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER", readable=False, help="Transcripts at their videos' places: a/talk.srt for a/talk.mp4."
    ),
]
Deployment = Annotated[
    str | None, typer.Option(help="Work on the workers of this Prefect deployment, such as analyze/video-process.")
]
Dask = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS", help="Work on this Dask cluster, such as tcp://host:8786; local starts one here."),
]
STATUS_STYLES = {"done": "green", "skipped": "dim", "failed": "red", "growing": "yellow"}


def register(app: typer.Typer) -> None:
    """Add the ``batch`` command to the command line."""
    app.command("batch")(batch)


@with_options(single=False)
def batch(
    folder: Folder,
    *,
    out: analyze_command.Out = Path("out"),
    jobs: Jobs = None,
    memory: Memory = None,
    options: AnalyzeOptions,
    transcript_dir: TranscriptDir = None,
    deployment: Deployment = None,
    dask: Dask = None,
    verbose: analyze_command.Verbose = False,
) -> None:
    """Analyse every video below a folder that has no report yet.

    Videos are found by their content, and reports keep their place: ``FOLDER/a/talk.mp4`` becomes
    ``OUT/a/talk.mp4.json``. One that fails does not stop the others; one that is still being written is left for the
    next pass. ``OUT/summary.csv`` and ``OUT/index.html`` list them all. Exit code 1 if any failed.
    """
    from rich.console import Console

    from mtmm_video.flows.folder_pass import WATCHER, analyze_folder_here
    from mtmm_video.flows.native_log import without_native_log
    from mtmm_video.flows.prefect_api import has_own_server

    analyze_command.prepare_folder(out)
    budget = None if memory is None else parse_size(memory)
    with ExitStack() as stack:
        if not verbose:
            stack.enter_context(without_native_log())
        if verbose or has_own_server() or deployment is not None or dask is not None:
            analyze = _flow(stack, verbose=verbose)
            WATCHER.set(stack.enter_context(LiveView()))
            outcomes = analyze(
                str(folder),
                out=str(out),
                jobs=jobs,
                memory_gb=None if budget is None else budget / 1e9,
                options=options,
                transcript_dir=None if transcript_dir is None else str(transcript_dir),
                deployment=deployment,
                dask=dask,
            )
        else:  # nobody would see a flow; Prefect takes seconds to load and its server some more to start
            WATCHER.set(stack.enter_context(LiveView()))
            outcomes = analyze_folder_here(
                folder, out=out, jobs=jobs, memory=budget, options=options, transcript_dir=transcript_dir
            )
    if not outcomes:
        raise InputError(f"{folder}: there is no video or sound file in it, at any depth")
    show_outcomes(Console(), outcomes, out=out)
    if any(outcome.status == "failed" for outcome in outcomes):
        raise typer.Exit(1)


def _flow(stack: ExitStack, *, verbose: bool) -> Callable[..., list[Outcome]]:
    """Return the flow of a batch, with the Prefect API that it needs for as long as the stack lasts."""
    from mtmm_video.flows.prefect_api import start_api

    enter = start_api(stack, verbose=verbose)
    from mtmm_video.flows.batch_flow import analyze_folder

    enter()
    return analyze_folder


def show_outcomes(console: object, outcomes: list[Outcome], *, out: Path) -> None:
    """Print the table of a batch: what was done, skipped, left and failed, and why."""
    from collections import Counter

    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    assert isinstance(console, Console)
    table = Table("video", "status", "length (s)", "utterances", "took (s)", "reason")
    for outcome in outcomes:
        table.add_row(
            escape(outcome.path),
            f"[{STATUS_STYLES[outcome.status]}]{outcome.status}[/]",
            "" if outcome.duration is None else f"{outcome.duration:.1f}",
            "" if outcome.utterances is None else str(outcome.utterances),
            f"{outcome.seconds:.1f}" if outcome.seconds else "",
            escape(outcome.reason or ("incomplete file" if outcome.claimed_duration is not None else "")),
        )
    counts: Counter[str] = Counter(outcome.status for outcome in outcomes)
    console.print(table)
    parts = ", ".join(f"{counts[status]} {status}" for status in STATUS_STYLES if counts[status])
    console.print(f"{parts}. Summary: {out / 'summary.csv'}", markup=False, highlight=False)


class LiveView:
    """How far a batch is, on standard error: a bar for all videos and one for each that is being analysed.

    It is a `flows.folder_pass.Watcher`; its methods are called from several threads. Where standard error is no
    terminal, it prints a line per finished video, and one about the whole every `LINE_SECONDS`.
    """

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        from mtmm_video.flows.progress import LINE_SECONDS, StepShares, Ticker

        self._console = Console(stderr=True)
        self._progress: Progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[step]}"),
            console=self._console,
            disable=not self._console.is_terminal,
            transient=True,
        )
        self._lock = threading.Lock()
        self._batch: TaskID = self._progress.add_task("all videos", total=None, step="looking for videos")
        self._videos: dict[str, tuple[TaskID, StepShares]] = {}
        self._total = self._finished = self._skipped = 0
        self._start = time.monotonic()
        self._ticker = None if self._console.is_terminal else Ticker(self._print_line, seconds=LINE_SECONDS)

    def found(self, total: int) -> None:
        """Show how many videos lie in the folder."""
        with self._lock:
            self._total = total
            self._show_batch()

    def step(self, video: str, step: str, share: float) -> None:
        """Show how far a video is."""
        from rich.markup import escape

        from mtmm_video.flows.progress import StepShares, readable_time

        with self._lock:
            if video not in self._videos:
                task = self._progress.add_task(escape(video), total=1.0, step="")
                self._videos[video] = (task, StepShares())
            task, shares = self._videos[video]
            shares.note(step, share)
            left = readable_time(shares.remaining())
            self._progress.update(task, completed=shares.done, step=f"{shares.done:.0%} {shares.description} {left}")
            self._show_batch()

    def finished(self, outcome: Outcome) -> None:
        """Take a video's line away."""
        with self._lock:
            if outcome.path in self._videos:
                self._progress.remove_task(self._videos.pop(outcome.path)[0])
            self._finished += 1
            self._skipped += outcome.status == "skipped"
            self._show_batch()
        if not self._console.is_terminal:
            line = f"{outcome.status}: {outcome.path}" + (f" ({outcome.reason})" if outcome.reason else "")
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _line(self) -> str:
        from mtmm_video.flows.progress import batch_line

        running = {name: shares for name, (_, shares) in self._videos.items()}
        work = self._total - self._skipped  # what was finished before costs no time, so the estimate leaves it out
        seconds = time.monotonic() - self._start
        return batch_line(finished=self._finished - self._skipped, total=work, running=running, seconds=seconds)

    def _show_batch(self) -> None:
        self._progress.update(self._batch, total=self._total, completed=self._finished, step=self._line())

    def _print_line(self) -> None:
        with self._lock:
            if self._finished < self._total:
                self._console.print(self._line(), markup=False, highlight=False, soft_wrap=True)

    def __enter__(self) -> LiveView:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()
        if self._ticker is not None:
            self._ticker.close()
