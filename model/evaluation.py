"""Evaluation of probabilities on a table: all figures of docs/metrics.md, as a JSON-able mapping."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from torch import nn

from mtmm_video.model.anchoring import anchored
from mtmm_video.model.batches import Batch, BatchMaker
from mtmm_video.model.checkpoint import Checkpoint
from mtmm_video.model.cim import Outputs
from mtmm_video.model.labels import EMOTIONS, NEUTRAL, SENTIMENT_CLASSES
from mtmm_video.model.metrics import (
    Truth,
    accuracy,
    area_under_roc,
    confidence_gap,
    expected_calibration_error,
    f1,
    f1_macro,
    f1_weighted,
    trivial,
    weighted_accuracy,
)
from mtmm_video.model.network_shape import Task
from mtmm_video.model.scores import Logits, Scores, scores_of
from mtmm_video.model.table import Labels, UtteranceTable
from mtmm_video.model.thresholds import PAPER_F1_THRESHOLD, PAPER_WEIGHTED_ACCURACY_THRESHOLD, sweep

EVALUATION_BATCH = 64  # videos; affects only memory and speed


def network_logits(network: nn.Module, maker: BatchMaker, *, rows: int) -> dict[Task, NDArray[np.float32]]:
    """Compute the logits of a network for a whole table.

    Returns
    -------
    dict of Task to ndarray, each of shape (rows, width)
        In the order of the table.
    """
    return _over_batches(lambda batch: (network(batch.inputs, batch.masks),), network, maker, rows=rows)[0]


def _over_batches(
    outputs: Callable[[Batch], Sequence[Outputs]], network: nn.Module, maker: BatchMaker, *, rows: int
) -> list[dict[Task, NDArray[np.float32]]]:
    """Collect the logits of one or more outputs per batch in the order of the table."""
    network.eval()
    found: list[dict[Task, NDArray[np.float32]]] = []
    with torch.inference_mode():
        for batch in maker.epoch(batch=EVALUATION_BATCH, generator=None):
            index = batch.rows[batch.exists].cpu().numpy()
            for place, each in enumerate(outputs(batch)):
                if place == len(found):
                    found.append({})
                for task, logits in each.logits.items():
                    values = logits[batch.exists].cpu().numpy()
                    found[place].setdefault(task, np.zeros((rows, values.shape[1]), dtype=np.float32))[index] = values
    return found


def score_table(checkpoint: Checkpoint, table: UtteranceTable) -> Scores:
    """Compute a checkpoint's calibrated probabilities for every row of a table.

    Raises
    ------
    CheckpointError
        If the table's features differ from those of the checkpoint.
    """
    maker = _maker_of(checkpoint, table)
    logits, words = _served(checkpoint, maker, rows=len(table))
    text = maker.values["text"].cpu().numpy() if "text" in maker.values else None
    return scores_of(checkpoint.specification, logits, words=words, text=text, recordings=table.video_of_row)


def served_logits(checkpoint: Checkpoint, table: UtteranceTable) -> Logits:
    """Compute the logits that a checkpoint's calibration is applied to: voice and face weighed by its anchors.

    Raises
    ------
    CheckpointError
        If the table's features differ from those of the checkpoint.
    """
    return _served(checkpoint, _maker_of(checkpoint, table), rows=len(table))[0]


def _maker_of(checkpoint: Checkpoint, table: UtteranceTable) -> BatchMaker:
    device = next(checkpoint.network.parameters()).device
    return BatchMaker(table, columns=checkpoint.specification.columns, device=device)


def _served(checkpoint: Checkpoint, maker: BatchMaker, *, rows: int) -> tuple[Logits, Logits]:
    """Return the anchored logits and those of the words alone."""
    network, anchors = checkpoint.network, checkpoint.specification.anchors
    logits, words = _over_batches(
        lambda batch: anchored(network, batch.inputs, batch.masks, anchors=anchors), network, maker, rows=rows
    )
    return logits, words


def selection_score(logits: Logits, labels: Labels) -> float:
    """Compute the score that an epoch is selected by, on the valid split, in [0, 1].

    The mean of sentiment accuracy, sentiment weighted F1, the emotions' mean W-Acc and their mean weighted F1, each at
    its best thresholds; only of tasks that the network predicts and the split has labels for.
    """
    parts: list[float] = []
    known = ~np.isnan(labels.sentiment)
    if "sentiment" in logits and known.any():
        truth = labels.sentiment[known] >= 0.5
        predicted = (logits["sentiment"][:, 1] >= logits["sentiment"][:, 0])[known]
        parts += [accuracy(truth, predicted), f1_weighted(truth, predicted)]
    if "emotion" in logits:
        probabilities = expit(logits["emotion"])
        best: dict[str, list[float]] = {"weighted_accuracy": [], "f1_weighted": []}
        for index in range(len(EMOTIONS)):
            row = ~np.isnan(labels.emotion[:, index])
            if row.any():
                scores = sweep(labels.emotion[row, index] >= 0.5, probabilities[row, index])
                for name, values in best.items():
                    values.append(float(scores[name].max()))
        parts += [float(np.mean(values)) for values in best.values() if values]
    if not parts:  # intensity heads alone: the smaller the mean error, the better
        errors = []
        if "sentiment_intensity" in logits:
            errors.append(
                float(np.nanmean(np.abs(logits["sentiment_intensity"][:, 0] - labels.sentiment_intensity))) / 6
            )
        if "emotion_intensity" in logits:
            errors.append(float(np.nanmean(np.abs(logits["emotion_intensity"] - labels.emotion_intensity))) / 3)
        parts = [1 - error for error in errors]
    return float(np.mean(parts))


def evaluate_sentiment(scores: Scores, labels: Labels) -> dict[str, Any] | None:
    """Compute the figures of the sentiment task under both zero conventions; None without predictions or labels."""
    known = ~np.isnan(labels.sentiment)
    if scores.positive is None or not known.any():
        return None
    truth, probability = labels.sentiment[known] >= 0.5, scores.positive[known]
    predicted = probability >= 0.5
    strength = labels.sentiment_intensity[known]
    felt = ~np.isnan(strength) & (strength != 0)
    without_zeros = None
    if felt.any():
        without_zeros = {
            "utterances": int(felt.sum()),
            "accuracy": accuracy(truth[felt], predicted[felt]),
            "f1_weighted": f1_weighted(truth[felt], predicted[felt]),
        }
    found: dict[str, Any] = {
        "utterances": int(known.sum()),
        "accuracy": accuracy(truth, predicted),
        "f1_weighted": f1_weighted(truth, predicted),
        "f1_macro": f1_macro(truth, predicted),
        "weighted_accuracy": number(weighted_accuracy(truth, predicted)),
        "auroc": number(area_under_roc(truth, probability)),
        "calibration_error": expected_calibration_error(truth, probability),
        "without_zeros": without_zeros,
        "trivial": {"accuracy": trivial(accuracy, truth), "f1_weighted": trivial(f1_weighted, truth)},
    }
    classes = labels.classes[known]
    if scores.classes is not None and (classes == SENTIMENT_CLASSES.index(NEUTRAL)).any():
        found["three_way"] = three_way_figures(scores.classes[known], classes)
    if scores.sentiment_intensity is not None and (~np.isnan(strength)).any():
        found["intensity"] = intensity_figures(scores.sentiment_intensity[known], strength)
    return found


def three_way_figures(probabilities: NDArray[np.float64], truth: NDArray[np.int64]) -> dict[str, Any]:
    """Figures of the three classes.

    Parameters
    ----------
    probabilities : ndarray, shape (n, 3)
        Of `model.labels.SENTIMENT_CLASSES`.
    truth : ndarray of int, shape (n,)
        Indices of the classes; rows of -1 are left out.
    """
    known = truth >= 0
    probabilities, truth = probabilities[known], truth[known]
    guessed = probabilities.argmax(axis=1)
    right = guessed == truth
    each = [f1(truth == index, guessed == index) for index in range(len(SENTIMENT_CLASSES))]
    shares = [float((truth == index).mean()) for index in range(len(SENTIMENT_CLASSES))]
    return {
        "utterances": int(known.sum()),
        "accuracy": float(right.mean()),
        "f1_macro": float(np.mean(each)),
        "f1_weighted": float(np.dot(each, shares)),
        "f1": dict(zip(SENTIMENT_CLASSES, each, strict=True)),
        "shares": dict(zip(SENTIMENT_CLASSES, shares, strict=True)),
        "calibration_error": confidence_gap(right, probabilities.max(axis=1)),
        "trivial": {"accuracy": max(shares)},
    }


def intensity_figures(predicted: NDArray[np.float64], truth: NDArray[np.float32]) -> dict[str, float | None]:
    """Compute the mean absolute error and Pearson's correlation of an intensity."""
    known = ~np.isnan(truth)
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = float(np.corrcoef(predicted[known], truth[known])[0, 1])
    return {
        "mean_absolute_error": float(np.abs(predicted[known] - truth[known]).mean()),
        "correlation": number(correlation),
    }


