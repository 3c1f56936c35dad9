"""``mtmm-video cite``: a methods paragraph with versions and references."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the ``cite`` command to the command line."""
    app.command("cite")(cite)


def cite(
    source: Annotated[
        Path,
        typer.Argument(metavar="FILE", readable=False, help="Report (NAME.json) or checkpoint (NAME.safetensors)."),
    ],
) -> None:
    """Print a methods paragraph for a publication: what was used, in which versions, and whom to cite."""
    from mtmm_video.pipeline.citation import cite as paragraph  # noqa: PLC0415 - `--help` answers within a second

    typer.echo(paragraph(source))
