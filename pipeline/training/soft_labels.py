"""Soft labels by distillation: the mean of the annotators' labels and of teachers that were not trained on the row.

An emotion is labelled present when one of three annotators marked a trace of it, and a sentiment of 0 is labelled
positive, so the hard labels are noisy. Teachers on text alone are trained on two thirds of the train videos and predict
the third (cross-fitting), so that their probabilities do not repeat the labels (Hinton et al., 2015; Furlanello et al.,
ICML 2018).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mtmm_video.model.evaluation import score_table
from mtmm_video.model.table import Labels, UtteranceTable
from mtmm_video.model.training import Recipe, train
from mtmm_video.pipeline.training.stages import Progress, no_progress

FOLDS = 3  # a teacher learns from two thirds of the train videos and labels the rest


def folds_of(video_ids: Sequence[str], *, folds: int) -> NDArray[np.int64]:
    """Fold of each video, shape (v,): random, the same in every run."""
    order = np.random.default_rng(0).permutation(len(video_ids))
    return order % folds


def distilled(
    table: UtteranceTable, *, recipe: Recipe, seeds: Sequence[int], share: float, report: Progress = no_progress
) -> UtteranceTable:
    """Average the train labels with the teachers' probabilities.

    Parameters
    ----------
    table : UtteranceTable
        Text with labels; train and valid are used, and valid chooses the teachers' epochs as it does the student's.
    recipe : Recipe
        Of the teachers: text alone.
    seeds : sequence of int
        One teacher each and fold; their probabilities are averaged.
    share : float
        Weight of the teachers in the new label, in [0, 1].
    report : callable
        Called after each teacher.

    Returns
    -------
    UtteranceTable
        With soft labels in its train rows. Labels that a corpus lacks are the teachers' alone.
    """
    fold_of_video = folds_of(table.video_ids, folds=FOLDS)
    in_train = np.array([split == "train" for split in table.splits])
    probabilities = np.full((len(table), 1 + table.labels.emotion.shape[1]), np.nan)
    for fold in range(FOLDS):
        held = in_train & (fold_of_video == fold)
        rest = table.videos([int(video) for video in np.flatnonzero(~held)])
        part = table.videos([int(video) for video in np.flatnonzero(held)])
        found = []
        for number, seed in enumerate(seeds, start=1):
            scores = score_table(train(rest, recipe=replace(recipe, seed=seed)), part)
            assert scores.positive is not None and scores.emotion is not None
            found.append(np.column_stack([scores.positive, scores.emotion]))
            report(fold * len(seeds) + number, FOLDS * len(seeds), "teachers")
        probabilities[held[table.video_of_row]] = np.mean(found, axis=0)
    hard = np.column_stack([table.labels.sentiment, table.labels.emotion]).astype(np.float64)
    soft = np.where(np.isnan(hard), probabilities, (1 - share) * hard + share * probabilities)
    soft = np.where(np.isnan(probabilities), hard, soft)
    labels = Labels(
        sentiment=soft[:, 0].astype(np.float32),
        emotion=soft[:, 1:].astype(np.float32),
        sentiment_intensity=table.labels.sentiment_intensity,
        emotion_intensity=table.labels.emotion_intensity,
    )
    return replace(table, labels=labels)
