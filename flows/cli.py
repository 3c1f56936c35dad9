"""`mtmm-video`, the command line: every subcommand lives in `flows/commands`; ``--help`` imports nothing heavy."""

from __future__ import annotations

import importlib
import sys
from typing import Annotated

import typer

from foundation.errors import MtmmError
from foundation.version import __version__

COMMANDS = ("analyze",)

app = typer.Typer(
    name="mtmm-video",
    help="A raw talking video in, labelled utterances out: sentiment and six emotions, with the attention behind them.",
    no_args_is_help=True,
    add_completion=False,
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


for _name in COMMANDS:
    importlib.import_module(f"flows.commands.{_name}").register(app)


def main() -> None:
    """Run the command line; an error that was raised on purpose becomes one line and exit code 1."""
    try:
        app()
    except MtmmError as error:
        message = " ".join(str(error).split())
        print(f"mtmm-video: error: {message}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)  # 128 + SIGINT, as shells report it


if __name__ == "__main__":
    main()
