"""A trained network learns a new corpus on, is recalibrated on few utterances, and teaches what its words know."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mtmm_video.foundation.errors import DataError
from mtmm_video.model.adaptation import FINE_TUNING, fine_tune, recalibrate, teach
from mtmm_video.model.anchor import Anchor
from mtmm_video.model.calibration import fit_scale
from mtmm_video.model.checkpoint import Checkpoint, load_checkpoint
from mtmm_video.model.checkpoint_file import shipped
from mtmm_video.model.evaluation import evaluate, score_table
from mtmm_video.model.features import ModalityFeatures
from mtmm_video.model.neutral import NeutralHead
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


def test_a_few_cases_do_not_outvote_a_calibration_and_many_do():
    """Log-odds calibrated where every other utterance has the label; here a quarter of twelve or of 5,000 do."""
    generator = np.random.default_rng(1)

    def offset(count: int, *, calibrated: bool) -> float:
        logits = generator.normal(size=count)
        return fit_scale(logits, (np.arange(count) % 4 == 0).astype(np.float64), calibrated=calibrated)[1]

    assert offset(12, calibrated=False) < -0.9
    assert -0.6 < offset(12, calibrated=True) < 0
    assert offset(5000, calibrated=True) == pytest.approx(-np.log(3), abs=0.05)


def test_an_epoch_cannot_be_chosen_on_a_handful(base, make_table):
    table = make_table(videos=60)
    kept = [row for row, split in enumerate(table.splits) if split == "train"][:20]
    kept += [row for row, split in enumerate(table.splits) if split == "valid"][:1]
    with pytest.raises(DataError, match="no epoch can be chosen"):
        fine_tune(base, table.videos(kept))


def test_what_valid_has_too_few_cases_of_is_calibrated_on_all_that_is_labelled(base, make_table):
    """Four of the valid split are angry; in train and valid together there are dozens."""
    table = make_table(videos=60, seed=8)
    valid = np.array([table.splits[video] == "valid" for video in table.video_of_row])
    emotion = table.labels.emotion.copy()
    angry = np.flatnonzero(valid & (emotion[:, 0] >= 0.5))
    emotion[angry[4:], 0] = np.nan
    few = replace(table, labels=replace(table.labels, emotion=emotion))
    assert len(angry) > 4
    tuned = fine_tune(base, few, recipe=replace(FINE_TUNING, epochs=30, learning_rate=0.01, averaging=0.0))
    assert tuned.specification.provenance["epoch"] > 0
    assert tuned.specification.calibration.scale[1] != base.specification.calibration.scale[1]


def test_the_words_teach_the_voice(make_table):
    """Nobody labelled the second corpus; its voices follow its words, so they can be learnt from those."""
    words = train(make_table(videos=60), recipe=QUICK)
    unlabelled = make_table(videos=60, modalities=("text", "acoustic"), seed=4)
    truth = unlabelled.labels
    unlabelled = replace(unlabelled, labels=type(truth).unknown(len(unlabelled)))
    taught = teach(words, unlabelled)
    assert taught.count == len(unlabelled) - len(unlabelled.split("test"))
    assert not taught.judged_by_people
    voice = train(taught.table.with_modalities(["acoustic"]), recipe=replace(QUICK, modalities=("acoustic",)))
    assert accuracy(voice, replace(unlabelled.with_modalities(["acoustic"]), labels=truth)) > 0.8


def test_what_people_said_stays(make_table):
    table = make_table(videos=30)
    sentiment = table.labels.sentiment.copy()
    sentiment[::2] = np.nan
    half = replace(table, labels=replace(table.labels, sentiment=sentiment))
    taught = teach(train(table, recipe=QUICK), half)
    np.testing.assert_array_equal(taught.table.labels.sentiment[1::2], table.labels.sentiment[1::2])
    assert not np.isnan(taught.table.split("train").labels.sentiment).any()
    # Valid and test stay as people labelled them: half of their rows.
    assert taught.judged_by_people
    for split in ("valid", "test"):
        np.testing.assert_array_equal(taught.table.split(split).labels.sentiment, half.split(split).labels.sentiment)


def an_anchor(*, spread: float) -> Anchor:
    widths = {"sentiment": 1, "emotion": 7}
    return Anchor(
        center={task: (0.0,) * width for task, width in widths.items()},
        spread={task: (spread,) * width for task, width in widths.items()},
    )


def test_calibration_is_fitted_on_what_is_served(make_table):
    """With an anchor, most of what a voice adds is not counted; the calibration is of what is."""
    both = make_table(videos=60, modalities=("text", "acoustic"))
    base = train(both, recipe=replace(QUICK, modalities=("text", "acoustic")))
    anchored = Checkpoint(base.network, replace(base.specification, anchors={"acoustic": an_anchor(spread=0.5)}))
    rows = make_table(videos=200, modalities=("text", "acoustic"), seed=5)
    found = score_table(recalibrate(anchored, rows), rows)
    truth = rows.labels.sentiment
    assert found.positive.mean() == pytest.approx(truth.mean(), abs=0.01)  # as a fit of the offset makes it
    margin = np.log(found.positive / (1 - found.positive))
    assert np.mean(margin * (truth - found.positive)) == pytest.approx(0, abs=0.02)  # and of the slope


def test_voices_of_ones_own_corpus_count_in_full(make_table):
    """The anchors say what acted voices add to ordinary talk; they stay where no voice was heard in training."""
    both = make_table(videos=60, modalities=("text", "acoustic"))
    base = train(both, recipe=replace(QUICK, modalities=("text", "acoustic")))
    anchor = Anchor(
        center={"sentiment": (0.0,), "emotion": (0.0,) * 7}, spread={"sentiment": (1.0,), "emotion": (1.0,) * 7}
    )
    anchored = Checkpoint(base.network, replace(base.specification, anchors={"acoustic": anchor}))
    recipe = replace(FINE_TUNING, epochs=4, learning_rate=0.01, averaging=0.0)
    corpus = turned(make_table(videos=60, modalities=("text", "acoustic"), seed=1))
    assert fine_tune(anchored, corpus, recipe=recipe).specification.anchors == {}
    words = corpus.with_modalities(["text"])
    assert fine_tune(anchored, words, recipe=recipe).specification.anchors == {"acoustic": anchor}
    ruinous = replace(FINE_TUNING, epochs=1, learning_rate=10.0, averaging=0.0)
    assert fine_tune(anchored, both, recipe=ruinous).specification.anchors == {"acoustic": anchor}


def test_the_neutral_class_follows_the_annotators(base, make_table):
    """They name classes and call half of what is not negative neutral."""
    corpus = make_table(videos=60, seed=6)
    strength = corpus.labels.sentiment_intensity
    middle = float(np.median(strength[strength > 0]))
    named = np.where(strength < 0, 0, np.where(strength < middle, 1, 2)).astype(np.float32)
    unnumbered = np.full(len(corpus), np.nan, np.float32)
    corpus = replace(corpus, labels=replace(corpus.labels, sentiment_intensity=unnumbered, named_sentiment=named))
    head = NeutralHead(bias=-4.0, weights=(-1.0,) + (0.0,) * 7)  # hardly anything is neutral
    with_head = Checkpoint(base.network, replace(base.specification, neutral=head))
    before, after = (score_table(each, corpus).classes for each in (with_head, recalibrate(with_head, corpus)))
    asked = named > 0
    share = after[asked, 1] / after[asked, 1:].sum(axis=1)
    assert (before[asked, 1] / before[asked, 1:].sum(axis=1)).mean() < 0.1
    assert share.mean() == pytest.approx((named[asked] == 1).mean(), abs=0.02)


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
