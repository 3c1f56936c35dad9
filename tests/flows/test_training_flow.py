"""The training flow goes from label files to a model card, and does nothing twice."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from mtmm_video.flows.training_flow import train_and_evaluate

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


@pytest.mark.slow
@pytest.mark.usefixtures("own_server")
def test_from_label_files_to_a_model_card(tmp_path: Path) -> None:
    labels = tmp_path / "labels"
    labels.mkdir()
    write_labels(labels)
    out = tmp_path / "training"
    card = train_and_evaluate(str(labels), out=str(out), seeds=(1, 2), epochs=2)
    text = card.read_text(encoding="utf-8")
    assert "2 seeds on valid" in text
    assert text.count("| paper-seed") == 2
    assert "mean ± standard deviation" in text
    figures = json.loads((out / "figures.json").read_text(encoding="utf-8"))
    assert set(figures) == {"paper-seed1.safetensors", "paper-seed2.safetensors"}
    assert not list(out.glob("*training-state*"))

    before = {path: path.stat().st_mtime_ns for path in out.glob("*.safetensors")}
    train_and_evaluate(str(labels), out=str(out), seeds=(1, 2), epochs=2)
    assert {path: path.stat().st_mtime_ns for path in out.glob("*.safetensors")} == before
