"""`mtmm-video`, the command line: every subcommand lives in `flows/commands`; ``--help`` imports nothing heavy."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from typing import Annotated

import typer

from mtmm_video.flows import commands
from mtmm_video.flows.interruption import INTERRUPTED, end_now, prompt_exit
from mtmm_video.foundation.errors import MtmmError
from mtmm_video.foundation.version import __version__

# In the order of the help: what everybody uses, then what looks after it, then research. The rest follows by name.
FIRST = ("analyze", "batch", "serve", "show", "weights", "cache", "doctor")

app = typer.Typer(
    name="mtmm-video",
    help="A raw talking video in, labelled utterances out: sentiment and six emotions, with the attention behind them.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"mtmm-video {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


def _rank(name: str) -> tuple[int, str]:
    return (FIRST.index(name) if name in FIRST else len(FIRST), name)


for _name in sorted((module.name for module in pkgutil.iter_modules(commands.__path__)), key=_rank):
    importlib.import_module(f"mtmm_video.flows.commands.{_name}").register(app)


def main() -> None:
    """Run the command line; an error that was raised on purpose becomes one line and exit code 1."""
    with prompt_exit():
        try:
            app()
        except MtmmError as error:
            message = " ".join(str(error).split())
            print(f"mtmm-video: error: {message}", file=sys.stderr)
            sys.exit(1)
        except SystemExit as leaving:
            if leaving.code == INTERRUPTED:  # typer's answer to KeyboardInterrupt
                end_now()
            raise


if __name__ == "__main__":
    main()
