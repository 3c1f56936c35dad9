"""Checkpoints of several seeds: their figures on a split, and the choice of one on the valid split."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from statistics import mean
from typing import Any

from mtmm_video.foundation.files import write_text
from mtmm_video.model.checkpoint import load_checkpoint
from mtmm_video.model.evaluation import evaluate, score_table
from mtmm_video.model.table import UtteranceTable
from mtmm_video.model.training import EpochHook, EpochRecord
from mtmm_video.pipeline.training.stages import Progress, StageRun

# The paper's figures, by their places in an evaluation, and their names in a table.
HEADLINE: Mapping[tuple[str, str], str] = {
    ("sentiment", "accuracy"): "sentiment accuracy",
    ("sentiment", "f1_weighted"): "sentiment weighted F1",
    ("emotion", "weighted_accuracy"): "emotion weighted accuracy",
    ("emotion", "f1_weighted"): "emotion weighted F1",
}
CHOICE_CORPUS = "mosei"

Figures = Mapping[str, Mapping[str, Any]]  # of one checkpoint: corpus to `model.evaluation.evaluate`


def epoch_reporter(report: Progress, *, epochs: int) -> EpochHook:
    """Return a training hook that passes each epoch on to a stage's progress."""

    def hook(record: EpochRecord) -> None:
        mark = ", best so far" if record.best else ""
        report(record.epoch, epochs, f"loss {record.loss:.3f}, valid score {record.score:.4f}{mark}")

    return hook


def headline(figures: Mapping[str, Any]) -> dict[str, float]:
    """Return the headline figures that an evaluation has, by name, in [0, 1]."""
    found: dict[str, float] = {}
    for (task, figure), name in HEADLINE.items():
        value = (figures.get(task) or {}).get(figure)
        if value is not None:
            found[name] = float(value)
    return found


def evaluate_seeds(
    checkpoints: Mapping[str, Path], tables: Mapping[str, UtteranceTable], *, report: Progress
) -> dict[str, Figures]:
    """Evaluate checkpoints on the tables of several corpora, each at its own thresholds.

    Parameters
    ----------
    checkpoints : mapping of str to Path
        By name.
    tables : mapping of str to UtteranceTable
        Rows of one split, by corpus, with the checkpoints' columns.
    report : callable
        Called after each checkpoint.
    """
    found: dict[str, Figures] = {}
    for number, (name, path) in enumerate(checkpoints.items(), start=1):
        checkpoint = load_checkpoint(path)
        thresholds = checkpoint.specification.thresholds
        found[name] = {
            corpus: evaluate(score_table(checkpoint, table), table, thresholds=thresholds)
            for corpus, table in tables.items()
        }
        report(number, len(checkpoints), name)
    return found


def read_figures(path: Path) -> dict[str, Figures]:
    """Read what `write_figures` wrote."""
    found: dict[str, Figures] = json.loads(path.read_text(encoding="utf-8"))
    return found


def write_figures(path: Path, figures: Mapping[str, Figures]) -> None:
    """Write the figures of several checkpoints as JSON: checkpoint, corpus, then as `evaluate` gives them."""
    write_text(path, json.dumps(figures, indent=1))


def best_seed(figures: Mapping[str, Figures]) -> str:
    """Return the checkpoint with the best mean of the headline figures on MOSEI; of equal ones, the first."""
    return max(figures, key=lambda name: mean(headline(figures[name][CHOICE_CORPUS]).values()))


def copy_best(run: StageRun, *, figures: str) -> None:
    """Stage: the checkpoint of the best seed, unchanged.

    Parameters
    ----------
    figures : str
        The stage whose output holds the seeds' figures on the valid split.
    """
    shutil.copyfile(run.inputs[best_seed(read_figures(run.inputs[figures]))], run.output)
