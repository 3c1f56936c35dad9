"""Generalisation of threshold rules (expected, smoothed, prevalence, plain best) to utterances they were not chosen on.

    python benchmarks/threshold_rules.py --checkpoints FOLDER/plus-*.safetensors --table TABLES/mosei.safetensors

Thresholds are chosen on a random half of the valid videos, on which the probabilities are calibrated anew, and measured
on the other half, many times.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

from mtmm_video.model.checkpoint import load_checkpoint
from mtmm_video.model.evaluation import score_table
from mtmm_video.model.labels import EMOTIONS
from mtmm_video.model.table import UtteranceTable
from mtmm_video.model.thresholds import GRID, best_threshold, prevalence_threshold, sweep
from mtmm_video.pipeline.training.plus import chosen_columns

SPLITS = 40


def main() -> None:
    """Print the means of W-Acc, F1 and macro F1 (label) of each rule on the halves that it was not chosen on."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoints", type=Path, nargs="+", required=True)
    parser.add_argument("--table", type=Path, required=True)
    arguments = parser.parse_args()
    valid = chosen_columns(UtteranceTable.load(arguments.table)).split("valid")
    truth = valid.labels.emotion >= 0.5
    found: dict[tuple[str, str], list[float]] = {}
    for path in arguments.checkpoints:
        emotion = score_table(load_checkpoint(path), valid).emotion
        assert emotion is not None
        given = np.clip(emotion, 1e-4, 1 - 1e-4)
        logits = np.log(given / (1 - given))
        generator = np.random.default_rng(0)
        for _ in range(SPLITS):
            half = (generator.random(len(valid.video_ids)) < 0.5)[valid.video_of_row]
            for index in range(len(EMOTIONS)):
                column, present = logits[:, index : index + 1], truth[half, index]
                calibrated = LogisticRegression(C=1e6).fit(column[half], present).predict_proba(column)[:, 1]
                chosen, expected = sweep(present, calibrated[half]), sweep(calibrated[half], calibrated[half])
                measured = sweep(truth[~half, index], calibrated[~half])
                for name in measured:
                    rules = {
                        "plain best": float(GRID[chosen[name].argmax()]),
                        "best of the smoothed curve": best_threshold(chosen[name]),
                        "prevalence": prevalence_threshold(present),
                    }
                    if name != "weighted_accuracy":
                        rules["best of the expected curve"] = best_threshold(expected[name])
                    for rule, threshold in rules.items():
                        found.setdefault((name, rule), []).append(measured[name][np.flatnonzero(threshold == GRID)[0]])
    for (name, rule), values in sorted(found.items()):
        print(f"{name:18} {rule:27} {100 * np.mean(values):.2f}")


if __name__ == "__main__":
    main()
