"""``mtmm-video analyze VIDEO...``: raw videos in, labelled utterances out."""

from __future__ import annotations

import os
import sys
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mtmm_video.flows.option_parameters import with_options
from mtmm_video.foundation.errors import InputError, MtmmError, StoreError
from mtmm_video.foundation.names import printable
from mtmm_video.pipeline.options import AnalyzeOptions

# What is slow to import is imported in the functions: `mtmm-video --help` answers within a second.
# ruff: noqa: PLC0415
if TYPE_CHECKING:
    from mtmm_video.flows.prefect_api import LocalServer
    from mtmm_video.flows.progress import VideoProgress
    from mtmm_video.pipeline.analysis import Analysis
    from mtmm_video.pipeline.store.local import Store

# ``readable=False``: typer's own check would end in a box and exit code 2, and come before the rest of the videos.
Videos = Annotated[
    list[Path], typer.Argument(metavar="VIDEO...", readable=False, help="Videos, or sound files, in any format.")
]
Out = Annotated[Path, typer.Option(readable=False, help="Folder for the reports.")]
Verbose = Annotated[bool, typer.Option("--verbose", help="Show what Prefect logs.")]
VerboseFlow = Annotated[bool, typer.Option("--verbose", help="Run as a Prefect flow, and show what Prefect logs.")]


def register(app: typer.Typer) -> None:
    """Add the ``analyze`` command to the command line."""
    app.command("analyze")(analyze)


@with_options()
def analyze(videos: Videos, *, out: Out = Path("out"), options: AnalyzeOptions, verbose: VerboseFlow = False) -> None:
    """Label the utterances of videos with sentiment and six emotions.

    Writes ``OUT/NAME.csv``, ``.json`` and ``.html`` for each video and shows its utterances. What was computed is kept:
    the same command again takes seconds, and one that was killed goes on where it was.
    """
    from rich.console import Console

    from mtmm_video.flows.native_log import without_native_log
    from mtmm_video.flows.progress import VideoProgress
    from mtmm_video.pipeline.store.local import Store

    _refuse_collisions(videos)
    if options.transcript is not None and len(videos) > 1:
        raise InputError("--transcript: belongs to one video; name one video at a time")
    prepare_folder(out)
    store = Store.default()
    failed = 0
    with ExitStack() as stack:
        api = _LazyApi(stack, verbose=verbose)
        if not verbose:
            stack.enter_context(without_native_log())
        progress = stack.enter_context(VideoProgress(quiet=verbose))
        for video in videos:
            try:
                analysis = _analyze_one(video, out=out, options=options, store=store, api=api, progress=progress)
            except MtmmError as error:
                failed += 1
                print(f"mtmm-video: error: {printable(' '.join(str(error).split()))}", file=sys.stderr)
                continue
            finally:
                progress.end()
            _show(Console(), analysis, out=out, formats=options.formats)
    if failed:
        raise typer.Exit(1)


def prepare_folder(out: Path) -> None:
    """Create the folder for the reports, before hours of work that would end without a place to write to.

    Raises
    ------
    StoreError
        If it cannot be created or written.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{out}: the folder cannot be created ({error.strerror}); choose another --out") from error
    if not os.access(out, os.W_OK | os.X_OK):
        raise StoreError(f"{out}: the folder cannot be written; choose another --out")


class _LazyApi:
    """The Prefect API, started when the first video needs work and not before, and while the libraries load.

    Attributes
    ----------
    is_watched : bool
        Whether anybody sees the runs: on a Prefect server of the user's own, or in the log of ``--verbose``. Where
        nobody does, the steps run without Prefect, which would take seconds to start.
    """

    def __init__(self, stack: ExitStack, *, verbose: bool) -> None:
        from mtmm_video.flows.prefect_api import has_own_server

        self._stack = stack
        self._verbose = verbose
        self._server: LocalServer | None = None
        self._entered = False
        self.is_watched = verbose or has_own_server()

    def start(self) -> None:
        """Begin to start it; returns at once."""
        from mtmm_video.flows.prefect_api import LocalServer, has_own_server, settle_environment

        settle_environment(verbose=self._verbose)
        if self._server is None and not has_own_server():
            self._server = self._stack.enter_context(LocalServer())

    def enter(self) -> None:
        """Wait until it answers."""
        self.start()
        if not self._entered:
            from mtmm_video.flows.prefect_api import prefect_api

            self._stack.enter_context(prefect_api(self._server))
            self._entered = True


def _analyze_one(
    video: Path, *, out: Path, options: AnalyzeOptions, store: Store, api: _LazyApi, progress: VideoProgress
) -> Analysis:
    from mtmm_video.pipeline.store.local import hash_video

    progress.begin(video)
    content = hash_video(video)
    if api.is_watched and (not options.cache or not any((store.root / content).glob("prediction-*"))):
        api.start()  # surely needed; it gets ready while the next lines load the libraries
    from mtmm_video.pipeline.job import Job
    from mtmm_video.pipeline.run import finish, run_steps, stored_results

    job = Job.prepare(video, options=options, store=store, content=content)
    results = stored_results(job)
    if results is not None or not api.is_watched:
        with store.locked(content):
            return finish(job, results or run_steps(job, hook=progress), out=out, hook=progress)
    api.enter()
    from mtmm_video.flows.analyze_flow import HOOK, analyze_video
    from mtmm_video.flows.prefect_api import naming_api_failures

    token = HOOK.set(progress)
    try:
        with naming_api_failures():
            return analyze_video(str(video), out=str(out), options=options, content=content)
    finally:
        HOOK.reset(token)


def _refuse_collisions(videos: list[Path]) -> None:
    names = Counter(video.stem for video in videos)
    for name, count in names.items():
        if count > 1:
            paths = ", ".join(str(video) for video in videos if video.stem == name)
            raise InputError(f"{paths}: would all be reported as {name!r}; analyse them into different --out folders")


def _show(console: object, analysis: Analysis, *, out: Path, formats: tuple[str, ...]) -> None:
    from rich.console import Console

    from mtmm_video.pipeline.reports.terminal import utterance_table
    from mtmm_video.pipeline.reports.writers import FORMATS

    assert isinstance(console, Console)
    console.print(utterance_table(analysis))
    files = printable(", ".join(str(out / f"{analysis.source.name}{FORMATS[name].suffix}") for name in formats))
    console.print(f"Reports: {files}", soft_wrap=True, highlight=False, markup=False)
