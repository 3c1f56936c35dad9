"""``mtmm-video weights list | fetch | verify``: the pretrained weights on this machine."""

from __future__ import annotations

from typing import Annotated

import typer

Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="[NAME]...", help="Weights; without a name, all but the larger recognisers."),
]


def register(app: typer.Typer) -> None:
    """Add the ``weights`` commands to the command line."""
    commands = typer.Typer(no_args_is_help=True, help="List, fetch and verify the pretrained weights.")
    commands.command("list")(show)
    commands.command("fetch")(fetch)
    commands.command("verify")(verify)
    app.add_typer(commands, name="weights")


def show() -> None:
    """Show every weight, whether it is on this machine, and its path."""
    from mtmm_video.pipeline.weights.resolution import list_weights  # noqa: PLC0415 - `mtmm-video --help` answers within a second

    for status in list_weights():
        weight = status.weight
        typer.echo(f"{weight.name:<18} {status.state:<8} {weight.purpose} [{weight.licence}]")
        typer.echo(f"{'':<18} {'':<8} {f'{status.path} ({status.detail})' if status.path else status.detail}")


def fetch(names: Names = None) -> None:
    """Bring weights to this machine, each checked against its pinned SHA-256. What is there is left alone."""
    from rich.console import Console  # noqa: PLC0415 - as above
    from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn  # noqa: PLC0415

    from mtmm_video.pipeline.weights import resolution  # noqa: PLC0415
    from mtmm_video.pipeline.weights.ctranslate2_form import prepare_form  # noqa: PLC0415
    from mtmm_video.pipeline.weights.manifest import MANIFEST  # noqa: PLC0415

    columns = (TextColumn("{task.description:<44}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        for name in names or [weight.name for weight in MANIFEST.values() if not weight.by_name]:
            task = bar.add_task(name, total=None)

            def advance(what: str, done: int, total: int | None, task: TaskID = task, name: str = name) -> None:
                bar.update(task, description=f"{name}: {what}"[:44], completed=done, total=total)

            path = resolution.fetch(name, progress=advance)
            bar.update(task, description=f"{name}: written as analyses read it"[:44], total=None)
            prepare_form(name)
            bar.remove_task(task)
            bar.console.print(f"{name}: {path}", highlight=False, soft_wrap=True)


def verify(names: Names = None) -> None:
    """Hash weights again and compare; exits with 1 where one is absent or damaged."""
    from mtmm_video.pipeline.weights import resolution  # noqa: PLC0415
    from mtmm_video.pipeline.weights.manifest import MANIFEST  # noqa: PLC0415

    for name in names or [weight.name for weight in MANIFEST.values() if not weight.by_name]:
        typer.echo(f"{name}: {resolution.verify(name)}")
