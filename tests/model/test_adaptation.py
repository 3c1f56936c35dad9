"""A trained network learns a new corpus on, is recalibrated on few utterances, and teaches what its words know."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mtmm_video.foundation.errors import DataError
from mtmm_video.model.adaptation import FINE_TUNING, fine_tune, recalibrate, teach
from mtmm_video.model.checkpoint import load_checkpoint
from mtmm_video.model.checkpoint_file import shipped
from mtmm_video.model.evaluation import evaluate, score_table
from mtmm_video.model.features import ModalityFeatures
from mtmm_video.model.recipes import Recipe
from mtmm_video.model.table import UtteranceTable
from mtmm_video.model.training import train

QUICK = Recipe(epochs=8, learning_rate=0.01, hidden=8, dense=8, batch=8)


@pytest.fixture
def base(make_table):
    return train(make_table(videos=60), recipe=QUICK)


def turned(table: UtteranceTable) -> UtteranceTable:
    """Return a corpus whose people call positive what the first corpus called negative."""
    return replace(table, labels=replace(table.labels, sentiment=1 - table.labels.sentiment))


def accuracy(checkpoint, table: UtteranceTable) -> float:
    part = table.split("test")
    found = evaluate(score_table(checkpoint, part), part, thresholds=checkpoint.specification.thresholds)
    return float(found["sentiment"]["accuracy"])


def test_fine_tuning_learns_what_is_new_and_leaves_the_base_alone(base, make_table):
    corpus = turned(make_table(videos=60, seed=1))
    before = accuracy(base, corpus)
    recipe = replace(FINE_TUNING, epochs=30, learning_rate=0.01, averaging=0.0)
    tuned = fine_tune(base, corpus, recipe=recipe)
    assert before < 0.3
    assert accuracy(tuned, corpus) > 0.7
    assert accuracy(base, corpus) == before
    assert tuned.specification.columns == base.specification.columns


def test_a_base_that_no_epoch_improves_stays(base, make_table):
    ruinous = replace(FINE_TUNING, epochs=2, learning_rate=10.0, averaging=0.0)
    corpus = make_table(videos=60)
    kept = fine_tune(base, corpus, recipe=ruinous)
    assert kept.specification.provenance["epoch"] == 0
    assert accuracy(kept, corpus) == pytest.approx(accuracy(base, corpus), abs=0.05)


def test_fifty_utterances_move_the_threshold_of_sentiment_and_leave_rare_emotions(base, make_table):
    corpus = make_table(videos=14, seed=2)
    strict = replace(
        corpus, labels=replace(corpus.labels, sentiment=(corpus.labels.sentiment_intensity > 1) * np.float32(1))
    )
    emotion = strict.labels.emotion.copy()
    emotion[:, 5] = 0  # nobody was surprised
    strict = replace(strict, labels=replace(strict.labels, emotion=emotion))
    found = recalibrate(base, strict, name="strict")
    before, after = score_table(base, strict), score_table(found, strict)
    truth = strict.labels.sentiment.mean()
    assert abs(after.positive.mean() - truth) < abs(before.positive.mean() - truth)
    assert np.argsort(after.positive).tolist() == np.argsort(before.positive).tolist()
    old, new = base.specification, found.specification
    assert new.calibration.scale[6] == old.calibration.scale[6]
    assert new.thresholds["label"]["surprise"] == old.thresholds["label"]["surprise"]
    assert new.thresholds["label"]["happy"] != old.thresholds["label"]["happy"] or new.calibration != old.calibration


def test_nothing_to_calibrate_on_is_refused(base, make_table):
    corpus = make_table(videos=8, seed=3)
    with pytest.raises(DataError, match="too few to calibrate"):
        recalibrate(base, replace(corpus, labels=type(corpus.labels).unknown(len(corpus))))


def test_the_words_teach_the_voice(make_table):
    """Nobody labelled the second corpus; its voices follow its words, so they can be learnt from those."""
    words = train(make_table(videos=60), recipe=QUICK)
    unlabelled = make_table(videos=60, modalities=("text", "acoustic"), seed=4)
    truth = unlabelled.labels
    unlabelled = replace(unlabelled, labels=type(truth).unknown(len(unlabelled)))
    taught = teach(words, unlabelled)
    assert taught.count == len(unlabelled)
    voice = train(taught.table.with_modalities(["acoustic"]), recipe=replace(QUICK, modalities=("acoustic",)))
    assert accuracy(voice, replace(unlabelled.with_modalities(["acoustic"]), labels=truth)) > 0.8


def test_what_people_said_stays(make_table):
    table = make_table(videos=30)
    sentiment = table.labels.sentiment.copy()
    sentiment[::2] = np.nan
    half = replace(table, labels=replace(table.labels, sentiment=sentiment))
    taught = teach(train(table, recipe=QUICK), half)
    np.testing.assert_array_equal(taught.table.labels.sentiment[1::2], table.labels.sentiment[1::2])
    assert not np.isnan(taught.table.labels.sentiment).any()


def test_other_corpora_have_no_say_in_what_was_fitted_on_this_one(make_table):
    """`plus` mixes in heads of other talk; a checkpoint of one's own goes by one's own annotators."""
    plus = load_checkpoint(shipped("plus"))
    assert plus.specification.domains
    columns = plus.specification.columns["text"]
    table = make_table(videos=60)
    values = np.zeros((len(table), len(columns.names)), np.float32)
    values[:, 0] = table.modalities["text"].values[:, 0]
    text = ModalityFeatures(values, np.ones(values.shape, bool), columns.names, columns.version)
    table = replace(table, modalities={"text": text})
    for own in (recalibrate(plus, table), fine_tune(plus, table, recipe=replace(FINE_TUNING, epochs=1))):
        assert own.specification.domains == ()
