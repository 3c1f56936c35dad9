"""Generalisation of threshold rules (smoothed, prevalence, plain optimum) to utterances they were not chosen on.

python benchmarks/threshold_rules.py --checkpoint FOLDER/text-1.safetensors --table TABLES/mosei.safetensors

Thresholds are chosen on a random half of the valid videos and measured on the other half, many times.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from mtmm_video.model.checkpoint import load_checkpoint
from mtmm_video.model.evaluation import score_table
from mtmm_video.model.labels import EMOTIONS
from mtmm_video.model.table import UtteranceTable
from mtmm_video.model.thresholds import GRID, best_threshold, prevalence_threshold, sweep

SPLITS = 200


def main() -> None:
    """Print the mean W-Acc and F1 of each rule on the halves that it was not chosen on."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--table", type=Path, required=True)
    arguments = parser.parse_args()
    valid = UtteranceTable.load(arguments.table).split("valid").with_modalities(["text"])
    probabilities = score_table(load_checkpoint(arguments.checkpoint), valid).emotion
    assert probabilities is not None
    truth = valid.labels.emotion > 0.5
    found: dict[tuple[str, str], list[float]] = {}
    generator = np.random.default_rng(0)
    for _ in range(SPLITS):
        half = (generator.random(len(valid.video_ids)) < 0.5)[valid.video_of_row]
        for index in range(len(EMOTIONS)):
            present = truth[half, index]
            chosen = sweep(present, probabilities[half, index])
            measured = sweep(truth[~half, index], probabilities[~half, index])
            for name in ("weighted_accuracy", "f1_weighted"):
                rules = {
                    "plain best": float(GRID[chosen[name].argmax()]),
                    "best of the smoothed curve": best_threshold(chosen[name]),
                    "prevalence": prevalence_threshold(present),
                }
                for rule, threshold in rules.items():
                    found.setdefault((name, rule), []).append(measured[name][np.flatnonzero(threshold == GRID)[0]])
    for (name, rule), values in sorted(found.items()):
        print(f"{name:18} {rule:27} {100 * np.mean(values):.2f}")


if __name__ == "__main__":
    main()
