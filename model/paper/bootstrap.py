"""Bootstrap intervals and paired tests over videos, because utterances of one video are not independent.

Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapters 13 and 16. Every headline figure is a function
of the confusion matrix, so the outcomes are counted once per video and a resampling is a weighted sum of the counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtmm_video.foundation.errors import InputError
from mtmm_video.model.labels import EMOTIONS
from mtmm_video.model.metrics import Truth
from mtmm_video.model.scores import Scores
from mtmm_video.model.table import UtteranceTable

FEWEST_VIDEOS = 5  # below, resampling videos says nothing about other videos
HEADLINES = ("sentiment.accuracy", "sentiment.f1_weighted", "emotion.weighted_accuracy", "emotion.f1_weighted")
Thresholds = Mapping[str, Mapping[str, float]]
Scored = tuple[Scores, Thresholds]
Counts = NDArray[np.float64]  # (..., 4): true positives, false positives, true negatives, false negatives


def counts_by_video(truth: Truth, predicted: Truth, *, known: Truth, table: UtteranceTable) -> Counts:
    """Count the four outcomes of one class per video, shape (videos, 4), over the annotated rows (`known`)."""
    outcomes = np.stack([truth & predicted, ~truth & predicted, ~truth & ~predicted, truth & ~predicted], axis=1)
    counts = np.zeros((len(table.video_ids), 4))
    np.add.at(counts, table.video_of_row[known], outcomes[known].astype(np.float64))
    return counts


def headline_counts(scored: Scored, table: UtteranceTable) -> dict[str, Counts]:
    """Count the outcomes for every headline figure that is defined, each of shape (videos, classes, 4)."""
    (scores, thresholds), labels = scored, table.labels
    found: dict[str, Counts] = {}
    known = ~np.isnan(labels.sentiment)
    if scores.positive is not None and known.any():
        counts = counts_by_video(labels.sentiment >= 0.5, scores.positive >= 0.5, known=known, table=table)
        found["sentiment.accuracy"] = found["sentiment.f1_weighted"] = counts[:, None]
    felt = np.asarray(~np.isnan(labels.emotion[:, : len(EMOTIONS)]).any(axis=1), dtype=np.bool_)
    if scores.emotion is not None and felt.any():
        for name in ("weighted_accuracy", "f1_weighted"):
            classes = [
                counts_by_video(
                    labels.emotion[:, index] >= 0.5,
                    scores.emotion[:, index] >= thresholds.get(name, {}).get(emotion, 0.5),
                    known=felt,
                    table=table,
                )
                for index, emotion in enumerate(EMOTIONS)
            ]
            found[f"emotion.{name}"] = np.stack(classes, axis=1)
    return found


def headline(name: str, counts: Counts) -> NDArray[np.float64]:
    """Compute a headline figure, the mean over classes, from counts of shape (..., classes, 4).

    The formulas are those of `model.metrics`. NaN for an undefined figure.
    """
    tp, fp, tn, fn = np.moveaxis(counts, -1, 0)
    total = tp + fp + tn + fn
    with np.errstate(invalid="ignore", divide="ignore"):
        if name.endswith(".accuracy"):
            values = (tp + tn) / total
        elif name.endswith(".weighted_accuracy"):
            values = (tp / (tp + fn) + tn / (tn + fp)) / 2
        else:
            present = np.where(tp + fp + fn > 0, 2 * tp / (2 * tp + fp + fn), 0.0)
            absent = np.where(tn + fp + fn > 0, 2 * tn / (2 * tn + fp + fn), 0.0)
            values = ((tp + fn) * present + (tn + fp) * absent) / total
    return np.asarray(values.mean(axis=-1), dtype=np.float64)


def multiplicities(videos: int, *, resamplings: int, seed: int) -> NDArray[np.float64]:
    """Draw bootstrap samples and return the count of each video in each, shape (resamplings, videos)."""
    generator = np.random.default_rng(seed)
    drawn = [np.bincount(generator.integers(0, videos, videos), minlength=videos) for _ in range(resamplings)]
    return np.stack(drawn).astype(np.float64)


def resampled(systems: Sequence[Scored], table: UtteranceTable, *, weights: NDArray[np.float64]) -> dict[str, Counts]:
    """Compute the headline figures, averaged over seeds, for each row of weights, each of shape (len(weights),)."""
    seeds = [headline_counts(scored, table) for scored in systems]
    return {
        name: np.mean([headline(name, np.einsum("rv,vck->rck", weights, seed[name])) for seed in seeds], axis=0)
        for name in HEADLINES
        if all(name in seed for seed in seeds)
    }


def interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the 2.5 and 97.5 percentiles."""
    return float(np.nanpercentile(values, 2.5)), float(np.nanpercentile(values, 97.5))


def intervals(
    systems: Sequence[Scored], table: UtteranceTable, *, resamplings: int = 1000, seed: int = 1
) -> dict[str, tuple[float, float]]:
    """Compute the 2.5 and 97.5 percentiles of the headline figures over bootstrap samples of videos.

    Parameters
    ----------
    systems : sequence of (Scores, thresholds)
        One system, or one per seed: then the interval is that of the mean over seeds.
    table : UtteranceTable
        The scored rows.

    Returns
    -------
    dict of str to (float, float)
        By figure; without those that are defined in no sample, and empty below `FEWEST_VIDEOS`.
    """
    if len(table.video_ids) < FEWEST_VIDEOS:
        return {}
    weights = multiplicities(len(table.video_ids), resamplings=resamplings, seed=seed)
    found = resampled(systems, table, weights=weights)
    return {name: interval(values) for name, values in found.items() if not np.isnan(values).all()}


def paired_difference(
    first: Sequence[Scored],
    second: Sequence[Scored],
    table: UtteranceTable,
    *,
    resamplings: int = 1000,
    seed: int = 1,
) -> dict[str, dict[str, Any]]:
    """Compare two systems, each the mean over its seeds, on the same rows.

    Returns
    -------
    mapping of headline figure to mapping
        ``difference`` (first minus second), ``interval`` (95 %), and ``p``: twice the share of bootstrap samples in
        which the difference has the opposite sign or is 0, at most 1. The original sample counts as one of them, so a
        thousand samples give at least 0.002.

    Raises
    ------
    InputError
        If the systems have no headline figure in common.
    """
    videos = len(table.video_ids)
    whole = [resampled(systems, table, weights=np.ones((1, videos))) for systems in (first, second)]
    names = [name for name in HEADLINES if name in whole[0] and name in whole[1]]
    if not names:
        raise InputError("paired_difference: the two systems predict no task in common")
    weights = multiplicities(videos, resamplings=resamplings, seed=seed)
    one, other = (resampled(systems, table, weights=weights) for systems in (first, second))
    found = {}
    for name in names:
        difference, values = float(whole[0][name][0] - whole[1][name][0]), one[name] - other[name]
        against = int(((values <= 0) if difference > 0 else (values >= 0)).sum())
        other_side = (against + 1) / (len(values) + 1)
        found[name] = {"difference": difference, "interval": interval(values), "p": min(1.0, 2 * other_side)}
    return found
