"""Main figures of `plus`'s checkpoints, mean and range over the seeds.

python benchmarks/plus_seeds.py --checkpoints FOLDER --table TABLES/mosei.safetensors [--split test]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from mtmm_video.model.checkpoint import load_checkpoint
from mtmm_video.model.evaluation import evaluate, score_table
from mtmm_video.model.table import UtteranceTable

FIGURES = (
    ("sentiment", "accuracy"),
    ("sentiment", "f1_weighted"),
    ("sentiment", "calibration_error"),
    ("emotion", "weighted_accuracy"),
    ("emotion", "f1_weighted"),
    ("emotion", "auroc"),
)


def main() -> None:
    """Print one row per type of checkpoint and one per seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoints", type=Path, required=True, help="folder with TYPE-SEED.safetensors")
    parser.add_argument("--table", type=Path, required=True, help="MOSEI's table")
    parser.add_argument("--split", default="valid", help="valid, or test: once per finished configuration")
    arguments = parser.parse_args()
    table = UtteranceTable.load(arguments.table).split(arguments.split).with_modalities(["text"])
    print(f"| MOSEI {arguments.split} | acc | F1 | ECE | W-Acc | emotion F1 | AUROC |\n|---|---|---|---|---|---|---|")
    for prefix in ("text", "plus"):
        rows = []
        for path in sorted(arguments.checkpoints.glob(f"{prefix}-*.safetensors")):
            checkpoint = load_checkpoint(path)
            found = evaluate(score_table(checkpoint, table), table, thresholds=checkpoint.specification.thresholds)
            rows.append([100 * float(found[task][name]) for task, name in FIGURES])
            cells = " | ".join(f"{value:.2f}" for value in rows[-1])
            score = checkpoint.specification.provenance["valid_score"]
            print(f"| {path.stem}, valid score {score:.4f} | {cells} |")
        if rows:
            mean, low, high = np.mean(rows, axis=0), np.min(rows, axis=0), np.max(rows, axis=0)
            cells = " | ".join(f"{m:.1f} ({a:.1f}-{b:.1f})" for m, a, b in zip(mean, low, high, strict=True))
            print(f"| **{prefix}, mean of {len(rows)}** | {cells} |")


if __name__ == "__main__":
    main()
