"""What a person sees while videos are analysed: one line per video, with the step it is at."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from mtmm_video.pipeline import graph

# What is shown while a step runs, and its share of the time.
STEPS: dict[str, tuple[str, float]] = {
    **{step.name: (step.description, step.share) for step in graph.STEPS},
    "reports": ("writing reports", 0.0),
}


class VideoProgress:
    """A live display on standard error; silent where that is no terminal.

    It is a `pipeline.job.Hook` for the video that was last begun.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[step]}"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            disable=quiet or not Console(stderr=True).is_terminal,
            transient=True,
        )
        self._task: TaskID | None = None
        self._before = 0.0  # share of the time that the finished steps take

    def begin(self, video: Path) -> None:
        """Show a new line for a video."""
        self.end()
        self._before = 0.0
        self._task = self._progress.add_task(escape(video.name), total=1.0, step="reading")

    def end(self) -> None:
        """Take the video's line away."""
        if self._task is not None:
            self._progress.remove_task(self._task)
            self._task = None

    def __call__(self, step: str, artefact: Path | None = None, *, share: float | None = None) -> None:
        """Note what the pipeline says (see `pipeline.job.Hook`)."""
        if self._task is None:
            return
        label, weight = STEPS[step]
        if artefact is not None:
            self._before += weight
            self._progress.update(self._task, completed=self._before, step=label)
        else:
            self._progress.update(self._task, completed=self._before + weight * (share or 0.0), step=label)

    def __enter__(self) -> VideoProgress:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()
        self._progress.stop()
