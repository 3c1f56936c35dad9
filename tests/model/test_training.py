"""Training learns what can be learnt, repeats itself, goes on where it stopped, and is not taught by missing labels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from mtmm_video.foundation.errors import DataError
from mtmm_video.model.batches import BatchMaker, drop_modalities
from mtmm_video.model.evaluation import evaluate, score_table
from mtmm_video.model.losses import task_loss
from mtmm_video.model.recipes import PAPER, recipe_named
from mtmm_video.model.table import concatenate
from mtmm_video.model.training import Recipe, fit_columns, train

TINY = Recipe(hidden=8, dense=8, epochs=4, batch=4, learning_rate=0.02)


def weights_of(checkpoint):
    return {name: tensor.clone() for name, tensor in checkpoint.network.state_dict().items()}


def assert_same(first, second):
    assert first.keys() == second.keys()
    for name, tensor in first.items():
        torch.testing.assert_close(second[name], tensor, atol=0, rtol=0)


def test_a_pattern_that_is_there_is_learnt(make_table):
    table = make_table(videos=60)
    checkpoint = train(table, recipe=replace(TINY, epochs=8))
    test = table.split("test")
    found = evaluate(score_table(checkpoint, test), test, thresholds=checkpoint.specification.thresholds)
    assert found["sentiment"]["accuracy"] > 0.85
    assert found["emotion"]["classes"]["anger"]["auroc"] > 0.9
    assert found["sentiment"]["accuracy"] > found["sentiment"]["trivial"]["accuracy"]


def test_a_seed_decides_the_result(make_table):
    table = make_table()
    once, again = train(table, recipe=TINY), train(table, recipe=TINY)
    assert_same(weights_of(once), weights_of(again))
    assert once.specification.to_json() == again.specification.to_json()
    other = train(table, recipe=replace(TINY, seed=2))
    assert not torch.equal(weights_of(once)["heads.sentiment.weight"], weights_of(other)["heads.sentiment.weight"])


class StoppedError(Exception):
    pass


def test_a_stopped_run_goes_on_as_if_it_had_never_stopped(make_table, tmp_path):
    table = make_table(modalities=("text", "acoustic"))
    recipe = replace(TINY, modalities=("text", "acoustic"), modality_dropout=0.3, averaging=0.9)
    whole = train(table, recipe=recipe)

    def stop(record):
        if record.epoch == 2:
            raise StoppedError

    state = tmp_path / "state.safetensors"
    with pytest.raises(StoppedError):
        train(table, recipe=recipe, state_path=state, hook=stop)
    epochs = []
    rest = train(table, recipe=recipe, state_path=state, hook=lambda record: epochs.append(record.epoch))
    assert epochs == [3, 4]
    assert_same(weights_of(whole), weights_of(rest))
    assert whole.specification.to_json() == rest.specification.to_json()


def with_column(table, modality, **changed):
    return replace(table, modalities={**table.modalities, modality: replace(table.modalities[modality], **changed)})


def changed_mask(table):
    valid = table.modalities["text"].valid.copy()
    valid[0, 0] = not valid[0, 0]  # of a train row
    return with_column(table, "text", valid=valid)


def changed_offsets(table):
    offsets = table.offsets.copy()
    offsets[1] += 1  # the second video's first utterance becomes the last of the first
    return replace(table, offsets=offsets)


def changed_intensity(table):
    intensity = table.labels.sentiment_intensity.copy()
    intensity[0] = 2.5 if intensity[0] != 2.5 else 1.5
    return replace(table, labels=replace(table.labels, sentiment_intensity=intensity))


def changed_valid_split(table):
    row = int(np.flatnonzero(np.asarray(table.splits)[table.video_of_row] == "valid")[0])
    sentiment = table.labels.sentiment.copy()
    sentiment[row] = 1 - sentiment[row]
    return replace(table, labels=replace(table.labels, sentiment=sentiment))


def changed_column_name(table):
    return with_column(table, "text", names=("renamed", *table.modalities["text"].names[1:]))


def changed_version(table):
    return with_column(table, "text", version="another/2")


def reordered_texts(table):
    return replace(table, texts=(table.texts[1], table.texts[0], *table.texts[2:]))


@pytest.mark.parametrize(
    "change",
    [
        changed_mask,
        changed_offsets,
        changed_intensity,
        changed_valid_split,
        changed_column_name,
        changed_version,
        reordered_texts,
    ],
)
def test_a_state_of_other_data_is_not_resumed(make_table, tmp_path, change):
    table = make_table()
    assert epochs_trained(table, TINY, tmp_path) == [1, 2, 3, 4]
    assert epochs_trained(table, TINY, tmp_path) == [], "unchanged: finished already"
    assert epochs_trained(change(table), TINY, tmp_path) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "change",
    [{"learning_rate": 0.01}, {"seed": 9}, {"corpus_weights": {"mosei": 0.5}}, {"epochs": 5}, {"dropout": 0.1}],
)
def test_a_state_of_another_recipe_is_not_resumed(make_table, tmp_path, change):
    table, other = make_table(), replace(TINY, **change)
    epochs_trained(table, TINY, tmp_path)
    assert epochs_trained(table, other, tmp_path) == list(range(1, other.epochs + 1))


def test_what_is_not_learnt_from_does_not_stop_a_run_from_being_resumed(make_table, tmp_path):
    table = make_table(modalities=("text", "acoustic"))
    epochs_trained(table, TINY, tmp_path)  # of the text alone
    assert epochs_trained(table.with_modalities(["text"]), TINY, tmp_path) == []
    test = np.asarray(table.splits)[table.video_of_row] == "test"
    sentiment = np.where(test, 1 - table.labels.sentiment, table.labels.sentiment)
    other = replace(table, labels=replace(table.labels, sentiment=sentiment.astype(np.float32)))
    assert epochs_trained(other, TINY, tmp_path) == []


def epochs_trained(table, recipe, folder):
    """Numbers of the epochs that a run trains which finds the state of the run before."""
    epochs = []
    train(
        table, recipe=recipe, state_path=folder / "state.safetensors", hook=lambda record: epochs.append(record.epoch)
    )
    return epochs


def test_test_rows_have_no_part_in_training(make_table):
    table = make_table()
    rows = np.asarray(table.splits)[table.video_of_row] == "test"
    values = table.modalities["text"].values.copy()
    values[rows] = 1e6
    spoiled = replace(table, modalities={"text": replace(table.modalities["text"], values=values)})
    assert_same(weights_of(train(table, recipe=TINY)), weights_of(train(spoiled, recipe=TINY)))


def test_a_label_that_is_not_known_teaches_nothing():
    logits = torch.tensor([[0.0, 2.0], [5.0, -1.0]], requires_grad=True)
    loss = task_loss("sentiment", logits=logits, target=torch.tensor([1.0, float("nan")]), weights=torch.ones(2))
    loss.backward()
    assert float(logits.grad[1].abs().max()) == 0
    assert float(loss.detach()) == pytest.approx(np.log1p(np.exp(-2.0)))
    nothing = task_loss(
        "emotion", logits=torch.zeros(2, 7), target=torch.full((2, 7), float("nan")), weights=torch.ones(2)
    )
    assert float(nothing) == 0


def test_a_corpus_of_weight_zero_has_no_say_in_the_losses():
    logits = torch.tensor([[0.0, 2.0], [5.0, -1.0]], requires_grad=True)
    task_loss("sentiment", logits=logits, target=torch.tensor([1.0, 1.0]), weights=torch.tensor([1.0, 0.0])).backward()
    assert float(logits.grad[1].abs().max()) == 0


def test_corpora_with_different_modalities_and_labels_train_together(make_table):
    spoken = make_table(videos=16, modalities=("text",), corpus="spoken")
    acted = make_table(videos=16, modalities=("acoustic",), corpus="acted", seed=4)
    acted = replace(acted, labels=replace(acted.labels, sentiment=np.full(len(acted), np.nan, dtype=np.float32)))
    recipe = replace(
        TINY,
        modalities=("text", "acoustic"),
        corpus_weights={"acted": 0.3},
        selection_corpus="spoken",
        modality_dropout=0.2,
    )
    checkpoint = train(concatenate([spoken, acted]), recipe=recipe)
    assert set(checkpoint.specification.columns) == {"text", "acoustic"}
    with pytest.raises(DataError, match="'sung'"):
        train(spoken, recipe=replace(TINY, selection_corpus="sung"))


def test_modality_dropout_never_hides_the_last_one():
    masks = {"text": torch.ones(200, 3, dtype=torch.bool), "acoustic": torch.ones(200, 3, dtype=torch.bool)}
    masks["acoustic"][:100] = False
    dropped = drop_modalities(masks, probability=0.8, generator=np.random.default_rng(0))
    left = dropped["text"].any(dim=1) | dropped["acoustic"].any(dim=1)
    assert bool(left.all())
    assert bool(dropped["text"][:100].all())  # the only one these videos have
    assert 0.3 < float(dropped["text"][100:].float().mean()) < 0.7
    assert not bool((dropped["acoustic"] & ~masks["acoustic"]).any())


def test_modality_dropout_leaves_what_is_never_hidden():
    masks = {"text": torch.ones(200, 3, dtype=torch.bool), "acoustic": torch.ones(200, 3, dtype=torch.bool)}
    masks["text"][:50] = False
    dropped = drop_modalities(masks, probability=0.8, generator=np.random.default_rng(0), never=("text",))
    assert bool((dropped["text"] == masks["text"]).all())
    assert bool(dropped["acoustic"][:50].all())  # the only one these videos have
    assert 0.1 < float(dropped["acoustic"][50:].float().mean()) < 0.3


def test_every_video_is_in_exactly_one_batch(make_table):
    table = make_table(videos=30)
    maker = BatchMaker(table, columns=fit_columns(table, ("text",)), device=torch.device("cpu"))
    for generator in (None, np.random.default_rng(1)):
        rows = torch.cat([batch.rows[batch.exists] for batch in maker.epoch(batch=4, generator=generator)])
        assert sorted(rows.tolist()) == list(range(len(table)))


def test_intensity_heads_learn_the_intensity(make_table):
    table = make_table(videos=60)
    recipe = replace(TINY, epochs=10, tasks=("sentiment", "emotion", "sentiment_intensity", "emotion_intensity"))
    checkpoint = train(table, recipe=recipe)
    test = table.split("test")
    found = evaluate(score_table(checkpoint, test), test, thresholds=checkpoint.specification.thresholds)
    assert found["sentiment"]["intensity"]["correlation"] > 0.8


def test_table_5_is_the_papers_and_paper_has_its_network():
    table_5 = recipe_named("table-5")
    for recipe in (table_5, PAPER):
        network = (recipe.hidden, recipe.dense, recipe.dropout, recipe.batch, recipe.learning_rate)
        assert network == (200, 100, 0.3, 16, 0.001)
    assert (table_5.epochs, table_5.schedule, table_5.weight_decay, table_5.averaging) == (50, "constant", 0, 0)
    assert table_5.tasks == ("sentiment", "emotion")
    assert not table_5.task_weights
