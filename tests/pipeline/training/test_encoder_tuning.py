"""Tuning of the sentence encoder: what is learnt, by which encoder, and what an interruption must not change."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from mtmm_video.extractors.text import mpnet
from mtmm_video.extractors.text.mpnet import LAYERS, WIDTH, Transformer
from mtmm_video.extractors.text.sentence_encoder import merge_delta
from mtmm_video.pipeline.training import encoder_folds
from mtmm_video.pipeline.training.encoder_folds import (
    FOLDS_STAGE,
    TextRows,
    merged,
    ship_encoder,
    tune_encoders,
    vectors_of,
)
from mtmm_video.pipeline.training.encoder_texts import GOEMOTIONS, MELD, MOSEI, MOSI, EncoderTexts
from mtmm_video.pipeline.training.encoder_tuning import (
    CLASSES,
    INTENSITY,
    OUTPUTS,
    PRESENCE,
    LowRank,
    TunedEncoders,
    Tuning,
    TuningOptions,
    TuningRows,
    batches_of,
    losses_of,
    schedule,
)
from mtmm_video.pipeline.training.out_of_fold import UnseenVectors, key_of
from mtmm_video.pipeline.training.stages import StageRun

INDICES = [[2, 5, 3], [2, 6, 7, 3], [2, 8, 3], [2, 9, 10, 11, 3]]
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def transformer() -> Transformer:
    torch.manual_seed(0)
    found = Transformer()
    found.layers = found.layers[:2]  # as deep as the tests need
    return found.eval()


def rows_of(folds: list[int]) -> TuningRows:
    targets = [np.array([row % 2], np.float32) for row in range(len(INDICES))]
    return TuningRows(indices=INDICES, targets=targets, folds=np.array(folds), padding=1)


def learnt(transformer: Transformer, options: TuningOptions, folds: list[int], steps: int = 2) -> TunedEncoders:
    encoders = TunedEncoders(deepcopy(transformer), options)
    plan = [(MOSI, [0, 1]), (MOSI, [2, 3])]
    tuning = Tuning(encoders, rows=rows_of(folds), steps=plan, options=options, device=CPU)
    for step in range(steps):
        tuning.learn(step)
    return encoders


def test_before_the_first_step_every_encoder_is_the_published_one(transformer: Transformer) -> None:
    options = TuningOptions(folds=1, rank=2, dropout=0.0)
    encoders = TunedEncoders(deepcopy(transformer), options).eval()
    indices, mask = torch.tensor([INDICES[1]]), torch.ones(1, 4, dtype=torch.bool)
    found = encoders(indices, mask, MELD)
    head = encoders.heads[MELD]
    expected = head(transformer(indices, mask) * 3.0)
    assert found.shape == (2, 1, OUTPUTS[MELD])
    for each in found:
        torch.testing.assert_close(each, expected, atol=1e-5, rtol=0)


def test_an_encoder_learns_nothing_from_its_own_fold(transformer: Transformer) -> None:
    options = TuningOptions(folds=2, rank=2)
    every_text_in_fold_0 = learnt(transformer, options, [0, 0, 0, 0])
    addition = every_text_in_fold_0.additions()["layers.0.query"]
    assert not addition.up[0].any(), "the encoder of fold 0 has seen no text"
    assert addition.up[1].any(), "no text is in fold 1, so its encoder has learnt"
    assert addition.up[2].any(), "the last one learns from all"


def test_encoders_that_learn_together_learn_what_they_would_alone(transformer: Transformer) -> None:
    """Neither padding nor other encoders' rows change a vector: merged, an encoder gives what it gave in training."""
    options = TuningOptions(folds=1, rank=2, dropout=0.0)
    encoders = learnt(transformer, options, [0, 0, 1, 1]).eval()
    tensors = {}
    for name, addition in encoders.additions().items():
        tensors |= {f"{name}.down": addition.down.detach(), f"{name}.up": addition.up.detach()}
    rows = rows_of([0, 0, 1, 1])
    indices, mask = rows.batch([0, 3], device=CPU)
    together = encoders(indices, mask, MELD)
    for encoder in range(2):
        alone = merged(deepcopy(transformer), tensors, encoder=encoder)
        expected = encoders.heads[MELD](alone(indices, mask) * 3.0)
        torch.testing.assert_close(together[encoder], expected, atol=1e-4, rtol=0)


