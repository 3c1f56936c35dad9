"""The cells of docs/python_api.md run as they stand, one after the other."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import mtmm_video
from mtmm_video.foundation.errors import MediaError, WeightsError
from mtmm_video.pipeline.analysis import Analysis

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = json.loads((ROOT / "docs" / "notebook.ipynb").read_text(encoding="utf-8"))
CELLS = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "python_api.md").read_text(encoding="utf-8"), re.DOTALL)


def run_cells() -> dict[str, Any]:
    names: dict[str, Any] = {}
    for number, cell in enumerate(CELLS):
        exec(compile(cell, f"docs/python_api.md, cell {number}", "exec"), names)
    return names


def test_the_cells_run_on_any_analysis(
    short_analysis: Analysis, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def analyze(path: str, *, hook: object = None) -> Analysis:
        if not Path(path).is_file():
            raise MediaError(f"{path}: no such file")
        return short_analysis

    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(mtmm_video, "analyze", analyze, raising=False)
    names = run_cells()
    assert len(names["everything"]) == len(short_analysis.utterances)
    assert len(names["figure"].axes) == 2
    shown = capsys.readouterr().out
    assert "positive 0.88  happy, surprise  I love this film" in shown
    assert "no_such_file.mp4: no such file" in shown


def test_the_notebook_runs_and_draws(short_analysis: Analysis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(mtmm_video, "analyze", lambda path: short_analysis, raising=False)
    names: dict[str, Any] = {}
    for cell in NOTEBOOK["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []  # no recording of anybody is kept in the repository by way of a notebook
            exec(compile("".join(cell["source"]), "docs/notebook.ipynb", "exec"), names)
    assert len(names["figure"].axes) == 2
    assert names["figure"]._repr_png_().startswith(b"\x89PNG")  # else a notebook shows its name and size alone
    assert len(names["both"]) == 2 * len(short_analysis.utterances)


@pytest.mark.slow
def test_the_cells_run_on_the_sample_video(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from mtmm_video.model.checkpoint_file import load_specification, resolve_checkpoint
    from mtmm_video.pipeline.job import needed_weights
    from mtmm_video.pipeline.options import AnalyzeOptions
    from mtmm_video.pipeline.weights.resolution import resolve

    options = AnalyzeOptions()
    specification = load_specification(resolve_checkpoint(options.model))
    try:
        for name in needed_weights(options, specification=specification):
            resolve(name)
    except WeightsError as error:
        pytest.skip(str(error))
    monkeypatch.chdir(ROOT)
    names = run_cells()
    assert set(names["frame"]["sentiment"]) == {"positive"}
    assert "wonderful weekend" in capsys.readouterr().out
