"""What a person sees while videos are analysed: how far each is, what it is at, and how long it may still take."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TaskProgressColumn, TextColumn

from mtmm_video.pipeline import graph

# What is shown while a step runs, and its share of the time.
STEPS: dict[str, tuple[str, float]] = {
    **{step.name: (step.description, step.share) for step in graph.STEPS},
    "reports": ("writing reports", 0.0),
}
LINE_SECONDS = 30.0  # between two lines where standard error is no terminal
EARLIEST_ESTIMATE = 0.03  # share of the work below which no remaining time is said: it would jump


class StepShares:
    """How far one video is, from what its steps report in any order and from any thread."""

    def __init__(self) -> None:
        self._shares: dict[str, float] = {}
        self._start = time.monotonic()
        self.step = ""  # the last one that reported

    def note(self, step: str, share: float) -> None:
        """Note that a step has done a share of its work, in [0, 1]; a share never shrinks."""
        self._shares[step] = max(share, self._shares.get(step, 0.0))
        if share < 1.0:
            self.step = step

    @property
    def done(self) -> float:
        """Share of the whole analysis, in [0, 1]; steps that do not apply to the video count as done at the end."""
        total = sum(weight for _, weight in STEPS.values())
        return sum(STEPS[name][1] * share for name, share in self._shares.items() if name in STEPS) / total

    @property
    def description(self) -> str:
        """What the last step does, in plain words."""
        return STEPS[self.step][0] if self.step in STEPS else "reading"

    def remaining(self) -> float | None:
        """Return the seconds that the rest takes at the pace so far; None while that says nothing."""
        done = self.done
        if done < EARLIEST_ESTIMATE:
            return None
        return (time.monotonic() - self._start) * (1.0 - done) / done


def readable_time(seconds: float | None) -> str:
    """Return a remaining time as people say it.

    >>> [readable_time(seconds) for seconds in (None, 8, 50, 100, 5000)]
    ['', 'some seconds left', 'about 1 min left', 'about 2 min left', 'about 1 h 23 min left']
    """
    if seconds is None:
        return ""
    if seconds < 20:
        return "some seconds left"
    minutes = max(round(seconds / 60), 1)
    return f"about {minutes} min left" if minutes < 60 else f"about {minutes // 60} h {minutes % 60} min left"


def progress_line(video: str, shares: StepShares) -> str:
    """Return one line about a video for a log."""
    parts = [f"{shares.done:.0%}", shares.description, readable_time(shares.remaining())]
    return f"{video}: {', '.join(part for part in parts if part)}"


class Ticker:
    """Calls a function again and again from a thread of its own, until it is closed."""

    def __init__(self, print_lines: Callable[[], None], *, seconds: float) -> None:
        self._stop = threading.Event()

        def run() -> None:
            while not self._stop.wait(seconds):
                print_lines()

        threading.Thread(target=run, daemon=True, name="progress").start()

    def close(self) -> None:
        """Stop calling."""
        self._stop.set()


class VideoProgress:
    """The display of the video that was last begun, on standard error; a `pipeline.job.Hook`.

    A live line with a bar on a terminal, and a plain line every `LINE_SECONDS` elsewhere.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        console = Console(stderr=True)
        self._is_live = console.is_terminal and not quiet
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            TaskProgressColumn(),
            TextColumn("{task.fields[step]}"),
            TextColumn("{task.fields[left]}"),
            console=console,
            disable=not self._is_live,
            transient=True,
        )
        self._quiet = quiet
        self._lock = threading.Lock()
        self._task: TaskID | None = None
        self._name = ""
        self._shares: StepShares | None = None
        self._ticker: Ticker | None = None

    def begin(self, video: Path) -> None:
        """Show a new line for a video."""
        self.end()
        with self._lock:
            self._name, self._shares = video.name, StepShares()
            self._task = self._progress.add_task(escape(video.name), total=1.0, step="reading", left="")

    def end(self) -> None:
        """Take the video's line away."""
        with self._lock:
            if self._task is not None:
                self._progress.remove_task(self._task)
            self._task = self._shares = None

    def __call__(self, step: str, artefact: Path | None = None, *, share: float | None = None) -> None:
        """Note what the pipeline says (see `pipeline.job.Hook`)."""
        with self._lock:
            if self._task is None or self._shares is None:
                return
            self._shares.note(step, 1.0 if artefact is not None else share or 0.0)
            self._progress.update(
                self._task,
                completed=self._shares.done,
                step=self._shares.description,
                left=readable_time(self._shares.remaining()),
            )

    def _print_line(self) -> None:
        with self._lock:
            if self._shares is not None:
                print(progress_line(self._name, self._shares), file=sys.stderr, flush=True)

    def __enter__(self) -> VideoProgress:
        self._progress.start()
        if not self._is_live and not self._quiet:
            self._ticker = Ticker(self._print_line, seconds=LINE_SECONDS)
        return self

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()
        self._progress.stop()
        if self._ticker is not None:
            self._ticker.close()


def batch_line(*, finished: int, total: int, running: Mapping[str, StepShares], seconds: float) -> str:
    """Return one line about a batch for a log: how many videos are finished, and how long the rest takes.

    Parameters
    ----------
    finished, total : int
        Videos.
    running : mapping of str to StepShares
        The videos that are being analysed.
    seconds : float
        Since the first video began.
    """
    done = finished + sum(shares.done for shares in running.values())
    # Loading the models takes the first seconds of a batch: of sixty videos one says how long the others take.
    told = done >= min(1.0, EARLIEST_ESTIMATE * total) and done > 0
    left = seconds * (total - done) / done if told else None
    text = readable_time(left)
    return f"{finished} of {total} videos" + (f", {text}" if text else "")