def test_batches_hold_like_lengths_within_the_limit() -> None:
    lengths = np.array([3, 9, 4, 10, 3])
    found = batches_of([0, 1, 2, 3, 4], lengths=lengths, pieces=20)
    assert sorted(row for batch in found for row in batch) == [0, 1, 2, 3, 4]
    assert all(len(batch) * max(lengths[batch]) <= 20 for batch in found)


def test_every_text_is_read_in_each_pass_and_comments_in_one() -> None:
    options = TuningOptions(passes=2)
    rows = np.arange(10, dtype=np.int64)
    steps = schedule([(MOSEI, rows), (GOEMOTIONS, 10 + rows)], lengths=np.full(20, 5), options=options)
    read = [row for _, batch in steps for row in batch]
    assert sorted(read) == sorted([*range(10), *range(10), *range(10, 20)])
    assert all(len({row < 10 for row in batch}) == 1 for _, batch in steps), "a batch is of one corpus"


def test_the_right_answer_has_the_least_loss() -> None:
    options = TuningOptions()
    cases = {
        MOSEI: np.array([[2.0, 0, 0, 0, 3.0, 0, 0]], np.float32),  # clearly positive, very happy
        MOSI: np.array([[1.0]], np.float32),
        MELD: np.eye(10, dtype=np.float32)[[2]] + np.eye(10, dtype=np.float32)[[6]],
        GOEMOTIONS: np.eye(28, dtype=np.float32)[[17]],
    }
    for corpus, targets in cases.items():
        right = torch.full((1, OUTPUTS[MOSEI if corpus == MOSI else corpus]), -8.0)
        if corpus in (MOSEI, MOSI):
            right[0, 0], right[0, 1], right[0, CLASSES.stop - 1] = 2 / 3, 8.0, 8.0
            right[0, INTENSITY] = torch.tensor([0.0, 0, 0, 3, 0, 0])
            right[0, PRESENCE.start + 3] = 8.0
        else:
            right[0, targets[0] > 0] = 8.0
        wrong = -right
        found = [float(losses_of(outputs, torch.from_numpy(targets), corpus, options)) for outputs in (right, wrong)]
        assert found[0] < 0.02, corpus
        assert found[1] > 1, corpus


def test_labels_that_a_corpus_lacks_do_not_teach() -> None:
    outputs = torch.zeros(1, OUTPUTS[MOSEI], requires_grad=True)
    losses_of(outputs, torch.tensor([[1.0]]), MOSI, TuningOptions()).sum().backward()
    assert outputs.grad is not None
    assert outputs.grad[0, 1] < 0, "polarity is known"
    assert outputs.grad.count_nonzero() == 1, "nothing else is"


def test_a_low_rank_layer_starts_as_the_layer_it_adds_to() -> None:
    linear = torch.nn.Linear(6, 4)
    x = torch.randn(6, 2, 6)
    torch.testing.assert_close(LowRank(linear, encoders=3, rank=2)(x), linear(x))


