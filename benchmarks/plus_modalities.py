"""Effect of the acoustic modality in `plus` on natural speech: MOSEI valid, MOSI with and without it.

    python benchmarks/plus_modalities.py --checkpoint FOLDER/plus-*.safetensors --tables FOLDER [--test]

Means and ranges over the checkpoints, in Markdown. Acted voices and faces: benchmarks/plus_acted.py.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from mtmm_video.model.checkpoint import Checkpoint, load_checkpoint
from mtmm_video.model.evaluation import evaluate, score_table
from mtmm_video.model.features import Modality
from mtmm_video.model.table import UtteranceTable
from mtmm_video.model.training import fit_columns
from mtmm_video.pipeline.training.plus import Corpora


def figures(checkpoints: Sequence[Checkpoint], table: UtteranceTable) -> str:
    """Return the sentiment cells of a row, in per cent."""
    rows = []
    for checkpoint in checkpoints:
        found = evaluate(score_table(checkpoint, table), table, thresholds=checkpoint.specification.thresholds)
        sentiment = found["sentiment"]
        rows.append([100 * sentiment[name] for name in ("accuracy", "f1_weighted", "auroc", "calibration_error")])
    columns = np.array(rows).T
    return " | ".join(f"{column.mean():.1f} ({column.min():.1f}-{column.max():.1f})" for column in columns)


def voice_regression(mosi: UtteranceTable) -> None:
    """Print the AUROC of logistic regressions on MOSI's acoustic columns, trained on train, evaluated on valid."""
    train, valid = mosi.split("train"), mosi.split("valid")
    variants: dict[str, tuple[Modality, ...]] = {"columns as they are": (), "minus the speaker's mean": ("acoustic",)}
    for name, speaker_means in variants.items():
        columns = fit_columns(train, ("acoustic",), speaker_means=speaker_means)["acoustic"]
        rows, unseen = (
            columns.prepare(table.modalities["acoustic"], speakers=table.speaker_of_row)[0] for table in (train, valid)
        )
        areas = []
        for strength in (0.003, 0.03, 0.3):
            model = LogisticRegression(C=strength, max_iter=3000, class_weight="balanced")
            model.fit(rows, train.labels.sentiment >= 0.5)
            areas.append(roc_auc_score(valid.labels.sentiment >= 0.5, model.decision_function(unseen)))
        found = ", ".join(f"{value:.2f}" for value in areas)
        print(f"* logistic regressions on MOSI's train voices, {name}: AUROC on valid {found}")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, nargs="+", required=True)
    parser.add_argument("--tables", type=Path, required=True)
    parser.add_argument("--test", action="store_true", help="MOSI's test split; once per finished configuration")
    arguments = parser.parse_args()
    checkpoints = [load_checkpoint(path) for path in arguments.checkpoint]
    corpora = Corpora.load(arguments.tables)
    split = "test" if arguments.test else "valid"
    print("| | acc | F1 | AUROC | ECE |\n|---|---|---|---|---|")
    variants: dict[str, tuple[UtteranceTable, tuple[Modality, ...]]] = {
        "MOSEI valid, words": (corpora.mosei.split("valid"), ("text",)),
        f"MOSI {split}, words": (corpora.mosi.split(split), ("text",)),
        f"MOSI {split}, words and voice": (corpora.mosi.split(split), ("text", "acoustic")),
        f"MOSI {split}, voice": (corpora.mosi.split(split), ("acoustic",)),
    }
    for name, (table, modalities) in variants.items():
        print(f"| {name} | {figures(checkpoints, table.with_modalities(modalities))} |")
    voice_regression(corpora.mosi)


if __name__ == "__main__":
    main()
