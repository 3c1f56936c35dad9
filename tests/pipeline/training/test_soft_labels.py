"""Soft labels: what teaches has not seen what it is asked about."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mtmm_video.extractors.text.mpnet import WIDTH
from mtmm_video.extractors.text.sentence_encoder import SENTENCE_NAMES
from mtmm_video.model.features import ModalityFeatures
from mtmm_video.model.recipes import Recipe
from mtmm_video.model.table import Labels, UtteranceTable
from mtmm_video.pipeline.training.soft_labels import FOLDS, distilled, folds_of

VIDEOS, LENGTH = 60, 4
ROWS = VIDEOS * LENGTH
TRAIN = 48 * LENGTH


@pytest.fixture
def table() -> UtteranceTable:
    """Columns that say nothing and labels thrown with dice: nobody can know one from the other."""
    generator = np.random.default_rng(0)
    values = generator.normal(size=(ROWS, WIDTH)).astype(np.float32)
    sentiment = generator.choice([-2.0, 2.0], size=ROWS)
    emotions = 2.0 * (generator.random((ROWS, 6)) < 0.5)
    return UtteranceTable(
        video_ids=tuple(f"v{index}" for index in range(VIDEOS)),
        splits=("train",) * 48 + ("valid",) * 12,
        corpora=("mosei",) * VIDEOS,
        offsets=np.arange(0, ROWS + 1, LENGTH, dtype=np.int64),
        modalities={"text": ModalityFeatures(values, np.ones_like(values, dtype=bool), SENTENCE_NAMES, "test/1")},
        labels=Labels.from_intensities(sentiment, emotions),
        segments=tuple(map(str, range(ROWS))),
        texts=("good words",) * ROWS,
    )


def test_every_video_is_in_one_fold_and_always_the_same() -> None:
    names = [f"v{index}" for index in range(100)]
    fold = folds_of(names, folds=FOLDS)
    assert sorted(np.bincount(fold).tolist()) == [33, 33, 34]
    np.testing.assert_array_equal(fold, folds_of(names, folds=FOLDS))


def test_what_teachers_say_is_no_echo_of_the_labels(table: UtteranceTable) -> None:
    recipe = Recipe(hidden=8, dense=8, epochs=30, learning_rate=0.01)  # enough to know the 128 train rows by heart
    soft = distilled(table, recipe=recipe, seeds=(1,), share=1.0).labels
    train, valid = slice(0, TRAIN), slice(TRAIN, ROWS)
    hard = table.labels
    correlation = np.corrcoef(soft.sentiment[train], hard.sentiment[train])[0, 1]
    assert abs(correlation) < 0.25, "dice cannot be foreseen"  # 192 rows: a standard error of .07
    half = distilled(table, recipe=replace(recipe, epochs=1), seeds=(1,), share=0.5).labels
    assert (half.sentiment[train] >= 0.5 * hard.sentiment[train]).all()
    np.testing.assert_array_equal(soft.emotion[valid], hard.emotion[valid])