@pytest.fixture
def tiny(transformer: Transformer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StageRun:
    """A stage over a few texts and two layers."""
    texts = EncoderTexts(
        corpus=MELD,
        texts=("yes", "no", "well", "really now"),
        groups=("d1", "d2", "d3", "d4"),
        train=np.array([True, True, True, False]),
        targets=np.eye(10, dtype=np.float32)[[0, 2, 1, 1]] + np.eye(10, dtype=np.float32)[[3, 6, 9, 9]],
    )
    monkeypatch.setattr(encoder_folds, "read_texts", lambda sources: [texts])
    monkeypatch.setattr(encoder_folds, "load_transformer", lambda folder: deepcopy(transformer))
    monkeypatch.setattr(encoder_folds, "SAVE_EVERY", 2)
    monkeypatch.setattr(encoder_folds, "REPORT_EVERY", 1)
    words = ["<s>", "<pad>", "</s>", "[UNK]", "yes", "no", "well", "really", "now"]
    (tmp_path / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    weights = {"mpnet-base-v2": tmp_path}
    return StageRun(tmp_path / "folds.safetensors", tmp_path / "state", inputs={}, sources={}, weights=weights)


OPTIONS = TuningOptions(rank=2, passes=4, pieces=3)  # a text a step


def test_each_train_text_has_the_vector_of_the_encoder_of_its_fold(tiny: StageRun, transformer: Transformer) -> None:
    tune_encoders(tiny, options=OPTIONS)
    tensors = load_file(tiny.output)
    texts = TextRows.read({}, vocabulary=tiny.weights["mpnet-base-v2"] / "vocab.txt")
    unseen = UnseenVectors.load(tiny.output)
    assert len(unseen.rows) == 3, "the valid text was not learnt from"
    for row, text in enumerate(texts.parts[0].texts[:3]):
        fold = int(texts.rows.folds[row])
        alone = merged(deepcopy(transformer), tensors, encoder=fold)
        ((_, expected),) = vectors_of(alone, texts, [row], device=CPU)
        found = torch.from_numpy(unseen.vectors[unseen.rows[key_of(fold, text)]].astype(np.float32))
        torch.testing.assert_close(found, expected[0], atol=2e-3, rtol=0)  # fp16


def test_an_interrupted_tuning_ends_as_one_in_one_go(tiny: StageRun, tmp_path: Path) -> None:
    tune_encoders(tiny, options=OPTIONS)
    expected = load_file(tiny.output)
    tiny.state.unlink()

    class StopError(Exception):
        pass

    def stop(done: int, total: int, text: str) -> None:
        if done == 5:
            raise StopError

    again = StageRun(tmp_path / "again.safetensors", tmp_path / "state", {}, {}, weights=tiny.weights, report=stop)
    with pytest.raises(StopError):
        tune_encoders(again, options=OPTIONS)
    reports: list[int] = []
    again = StageRun(
        again.output, again.state, {}, {}, weights=tiny.weights, report=lambda done, total, text: reports.append(done)
    )
    tune_encoders(again, options=OPTIONS)
    assert reports[0] == 5, "four steps were saved"
    for name, value in load_file(again.output).items():
        torch.testing.assert_close(value, expected[name], msg=name)


def test_what_is_shipped_is_the_encoder_of_all_texts(tmp_path: Path) -> None:
    torch.manual_seed(3)
    whole = Transformer()
    name = f"layers.{LAYERS - 1}.inner"
    parts = {f"{name}.down": torch.randn(3, 4, WIDTH).half(), f"{name}.up": torch.randn(3, mpnet.INNER, 4).half()}
    folds = tmp_path / "folds.safetensors"
    save_file({**parts, "vectors": torch.zeros(1)}, folds, metadata={"options": "{}"})
    output = tmp_path / "delta.safetensors"
    run = StageRun(output=output, state=tmp_path / "state", inputs={FOLDS_STAGE: folds}, sources={}, weights={})
    ship_encoder(run, version="test/1")
    assert {name: value.dtype for name, value in load_file(output).items()} == {
        f"{name}.down": torch.int8,
        f"{name}.down.scale": torch.float32,
        f"{name}.up": torch.int8,
        f"{name}.up.scale": torch.float32,
    }
    before = whole.layers[LAYERS - 1].inner.weight.detach().clone()
    assert merge_delta(whole, output) == "test/1"
    expected = parts[f"{name}.up"][-1].float() @ parts[f"{name}.down"][-1].float()
    found = whole.layers[LAYERS - 1].inner.weight.detach() - before
    assert (found - expected).norm() < 0.02 * expected.norm()
