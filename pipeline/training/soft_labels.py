"""Soft labels for `plus`: half the annotators' word, half that of teachers who have not seen the utterance.

An emotion counts as present when one of three annotators saw a trace of it, and a sentiment of 0 counts as positive:
hard labels with much chance in them. Teachers on words alone are trained on two thirds of the train videos and label
the third (cross-fitting), so what they say is no echo of the labels (Hinton et al., 2015; Furlanello et al., ICML
2018).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mtmm_video.model.evaluation import score_table
from mtmm_video.model.table import Labels, UtteranceTable
from mtmm_video.model.training import Recipe, train
from mtmm_video.pipeline.training.out_of_fold import FOLDS, folds_of


def taught(table: UtteranceTable, *, recipe: Recipe, seeds: Sequence[int], share: float) -> UtteranceTable:
    """Mix the teachers' probabilities into the train labels.

    Parameters
    ----------
    table : UtteranceTable
        Words with labels; train and valid are used, and valid chooses the teachers' epochs as it does the students'.
    recipe : Recipe
        Of the teachers: words alone.
    seeds : sequence of int
        One teacher each and fold; their probabilities are averaged.
    share : float
        Of the teachers in the new label, in [0, 1].

    Returns
    -------
    UtteranceTable
        With soft labels in its train rows. Labels a corpus lacks come from the teachers alone.
    """
    fold_of_video = folds_of(table.video_ids, folds=FOLDS)
    in_train = np.array([split == "train" for split in table.splits])
    probabilities = np.full((len(table), 1 + table.labels.emotion.shape[1]), np.nan)
    for fold in range(FOLDS):
        held = in_train & (fold_of_video == fold)
        rest = table.videos([int(video) for video in np.flatnonzero(~held)])
        part = table.videos([int(video) for video in np.flatnonzero(held)])
        found = []
        for seed in seeds:
            scores = score_table(train(rest, recipe=replace(recipe, seed=seed)), part)
            assert scores.positive is not None and scores.emotion is not None
            found.append(np.column_stack([scores.positive, scores.emotion]))
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
