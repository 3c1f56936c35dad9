"""`mtmm-video`, the command line: every subcommand lives in `flows/commands`; ``--help`` imports nothing heavy."""

from __future__ import annotations

import importlib
import io
import pkgutil
import sys
from typing import Annotated, Any

import typer
import typer.core

from mtmm_video.flows import commands
from mtmm_video.flows.interruption import prompt_exit
from mtmm_video.foundation.errors import MtmmError
from mtmm_video.foundation.names import printable
from mtmm_video.foundation.version import __version__

# The order of the help: analysing, then maintenance; the rest follows by name.
FIRST = ("analyze", "batch", "serve", "show", "weights", "cache", "doctor")


class PlainHelp(typer.core.TyperGroup):
    """Commands whose help leaves out Python's own words: a switch has no type, and an argument's name says enough."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the options of all commands together, without types."""
        parameters: list[Any] = super().get_params(ctx)
        for parameter in parameters:
            _leave_out_type(parameter)
        return parameters

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command, the parameters of it and of those below it without types that say nothing to a person."""
        command: Any = super().get_command(ctx, cmd_name)
        below = [] if command is None else [command]
        while below:
            one = below.pop()
            for parameter in (*one.params, one.get_help_option(ctx)):
                _leave_out_type(parameter)
            below.extend(getattr(one, "commands", {}).values())
        return command


def _leave_out_type(parameter: Any) -> None:
    if getattr(parameter, "is_flag", False):
        parameter.metavar = ""
    elif parameter.param_type_name == "argument":
        parameter.display_type_rich = lambda ctx: None
    elif parameter.multiple and parameter.metavar is None:
        parameter.metavar = "NAME"


app = typer.Typer(
    name="mtmm-video",
    cls=PlainHelp,
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
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal of cp1252 or latin-1 shows what it can, without traceback
            stream.reconfigure(errors="replace")
    with prompt_exit():
        try:
            app()
        except MtmmError as error:
            message = printable(" ".join(str(error).split()))
            print(f"mtmm-video: error: {message}", file=sys.stderr)
            sys.exit(1)


if __name__ == "__main__":
    main()
