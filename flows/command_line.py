"""The commands of `mtmm-video`: every one lives in `flows/commands`; ``--help`` imports nothing heavy."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Annotated, Any

import typer
import typer.core

from mtmm_video.flows import commands
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
