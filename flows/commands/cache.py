"""``mtmm-video cache list | prune``: the step artefacts on this machine, never those of a shared store."""

from __future__ import annotations

import time
from collections import defaultdict
from typing import TYPE_CHECKING, Annotated

import typer

from mtmm_video.flows.sizes import parse_age, parse_size, show_size
from mtmm_video.foundation.errors import InputError

# What is slow to import is imported in the functions: `mtmm-video --help` answers within a second.
# ruff: noqa: PLC0415
if TYPE_CHECKING:
    from mtmm_video.pipeline.store.local import Artefact

SECONDS_PER_DAY = 86_400

OlderThan = Annotated[str | None, typer.Option(metavar="AGE", help="Not used for so long, such as 30d or 12h.")]
MaxSize = Annotated[str | None, typer.Option(metavar="SIZE", help="Keep at most so much, such as 20GB, newest first.")]


def register(app: typer.Typer) -> None:
    """Add the ``cache`` commands to the command line."""
    commands = typer.Typer(no_args_is_help=True, help="List and prune what earlier analyses left for later ones.")
    commands.command("list")(show)
    commands.command("prune")(prune)
    app.add_typer(commands, name="cache")


def show() -> None:
    """Show what is stored on this machine per video: steps, size, and when it was last used."""
    from rich.console import Console
    from rich.table import Table

    from mtmm_video.pipeline.store.local import Store

    store = Store.default()
    videos: dict[str, list[Artefact]] = defaultdict(list)
    for artefact in store.artefacts():
        videos[artefact.content].append(artefact)
    table = Table("video (SHA-256)", "steps", "size", "last used")
    for content, artefacts in sorted(videos.items(), key=lambda item: -max(entry.used for entry in item[1])):
        days = (time.time() - max(entry.used for entry in artefacts)) / SECONDS_PER_DAY
        table.add_row(
            content[:16],
            ", ".join(sorted({entry.step for entry in artefacts})),
            show_size(sum(entry.size for entry in artefacts)),
            "today" if days < 1 else f"{days:.0f} days ago",
        )
    console = Console()
    console.print(table)
    total = sum(entry.size for artefacts in videos.values() for entry in artefacts)
    console.print(f"{len(videos)} videos, {show_size(total)} in {store.root}", markup=False, highlight=False)
    if store.shared is not None:
        console.print(f"Shared store, not listed here: {store.shared.url}", markup=False, highlight=False)


def prune(*, older_than: OlderThan = None, max_size: MaxSize = None) -> None:
    """Delete artefacts on this machine by age, by size, or both. They can be made again; reports are never touched."""
    from mtmm_video.pipeline.store.local import Store

    if older_than is None and max_size is None:
        raise InputError("cache prune: say what may go, with --older-than 30d, --max-size 20GB, or both")
    deleted = Store.default().prune(
        older_than=None if older_than is None else parse_age(older_than),
        max_size=None if max_size is None else int(parse_size(max_size)),
    )
    typer.echo(f"Deleted {len(deleted)} artefacts, {show_size(sum(entry.size for entry in deleted))}.")
