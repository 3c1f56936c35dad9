"""``mtmm-video doctor``: does this machine have what an analysis needs."""

from __future__ import annotations

import typer

STYLES = {"ok": "green", "note": "yellow", "problem": "bold red"}


def register(app: typer.Typer) -> None:
    """Add the ``doctor`` command to the command line."""
    app.command("doctor")(doctor)


def doctor() -> None:
    """Check ffmpeg, weights, disk, memory, GPU and Prefect, and say what to do.

    Exits with 1 where something keeps an analysis from working. Only a Prefect server that you have configured yourself
    is asked over the network.
    """
    from rich.console import Console  # noqa: PLC0415 - `mtmm-video --help` answers within a second
    from rich.markup import escape  # noqa: PLC0415

    from mtmm_video.pipeline.doctor import examine  # noqa: PLC0415

    console = Console(highlight=False, soft_wrap=True)
    states = []
    for check in examine():
        states.append(check.state)
        line = f"[{STYLES[check.state]}]{check.state:<8}[/] {check.name:<26} {escape(check.detail)}"
        console.print(line)
        if check.advice:
            console.print(f"{'':<35} [bold]→[/] {escape(check.advice)}")
    problems, notes = states.count("problem"), states.count("note")
    if problems:
        console.print(f"\n{problems} of {len(states)} checks failed.")
        raise typer.Exit(1)
    console.print("\nReady." if not notes else f"\nReady, with {notes} things to know.")
