"""`mtmm-video extract`: options reach the pipeline, what was written is printed, trouble is one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from mtmm_video.flows.commands import extract as command
from mtmm_video.foundation.errors import InputError, MediaError
from mtmm_video.pipeline import extraction


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer()
    command.register(app)
    app.command("other")(lambda: None)  # with a single command, typer drops its name
    return app


def test_options_reach_the_pipeline_and_paths_are_printed(
    app: typer.Typer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, Any] = {}

    def record(path: Path, **arguments: Any) -> dict[str, Path]:
        seen.update(path=path, **arguments)
        return {"words": arguments["out"] / "words.csd"}

    monkeypatch.setattr(extraction, "extract", record)
    arguments = ["--out", str(tmp_path), "--format", "csd", "--asr", "tiny.en", "--visual", "none", "--no-cache"]
    result = CliRunner().invoke(app, ["extract", *arguments, "--", "-talk.mp4"])
    assert result.exit_code == 0, result.output
    assert result.output.strip() == str(tmp_path / "words.csd")
    assert seen["path"] == Path("-talk.mp4")
    assert seen["file_format"] == "csd"
    options = seen["options"]
    assert (options.asr, options.visual, options.cache) == ("tiny.en", "none", False)


def test_a_wrong_format_and_a_missing_file_are_said(app: typer.Typer, tmp_path: Path) -> None:
    run = CliRunner().invoke
    absent = str(tmp_path / "absent.mp4")
    out = ["--out", str(tmp_path / "out")]
    assert isinstance(run(app, ["extract", absent, *out, "--format", "xlsx"]).exception, InputError)
    assert isinstance(run(app, ["extract", absent, *out]).exception, MediaError)
    assert not (tmp_path / "out").exists()
