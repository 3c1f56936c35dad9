"""Training from the corpora: the flow and the command run the same stages, and none twice without a reason."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from mtmm_video.flows.command_line import app
from mtmm_video.flows.training_flow import train_model
from mtmm_video.foundation.errors import InputError
from mtmm_video.model.recipes import PAPER, Recipe
from mtmm_video.pipeline.training.paper import paper_stages
from mtmm_video.pipeline.training.stages import StageGraph

HEADER = (
    "video_id,segment_id,split,order_by_text_start,start,end,text_start,timebase_suspect,text,sentiment,anger,disgust,"
    "fear,happy,sad,surprise"
)
WORDS = {1: "a wonderful and happy film", -1: "a sad and terrible film"}


def write_labels(folder: Path) -> None:
    """Write three splits of four videos with four utterances each, whose words give their sentiment away."""
    random = np.random.default_rng(0)
    for split in ("train", "valid", "test"):
        lines = [HEADER]
        for video in range(4):
            for order in range(4):
                sign = int(random.choice([-1, 1]))
                happy, sad = (1.0, 0.0) if sign > 0 else (0.0, 1.0)
                lines.append(
                    f"{split}{video},{order},{split},{order},{order}.0,{order}.9,{order}.0,False,"
                    f'"{WORDS[sign]}",{float(sign)},0.0,0.0,0.0,{happy},{sad},0.0'
                )
        with gzip.open(folder / f"{split}.csv.gz", "wt", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of corpora with MOSEI's labels alone, and GloVe vectors of their words."""
    labels = tmp_path / "data" / "mosei" / "labels"
    labels.mkdir(parents=True)
    write_labels(labels)
    glove = tmp_path / "glove"
    glove.mkdir()
    words = sorted({word for text in WORDS.values() for word in text.split()})
    vectors = np.random.default_rng(1).normal(size=(len(words), 5)).astype(np.float32)
    np.save(glove / "vectors.npy", vectors)
    (glove / "words.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    monkeypatch.setattr("mtmm_video.pipeline.weights.resolution.resolve", lambda name: glove)
    return tmp_path / "data"


def times(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


@pytest.mark.slow
@pytest.mark.usefixtures("own_server")
def test_the_flow_makes_a_model_and_its_card_once(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "training"
    outputs = train_model(str(data), model="paper", out=str(out), seeds=(1, 2))
    assert [path.name for path in outputs] == [
        "mosei-glove.safetensors",
        "paper-1.safetensors",
        "paper-2.safetensors",
        "paper-valid.json",
        "paper.safetensors",
        "paper-card.md",
    ]
    card = outputs[-1].read_text(encoding="utf-8")
    assert "2 seeds on valid" in card
    assert card.count("| paper-") == 2
    figures = json.loads((out / "paper-valid.json").read_text(encoding="utf-8"))
    assert figures["paper-1"]["mosei"]["sentiment"]["utterances"] == 16, "four videos of four"
    chosen = (out / "paper.safetensors").read_bytes()
    assert chosen in [(out / f"paper-{seed}.safetensors").read_bytes() for seed in (1, 2)]
    assert not [path for path in out.iterdir() if path.name.startswith(".")], "no partial results are left"

    before = times(out)
    assert train_model(str(data), model="paper", out=str(out), seeds=(1, 2)) == outputs
    assert times(out) == before


def run_stages(data: Path, out: Path, *, recipe: Recipe) -> list[str]:
    graph = StageGraph(paper_stages(data, seeds=(1,), recipe=recipe), folder=out)
    return [stage.name for stage in graph.upto(None) if graph.run(stage.name)]


def edit_label(path: Path, *, column: str, value: str) -> None:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        lines = file.read().splitlines()
    cells = lines[1].split(",")
    cells[lines[0].split(",").index(column)] = value
    lines[1] = ",".join(cells)
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


def test_a_network_is_trained_again_where_recipe_or_labels_changed(data: Path, tmp_path: Path) -> None:
    recipe, out = replace(PAPER, name="small", hidden=8, dense=8, epochs=2), tmp_path / "out"
    everything = ["mosei-glove", "small-1", "small-valid", "small", "small-card"]
    assert run_stages(data, out, recipe=recipe) == everything
    assert run_stages(data, out, recipe=recipe) == []
    first = (out / "small-1.safetensors").read_bytes()
    assert "small-1" in run_stages(data, out, recipe=replace(recipe, learning_rate=0.01))
    assert (out / "small-1.safetensors").read_bytes() != first
    assert "small-1" in run_stages(data, out, recipe=recipe)
    assert (out / "small-1.safetensors").read_bytes() == first, "the same seed, recipe and data"
    edit_label(data / "mosei" / "labels" / "valid.csv.gz", column="surprise", value="2.0")
    assert {"mosei-glove", "small-1"} <= set(run_stages(data, out, recipe=recipe))
    edit_label(data / "mosei" / "labels" / "train.csv.gz", column="sad", value="3.0")  # an intensity
    assert {"mosei-glove", "small-1"} <= set(run_stages(data, out, recipe=recipe))


def test_the_command_makes_one_stage_and_lists_them(data: Path, tmp_path: Path) -> None:
    def call(*arguments: str) -> str:
        return (
            CliRunner()
            .invoke(app, ["train", "paper", "--data", str(data), "--out", str(tmp_path / "out"), *arguments])
            .output
        )

    assert call("--seeds", "3", "--list").count("to be made") == 5
    printed = call("--stage", "mosei-glove")
    assert "mosei-glove.safetensors made" in printed.replace("\n", "")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "mosei-glove.safetensors",
        "mosei-glove.safetensors.stage.json",
    ]
    assert "is current" in call("--stage", "mosei-glove").replace("\n", " ")
    assert call("--seeds", "3", "--list").count("to be made") == 4
    result = CliRunner().invoke(app, ["train", "paper", "--data", str(data), "--out", "x", "--seeds", "one"])
    assert isinstance(result.exception, InputError)
