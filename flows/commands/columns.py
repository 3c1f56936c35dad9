"""``mtmm-video columns``: what each column of the tables means."""

from __future__ import annotations

from typing import Annotated

import typer

# What is slow to import is imported in the function: `mtmm-video --help` answers within a second.
# ruff: noqa: PLC0415

Markdown = Annotated[bool, typer.Option("--markdown", help="Print docs/columns.md.")]


def register(app: typer.Typer) -> None:
    """Add the ``columns`` command to the command line."""
    app.command("columns")(columns)


def columns(*, markdown: Markdown = False) -> None:
    """Explain the columns of the CSV and Parquet tables and of data frames."""
    from rich.console import Console
    from rich.table import Table

    from mtmm_video.pipeline.reports.columns import COLUMNS, codebook

    if markdown:
        typer.echo(codebook(), nl=False)
        return
    table = Table("column", "type", "unit or range", "meaning")
    for column in COLUMNS:
        table.add_row(column.name, column.type, column.unit, column.description)
    Console().print(table)
