"""mosei prepare, train, evaluate and explain, one after the other on a made-up corpus."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from mtmm_video.flows.commands import evaluate, explain, mosei, train
from mtmm_video.foundation.errors import CheckpointError, InputError, MtmmError
from mtmm_video.model.checkpoint import load_checkpoint

EMOTIONS = ("anger", "disgust", "fear", "happy", "sad", "surprise")


@pytest.fixture
def command():
    """Call the command line and return what it prints; errors come through as they were raised."""
    app = typer.Typer()
    for module in (mosei, train, evaluate, explain):
        module.register(app)

    def call(*arguments: str | Path) -> str:
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        if isinstance(result.exception, MtmmError):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.output

    return call


@pytest.fixture
def corpus(tmp_path, monkeypatch):
    """Labels of 60 videos whose sentiment stands in their words, and GloVe vectors of those words."""
    generator = np.random.default_rng(1)
    labels = tmp_path / "labels"
    labels.mkdir()
    for split, videos in (("train", 40), ("valid", 10), ("test", 10)):
        rows = []
        for video in range(videos):
            for segment in range(3):
                mood = generator.integers(2)
                felt = dict.fromkeys(EMOTIONS, 0.0) | {"happy" if mood else "sad": 1.0}
                felt |= {name: float(generator.random() < 0.3) for name in ("anger", "disgust", "fear", "surprise")}
                rows.append(
                    {
                        "video_id": f"{split}{video}",
                        "segment_id": segment,
                        "split": split,
                        "order_by_text_start": segment,
                        "text": "wonderful film" if mood else "dreadful film",
                        "sentiment": 1.0 if mood else -1.0,
                        **felt,
                    }
                )
        pd.DataFrame(rows).to_csv(labels / f"{split}.csv.gz", index=False)
    glove = tmp_path / "glove"
    glove.mkdir()
    np.save(glove / "vectors.npy", np.array([[1, 0], [-1, 0], [0, 1]], dtype=np.float32))
    (glove / "words.txt").write_text("wonderful\ndreadful\nfilm\n")
    monkeypatch.setattr("mtmm_video.pipeline.weights.resolution.resolve", lambda name: glove)
    return labels


def test_from_labels_to_figures_and_heat_maps(command, corpus, tmp_path):
    table, checkpoint = tmp_path / "table.safetensors", tmp_path / "tiny.safetensors"
    printed = command("mosei", "prepare", "--labels-csv", corpus, "--out", table)
    assert "16,274" not in printed  # our counts, not the corpus's
    assert "120 (16,216)" in printed  # found, and the paper's beside it
    printed = command("train", "--data", table, "--out", checkpoint, "--epochs", "2", "--model", "table-5")
    assert "epoch" in printed
    assert sorted(path.name for path in tmp_path.glob("*.safetensors")) == ["table.safetensors", "tiny.safetensors"]
    assert load_checkpoint(checkpoint).specification.columns["text"].version == "glove-6b-2d/1"

    report = json.loads(command("evaluate", "--model", checkpoint, "--data", table, "--split", "test", "--json"))
    assert report["sentiment"]["accuracy"] == 1.0
    assert set(report["emotion"]["classes"]) == set(EMOTIONS)
    assert {"weighted_accuracy", "f1_weighted"} <= set(report["emotion"])
    low, high = report["intervals_95"]["sentiment.accuracy"]
    assert low == high == 1.0
    printed = command("evaluate", "--model", checkpoint, "--data", table, "--bootstrap", "10")
    assert "100.0 (79.7)" in printed  # Table 4's T column
    assert "Table 7" in printed

    printed = command("explain", "--model", checkpoint, "--data", table, "--video", "valid3", "--out", tmp_path)
    assert "dreadful film" in printed or "wonderful film" in printed
    assert (tmp_path / "valid3.attention.png").read_bytes().startswith(b"\x89PNG")


def test_what_cannot_be_done_is_said(command, corpus, tmp_path):
    table = tmp_path / "table.safetensors"
    command("mosei", "prepare", "--labels-csv", corpus, "--out", table)
    with pytest.raises(InputError, match="either --csd"):
        command("mosei", "prepare", "--out", table)
    with pytest.raises(InputError, match="no training recipe"):
        command("train", "--data", table, "--out", tmp_path / "x.safetensors", "--model", "huge")
    with pytest.raises(MtmmError, match="acoustic"):
        command("train", "--data", table, "--out", tmp_path / "x.safetensors", "--modalities", "acoustic")
    with pytest.raises(InputError, match="smell"):
        command("train", "--data", table, "--out", tmp_path / "x.safetensors", "--modalities", "smell")
    with pytest.raises(InputError, match="dev"):
        command("evaluate", "--model", "paper", "--data", table, "--split", "dev")
    with pytest.raises(CheckpointError, match=r"missing\.safetensors"):
        command("evaluate", "--model", tmp_path / "missing.safetensors", "--data", table)
    with pytest.raises(InputError, match="nobody"):
        command("explain", "--model", "paper", "--data", table, "--video", "nobody")
    with pytest.raises(InputError, match="either a report"):
        command("explain")
