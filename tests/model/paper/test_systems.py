"""Every system of Table 7 learns a pattern that is there, copes with absent modalities, and ignores padding."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from mtmm_video.foundation.errors import InputError
from mtmm_video.model.evaluation import evaluate
from mtmm_video.model.features import ModalityFeatures
from mtmm_video.model.network_shape import NetworkShape
from mtmm_video.model.paper.systems import NETWORKS, SYSTEMS, WORD_BY_WORD, calibrated_scores, fit_system
from mtmm_video.model.paper.tables import Result, table_4, table_7
from mtmm_video.model.recipes import Recipe
from mtmm_video.model.table import Labels, UtteranceTable
from mtmm_video.model.word_features import WordFeatures

QUICK = Recipe(epochs=8, learning_rate=0.01, hidden=8, dense=8, batch=8)
ALL = ("text", "acoustic", "visual")


@pytest.mark.parametrize("name", [system for system in SYSTEMS if system not in {"majority", *WORD_BY_WORD}])
def test_every_system_beats_the_majority(name, make_table):
    table = make_table(videos=60, modalities=("text", "acoustic"))
    scores, thresholds = calibrated_scores(fit_system(name, table, recipe=QUICK), table, split="test")
    found = evaluate(scores, table.split("test"), thresholds=thresholds)
    assert found["sentiment"]["accuracy"] > found["sentiment"]["trivial"]["accuracy"] + 0.1
    assert found["emotion"]["classes"]["happy"]["auroc"] > 0.8


def test_the_majority_is_the_trivial_baseline(make_table):
    table = make_table(videos=60)
    scores, thresholds = calibrated_scores(fit_system("majority", table), table, split="test")
    found = evaluate(scores, table.split("test"), thresholds=thresholds)
    assert found["emotion"]["weighted_accuracy"] == pytest.approx(0.5)


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_padding_and_absent_numbers_have_no_say(name):
    shape = NetworkShape(columns={"text": 4, "acoustic": 3, "visual": 2}, hidden=6, dense=5)
    torch.manual_seed(1)
    network = NETWORKS[name](shape).eval()
    inputs = {key: torch.randn(1, 4, columns) for key, columns in shape.columns.items()}
    masks = {key: torch.ones(1, 4, dtype=torch.bool) for key in shape.columns}
    masks["acoustic"][0, 1] = False
    changed = {**inputs, "acoustic": inputs["acoustic"].clone()}
    changed["acoustic"][0, 1] = 50.0
    longer = {key: torch.cat([values, torch.zeros(1, 3, values.shape[2])], dim=1) for key, values in changed.items()}
    longer_masks = {key: torch.cat([mask, torch.zeros(1, 3, dtype=torch.bool)], dim=1) for key, mask in masks.items()}
    with torch.no_grad():
        once, padded = network(inputs, masks), network(longer, longer_masks)
    for task, logits in once.logits.items():
        torch.testing.assert_close(padded.logits[task][:, :4], logits, atol=1e-5, rtol=0)


def test_a_corpus_without_emotions_trains_sentiment_alone(make_table):
    table = make_table(videos=30)
    unknown = replace(table.labels, emotion=np.full_like(table.labels.emotion, np.nan))
    table = replace(table, labels=unknown)
    for name in ("majority", "svm", "ef_lstm", "cim"):
        scores, thresholds = calibrated_scores(fit_system(name, table, recipe=QUICK), table, split="test")
        found = evaluate(scores, table.split("test"), thresholds=thresholds)
        assert found["emotion"] is None
        assert found["sentiment"]["accuracy"] > 0


def test_an_unknown_system_is_refused_with_those_there_are(make_table):
    with pytest.raises(InputError, match="graph_mfn"):
        fit_system("oracle", make_table())


def test_tables_put_our_figures_beside_the_papers():
    evaluation = {
        "sentiment": {"accuracy": 0.801, "f1_weighted": 0.79},
        "emotion": {"weighted_accuracy": 0.65, "f1_weighted": None, "classes": {"anger": {"f1_weighted": 0.7}}},
    }
    result = Result(system="cim", modalities=("text",), evaluation=evaluation)
    assert "80.1 (79.7)" in table_4([result])
    assert "65.0 (60.2)" in table_4([result])
    assert "70.0 (75.9)" in table_7([result])
    assert "- (78.6)" in table_7([result])


def test_columns_without_a_single_value_do_no_harm(make_table):
    table = make_table(videos=30, modalities=ALL)
    nothing = table.modalities["visual"]
    blank = ModalityFeatures(
        np.zeros_like(nothing.values), np.zeros_like(nothing.valid), nothing.names, nothing.version
    )
    table = replace(table, modalities={**table.modalities, "visual": blank})
    scores, _ = calibrated_scores(fit_system("cim", table, recipe=QUICK), table, split="valid")
    assert np.isfinite(scores.positive).all()


def rising_or_falling(make_table) -> UtteranceTable:
    """Utterances of three to six words, one of them low and one high: positive where the low one comes first."""
    table = make_table(videos=60)
    generator = np.random.default_rng(5)
    count = len(table)
    offsets = np.concatenate([[0], np.cumsum(generator.integers(3, 7, count))]).astype(np.int64)
    words = generator.normal(scale=0.3, size=(int(offsets[-1]), 2)).astype(np.float32)
    rising = generator.random(count) < 0.5
    words[offsets[:-1], 0] = np.where(rising, -2, 2)
    words[offsets[1:] - 1, 0] = np.where(rising, 2, -2)
    means = np.add.reduceat(words, offsets[:-1]) / np.diff(offsets)[:, None]
    blocks = [ModalityFeatures(each, np.ones_like(each, bool), ("a", "b"), "word/1") for each in (means, words)]
    return replace(
        table,
        modalities={"text": blocks[0]},
        labels=replace(Labels.unknown(count), sentiment=rising.astype(np.float32)),
        words=WordFeatures(offsets, {"text": blocks[1]}),
    )


@pytest.mark.parametrize("name", ["mv_lstm", "marn", "mfn"])
def test_only_who_reads_word_by_word_can_tell_their_order(name, make_table):
    table = rising_or_falling(make_table)
    told = {}
    for system in (name, f"{name}_words"):
        scores, _ = calibrated_scores(fit_system(system, table, recipe=QUICK), table, split="test")
        told[system] = evaluate(scores, table.split("test"), thresholds={})["sentiment"]["auroc"]
    assert told[f"{name}_words"] > 0.95
    assert told[name] < 0.75  # the means are the same: chance, give or take
