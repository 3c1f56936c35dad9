"""`docs/cli.md` written from the command line itself: ``python -m mtmm_video.flows.reference > docs/cli.md``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import typer.main

from mtmm_video.flows.command_line import app

HEAD = """\
# Command line

Made from the commands themselves by `python -m mtmm_video.flows.reference > docs/cli.md`; a test compares the two.
Every command answers `--help`. Errors are one line on standard error with exit code 1.

## Shell completion

    mtmm-video --install-completion

adds completion of commands and options to the shell you are in (bash, zsh, fish or PowerShell). It takes effect in the
next shell. `mtmm-video --show-completion` prints the script instead, to put where you want it.
"""


def cli_reference() -> str:
    """Return the reference of all commands as Markdown."""
    root: Any = typer.main.get_command(app)
    sections = [
        section for name, command in root.commands.items() for section in _sections(f"mtmm-video {name}", command)
    ]
    overview = "\n".join(
        f"| [`{name}`](#mtmm-video-{name}) | {_first_sentence(command.help)} |"
        for name, command in root.commands.items()
    )
    table = f"## Commands\n\n| command | what it does |\n|---|---|\n{overview}\n"
    return "\n".join([HEAD, table, *sections])


def _sections(path: str, command: Any) -> Iterator[str]:
    """Yield the section of a command, or those of a group's commands."""
    members = getattr(command, "commands", None)
    if members is not None:
        yield f"## {path}\n\n{_text(command.help)}\n"
        for name, member in members.items():
            yield from (section.replace("## ", "### ", 1) for section in _sections(f"{path} {name}", member))
        return
    arguments = [parameter for parameter in command.params if not parameter.opts[0].startswith("-")]
    options = [parameter for parameter in command.params if parameter.opts[0].startswith("-")]
    usage = " ".join([path, *(["[OPTIONS]"] if options else []), *(_placeholder(argument) for argument in arguments)])
    lines = [f"## {path}", "", _text(command.help), "", f"    {usage}", ""]
    rows = [(f"`{_placeholder(argument)}`", _text(argument.help), _default(argument)) for argument in arguments]
    rows += [(_option(option), _text(option.help), _default(option)) for option in options]
    if rows:
        lines += ["| argument or option | meaning | default |", "|---|---|---|"]
        lines += [f"| {name} | {meaning} | {default} |" for name, meaning, default in rows]
        lines.append("")
    yield "\n".join(lines)


def _text(text: str | None) -> str:
    """Return help text as Markdown: reStructuredText's double backticks become single ones."""
    return (text or "").replace("``", "`").replace("|", "\\|").strip()


def _first_sentence(text: str | None) -> str:
    return _text(text).split("\n\n")[0].replace("\n", " ")


def _placeholder(parameter: Any) -> str:
    name = parameter.metavar or parameter.name.upper()
    return name if parameter.required or name.startswith("[") else f"[{name}]"


def _option(option: Any) -> str:
    value = "" if option.is_flag else f" {option.metavar or option.name.upper().replace('_', '-')}"
    names = [*option.opts, *option.secondary_opts]
    return ", ".join(f"`{name}{value}`" for name in names)


def _default(parameter: Any) -> str:
    if parameter.required:
        return "required"
    if parameter.default is None or parameter.default is False or parameter.default in ("", ()):
        return ""
    return f"`{parameter.default}`"


if __name__ == "__main__":
    sys.stdout.write(cli_reference())
