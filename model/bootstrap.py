"""Intervals and paired tests by resampling videos: utterances of one video are not independent of each other.

Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapters 13 and 16.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foundation.errors import InputError
from model.evaluation import Scores
from model.labels import EMOTIONS
from model.metrics import accuracy, f1_weighted, weighted_accuracy
from model.table import Labels, UtteranceTable

HEADLINES = ("sentiment.accuracy", "sentiment.f1_weighted", "emotion.weighted_accuracy", "emotion.f1_weighted")
Thresholds = Mapping[str, Mapping[str, float]]


def headlines(scores: Scores, labels: Labels, *, thresholds: Thresholds) -> dict[str, float]:
    """Return the four figures of the paper's Table 4 for one set of rows; those that are defined."""
    found: dict[str, float] = {}
    known = ~np.isnan(labels.sentiment)
    if scores.positive is not None and known.any():
        truth, predicted = labels.sentiment[known] >= 0.5, scores.positive[known] >= 0.5
        found["sentiment.accuracy"] = accuracy(truth, predicted)
        found["sentiment.f1_weighted"] = f1_weighted(truth, predicted)
    felt = ~np.isnan(labels.emotion[:, : len(EMOTIONS)]).any(axis=1)
    if scores.emotion is not None and felt.any():
        for name, metric in (("weighted_accuracy", weighted_accuracy), ("f1_weighted", f1_weighted)):
            found[f"emotion.{name}"] = float(
                np.mean(
                    [
                        metric(
                            labels.emotion[felt, index] >= 0.5,
                            scores.emotion[felt, index] >= thresholds.get(name, {}).get(emotion, 0.5),
                        )
                        for index, emotion in enumerate(EMOTIONS)
                    ]
                )
            )
    return found


def resampled_rows(table: UtteranceTable, *, resamplings: int, seed: int) -> list[NDArray[np.intp]]:
    """Draw as many videos as there are, with replacement, and return the rows of each draw."""
    generator = np.random.default_rng(seed)
    rows = [np.arange(start, end) for start, end in zip(table.offsets[:-1], table.offsets[1:], strict=True)]
    return [
        np.concatenate([rows[video] for video in generator.integers(0, len(rows), len(rows))]).astype(np.intp)
        for _ in range(resamplings)
    ]


def rows_of(scores: Scores, index: NDArray[np.intp]) -> Scores:
    """Return the scores of some rows."""
    return replace(
        scores,
        positive=None if scores.positive is None else scores.positive[index],
        emotion=None if scores.emotion is None else scores.emotion[index],
        sentiment_intensity=None,
        emotion_intensity=None,
    )


def intervals(
    scores: Scores, table: UtteranceTable, *, thresholds: Thresholds, resamplings: int = 1000, seed: int = 1
) -> dict[str, tuple[float, float]]:
    """Return the 2.5 and 97.5 percentiles of the headline figures over resampled videos."""
    draws: dict[str, list[float]] = {}
    for rows in resampled_rows(table, resamplings=resamplings, seed=seed):
        for name, value in headlines(rows_of(scores, rows), table.labels.rows(rows), thresholds=thresholds).items():
            draws.setdefault(name, []).append(value)
    return {
        name: (float(np.nanpercentile(values, 2.5)), float(np.nanpercentile(values, 97.5)))
        for name, values in draws.items()
    }


def paired_difference(
    first: tuple[Scores, Thresholds],
    second: tuple[Scores, Thresholds],
    table: UtteranceTable,
    *,
    resamplings: int = 1000,
    seed: int = 1,
) -> dict[str, dict[str, Any]]:
    """Compare two systems on the same rows.

    Returns
    -------
    mapping of headline figure to mapping
        ``difference`` (first minus second), ``interval`` (95 %), and ``p``: twice the share of resampled sets of videos
        in which the difference has the other sign or is 0, at most 1.

    Raises
    ------
    InputError
        If the systems have no headline figure in common.
    """
    whole = [headlines(scores, table.labels, thresholds=thresholds) for scores, thresholds in (first, second)]
    names = [name for name in HEADLINES if name in whole[0] and name in whole[1]]
    if not names:
        raise InputError("paired_difference: the two systems predict no task in common")
    draws: dict[str, list[float]] = {name: [] for name in names}
    for rows in resampled_rows(table, resamplings=resamplings, seed=seed):
        labels = table.labels.rows(rows)
        a, b = (
            headlines(rows_of(scores, rows), labels, thresholds=thresholds) for scores, thresholds in (first, second)
        )
        for name in names:
            draws[name].append(a[name] - b[name])
    found = {}
    for name in names:
        difference, values = whole[0][name] - whole[1][name], np.asarray(draws[name])
        other_side = float((values <= 0).mean() if difference > 0 else (values >= 0).mean())
        found[name] = {
            "difference": difference,
            "interval": (float(np.nanpercentile(values, 2.5)), float(np.nanpercentile(values, 97.5))),
            "p": min(1.0, 2 * other_side),
        }
    return found
