"""``mtmm-video extract FILE``: the measured features, words and utterances for other tools."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mtmm_video.flows.option_parameters import with_options
from mtmm_video.pipeline.options import AnalyzeOptions

# What is slow to import is imported in the function: `mtmm-video --help` answers within a second.
# ruff: noqa: PLC0415

Source = Annotated[
    Path, typer.Argument(metavar="FILE", readable=False, help="A video, or a sound file, in any format.")
]
Out = Annotated[Path, typer.Option(help="Folder for the tables.")]
Format = Annotated[str, typer.Option("--format", help="parquet, csv, or csd (the CMU SDK's HDF5).")]


def register(app: typer.Typer) -> None:
    """Add the ``extract`` command to the command line."""
    app.command("extract")(extract)


@with_options(leave_out=("formats", "embed", "plain"))
def extract(
    source: Source, *, out: Out = Path("features"), file_format: Format = "parquet", options: AnalyzeOptions
) -> None:
    """Write the features that an analysis measures: acoustic and visual frames, words, utterances.

    Writes ``OUT/acoustic``, ``visual``, ``words`` and ``utterances``. What an analysis of the same file has computed is
    not computed again.
    """
    from mtmm_video.flows.native_log import without_native_log
    from mtmm_video.flows.progress import VideoProgress
    from mtmm_video.pipeline.extraction import extract as extract_file

    with without_native_log(), VideoProgress() as progress:
        progress.begin(source)
        paths = extract_file(source, out=out, file_format=file_format, options=options, hook=progress)
    for path in paths.values():
        typer.echo(path)