def evaluate_emotion(
    scores: Scores, labels: Labels, *, thresholds: Mapping[str, Mapping[str, float]]
) -> dict[str, Any] | None:
    """Compute the figures per emotion and their six-class means; None without predictions or labels.

    Parameters
    ----------
    scores : Scores
        Of the system.
    labels : Labels
        Of the table.
    thresholds : mapping of purpose to mapping of emotion to float
        Chosen on the valid split. ``weighted_accuracy`` and ``f1_weighted`` are each evaluated at their own, as in the
        paper; the figures at the paper's fixed thresholds are under ``fixed``.
    """
    known = ~np.isnan(labels.emotion[:, : len(EMOTIONS)]).any(axis=1)
    if scores.emotion is None or not known.any():
        return None
    classes: dict[str, dict[str, Any]] = {}
    for index, emotion in enumerate(EMOTIONS):
        truth = labels.emotion[known, index] >= 0.5
        probability = scores.emotion[known, index]

        def at(metric: Callable[[Truth, Truth], float], threshold: float) -> float | None:
            return number(metric(truth, probability >= threshold))  # noqa: B023 - called within the iteration

        chosen = {
            purpose: thresholds.get(purpose, {}).get(emotion, 0.5)
            for purpose in ("weighted_accuracy", "f1_weighted", "label")
        }
        classes[emotion] = {
            "present": int(truth.sum()),
            "weighted_accuracy": at(weighted_accuracy, chosen["weighted_accuracy"]),
            "f1_weighted": at(f1_weighted, chosen["f1_weighted"]),
            "f1_macro": at(f1_macro, chosen["label"]),
            "f1_present": at(f1, chosen["label"]),
            "auroc": number(area_under_roc(truth, probability)),
            "calibration_error": expected_calibration_error(truth, probability),
            "thresholds": chosen,
            "fixed": {
                "weighted_accuracy": at(weighted_accuracy, PAPER_WEIGHTED_ACCURACY_THRESHOLD),
                "f1_weighted": at(f1_weighted, PAPER_F1_THRESHOLD),
            },
            "trivial": {
                "weighted_accuracy": number(trivial(weighted_accuracy, truth)),
                "f1_weighted": trivial(f1_weighted, truth),
                "f1_macro": trivial(f1_macro, truth),
            },
        }
        strength = labels.emotion_intensity[:, index]
        if scores.emotion_intensity is not None and (~np.isnan(strength)).any():
            classes[emotion]["intensity"] = intensity_figures(scores.emotion_intensity[:, index], strength)
    averaged = ("weighted_accuracy", "f1_weighted", "f1_macro", "f1_present", "auroc", "calibration_error")
    return {
        "utterances": int(known.sum()),
        **{name: mean_of([entry[name] for entry in classes.values()]) for name in averaged},
        "fixed": {
            name: mean_of([entry["fixed"][name] for entry in classes.values()])
            for name in ("weighted_accuracy", "f1_weighted")
        },
        "trivial": {
            name: mean_of([entry["trivial"][name] for entry in classes.values()])
            for name in ("weighted_accuracy", "f1_weighted", "f1_macro")
        },
        "classes": classes,
    }


def evaluate(scores: Scores, table: UtteranceTable, *, thresholds: Mapping[str, Mapping[str, float]]) -> dict[str, Any]:
    """Compute all figures of a system on a table: ``sentiment`` and ``emotion``, see docs/metrics.md."""
    return {
        "videos": len(table.video_ids),
        "utterances": len(table),
        "sentiment": evaluate_sentiment(scores, table.labels),
        "emotion": evaluate_emotion(scores, table.labels, thresholds=thresholds),
    }


def number(value: float) -> float | None:
    """Convert NaN, which JSON does not have, to None."""
    return None if math.isnan(value) else float(value)


def mean_of(values: list[float | None]) -> float | None:
    """Average the defined figures; None if none is defined."""
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
