"""Tuning of the sentence encoder: what is learnt, in which order, and what an interruption must not change."""

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
from mtmm_video.pipeline.training.cross_tuning import HALVES_STAGE, average_halves
from mtmm_video.pipeline.training.encoder_texts import GOEMOTIONS, MELD, MOSEI, MOSI
from mtmm_video.pipeline.training.encoder_tuning import (
    CLASSES,
    INTENSITY,
    OUTPUTS,
    PRESENCE,
    LowRank,
    TunedEncoder,
    Tuning,
    TuningOptions,
    loss_of,
    schedule,
    vectors_of,
)
from mtmm_video.pipeline.training.lower_states import LowerStates, batches_of
from mtmm_video.pipeline.training.stages import StageRun

INDICES = [[2, 5, 3], [2, 6, 7, 3], [2, 8, 3], [2, 9, 10, 11, 3]]


@pytest.fixture(scope="module")
def transformer() -> Transformer:
    torch.manual_seed(0)
    return Transformer().eval()


@pytest.fixture
def states(transformer: Transformer, tmp_path: Path) -> LowerStates:
    found = LowerStates(tmp_path / "lower", indices=INDICES)
    found.fill(transformer, padding=1)
    return found


def test_frozen_layers_then_tuned_ones_are_the_whole_encoder(transformer: Transformer, states: LowerStates) -> None:
    expected = transformer(torch.tensor([INDICES[1]]), torch.ones(1, 4, dtype=torch.bool))[0]
    encoder = TunedEncoder(deepcopy(transformer), TuningOptions(rank=2))  # `up` starts at zero: nothing is added yet
    found = {
        row: vector
        for rows, vectors in vectors_of(encoder, states, [0, 1, 2, 3])
        for row, vector in zip(rows, vectors, strict=True)
    }
    torch.testing.assert_close(found[1], expected, atol=5e-3, rtol=0)  # the states are stored in fp16
    assert set(found) == {0, 1, 2, 3}


def test_states_that_are_there_are_not_computed_again(transformer: Transformer, tmp_path: Path) -> None:
    LowerStates(tmp_path / "lower", indices=INDICES).fill(transformer, padding=1)
    again = LowerStates(tmp_path / "lower", indices=INDICES)
    reports: list[int] = []
    again.fill(transformer, padding=1, report=lambda done, total, text: reports.append(done))
    assert reports == []


def test_batches_hold_like_lengths_within_the_limit() -> None:
    lengths = np.array([3, 9, 4, 10, 3])
    found = batches_of([0, 1, 2, 3, 4], lengths=lengths, pieces=20)
    assert sorted(row for batch in found for row in batch) == [0, 1, 2, 3, 4]
    assert all(len(batch) * max(lengths[batch]) <= 20 for batch in found)


def test_every_text_is_read_in_each_pass_and_comments_in_one() -> None:
    options = TuningOptions(passes=2)
    rows = np.arange(10, dtype=np.int64)
    steps = schedule([(MOSEI, rows), (GOEMOTIONS, 10 + rows)], lengths=np.full(20, 5), half=0, options=options)
    read = [row for _, batch in steps for row in batch]
    assert sorted(read) == sorted([*range(10), *range(10), *range(10, 20)])
    assert all(len({row < 10 for row in batch}) == 1 for _, batch in steps), "a batch is of one corpus"
    other = schedule([(MOSEI, rows)], lengths=np.full(20, 5), half=1, options=options)
    assert other != schedule([(MOSEI, rows)], lengths=np.full(20, 5), half=0, options=options)


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
        found = [float(loss_of(outputs, torch.from_numpy(targets), corpus, options)) for outputs in (right, wrong)]
        assert found[0] < 0.02, corpus
        assert found[1] > 1, corpus


def test_a_step_is_the_same_whatever_came_before_it(transformer: Transformer, states: LowerStates) -> None:
    options = TuningOptions(rank=2)
    steps = [(MOSI, [0, 1]), (MOSI, [2, 3])]
    targets = {row: np.array([row % 2], np.float32) for row in range(4)}

    def after(begin: int) -> dict[str, torch.Tensor]:
        torch.manual_seed(begin)  # what another history leaves behind
        encoder = TunedEncoder(deepcopy(transformer), options)
        tuning = Tuning(encoder, states=states, targets=targets, steps=steps, options=options, half=0)
        torch.rand(begin)
        tuning.learn(0)
        return {name: value.detach().clone() for name, value in encoder.learnt().items()}

    first, second = after(1), after(9)
    assert any(value.abs().sum() > 0 for name, value in first.items() if name.endswith(".up"))
    for name, value in first.items():
        torch.testing.assert_close(second[name], value)


def test_the_shipped_addition_is_the_mean_of_the_halves(transformer: Transformer, tmp_path: Path) -> None:
    torch.manual_seed(3)
    name = f"layers.{LAYERS - 1}.inner"
    parts = {
        f"{half}.{name}.{side}": torch.randn(shape)
        for half in range(2)
        for side, shape in (("down", (4, WIDTH)), ("up", (mpnet.INNER, 4)))
    }
    halves = tmp_path / "halves.safetensors"
    save_file(parts, halves, metadata={"options": "{}"})
    output = tmp_path / "delta.safetensors"
    run = StageRun(output=output, state=tmp_path / "state", inputs={HALVES_STAGE: halves}, sources={}, weights={})
    average_halves(run, version="test/1")
    assert set(load_file(output)) == {f"{name}.down", f"{name}.up"}
    before = transformer.layers[LAYERS - 1].inner.weight.detach().clone()
    changed = deepcopy(transformer)
    assert merge_delta(changed, output) == "test/1"
    mean = sum(parts[f"{half}.{name}.up"] @ parts[f"{half}.{name}.down"] for half in range(2)) / 2
    found = changed.layers[LAYERS - 1].inner.weight.detach() - before
    torch.testing.assert_close(found, torch.as_tensor(mean), atol=0.05, rtol=0)  # fp16; values reach 20


def test_a_low_rank_layer_starts_as_the_layer_it_adds_to() -> None:
    linear = torch.nn.Linear(6, 4)
    x = torch.randn(3, 6)
    torch.testing.assert_close(LowRank(linear, rank=2)(x), linear(x))


def test_labels_that_a_corpus_lacks_do_not_teach() -> None:
    outputs = torch.zeros(1, OUTPUTS[MOSEI], requires_grad=True)
    loss_of(outputs, torch.tensor([[1.0]]), MOSI, TuningOptions()).backward()
    assert outputs.grad is not None
    assert outputs.grad[0, 1] < 0, "polarity is known"
    assert outputs.grad.count_nonzero() == 1, "nothing else is"
