"""The documents say what the commands do."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer.main
from typer.testing import CliRunner

from mtmm_video.flows.command_line import app
from mtmm_video.flows.reference import cli_reference

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "cli.md"


def test_the_reference_is_current() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == cli_reference(), (
        "run: python -m mtmm_video.flows.reference > docs/cli.md"
    )


def test_every_command_and_option_is_explained() -> None:
    def check(path: str, command: object) -> None:
        assert getattr(command, "help", None), f"{path} has no help"
        for name, member in getattr(command, "commands", {}).items():
            check(f"{path} {name}", member)
        for parameter in command.params:  # type: ignore[attr-defined]
            if "completion" not in parameter.name and parameter.name != "help":
                assert getattr(parameter, "help", None), f"{path}: {parameter.name} has no help"

    check("mtmm-video", typer.main.get_command(app))


@pytest.mark.parametrize("command", ["", "analyze", "show", "weights fetch", "cache prune", "corpus prepare", "train"])
def test_no_help_names_a_type_of_python(command: str) -> None:
    result = CliRunner().invoke(app, [*command.split(), "--help"], env={"COLUMNS": "140"})
    assert result.exit_code == 0
    for name in ("<bool>", "<list"):
        assert name not in result.output
