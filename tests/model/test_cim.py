"""The network computes Algorithm 1, and nothing that is absent or padding has a say."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mtmm_video.foundation.errors import InputError
from mtmm_video.model.cim import ROWS_AT_ONCE, CimNetwork, attended, attention_weights, cim_attention
from mtmm_video.model.network_shape import NetworkShape

SHAPE = NetworkShape(columns={"text": 4, "acoustic": 3, "visual": 2}, hidden=5, dense=6)


def network_of(shape: NetworkShape = SHAPE, seed: int = 3) -> CimNetwork:
    torch.manual_seed(seed)
    network = CimNetwork(shape)
    network.eval()
    return network


def random_video(length: int, shape: NetworkShape = SHAPE, seed: int = 1):
    generator = torch.Generator().manual_seed(seed)
    inputs = {name: torch.randn(1, length, columns, generator=generator) for name, columns in shape.columns.items()}
    masks = {name: torch.ones(1, length, dtype=torch.bool) for name in shape.columns}
    return inputs, masks


def pad(tensor: torch.Tensor, length: int, fill: float) -> torch.Tensor:
    padding = torch.full((1, length - tensor.shape[1], *tensor.shape[2:]), fill, dtype=tensor.dtype)
    return torch.cat([tensor, padding], dim=1)


# --- Algorithm 1 once more, one video, one number at a time; shares no code with the network -------------------------


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def gru_by_hand(x, weights, suffix):
    """Equations of Cho et al. (2014) in the form torch documents: rows reset, update, new."""
    w_in, w_hid = weights[f"weight_ih_l0{suffix}"], weights[f"weight_hh_l0{suffix}"]
    b_in, b_hid = weights[f"bias_ih_l0{suffix}"], weights[f"bias_hh_l0{suffix}"]
    size = w_hid.shape[1]
    h = np.zeros(size)
    states = []
    for step in x:
        a, b = w_in @ step + b_in, w_hid @ h + b_hid
        reset = sigmoid(a[:size] + b[:size])
        update = sigmoid(a[size : 2 * size] + b[size : 2 * size])
        new = np.tanh(a[2 * size :] + reset * b[2 * size :])
        h = (1 - update) * new + update * h
        states.append(h)
    return np.array(states)


def encode_by_hand(x, weights, name):
    own = {key.removeprefix(f"encoders.{name}.gru."): value for key, value in weights.items() if f".{name}.gru" in key}
    forward = gru_by_hand(x, own, "")
    backward = gru_by_hand(x[::-1], own, "_reverse")[::-1]
    both = np.concatenate([forward, backward], axis=1)
    dense = both @ weights[f"encoders.{name}.dense.weight"].T + weights[f"encoders.{name}.dense.bias"]
    return np.maximum(dense, 0)


def attend_by_hand(X, Y):
    u, d = X.shape
    N1, N2 = np.zeros((u, u)), np.zeros((u, u))
    A1, A2 = np.zeros((u, d)), np.zeros((u, d))
    for i in range(u):
        e1 = [np.exp(X[i] @ Y[k]) for k in range(u)]
        e2 = [np.exp(Y[i] @ X[k]) for k in range(u)]
        for j in range(u):
            N1[i, j] = e1[j] / sum(e1)
            N2[i, j] = e2[j] / sum(e2)
        A1[i] = sum(N1[i, j] * Y[j] for j in range(u)) * X[i]
        A2[i] = sum(N2[i, j] * X[j] for j in range(u)) * Y[i]
    return A1, A2, N1, N2


def test_the_network_computes_algorithm_1():
    network = network_of()
    inputs, masks = random_video(7)
    weights = {key: value.double().numpy() for key, value in network.state_dict().items()}
    T, A, V = (encode_by_hand(inputs[name][0].double().numpy(), weights, name) for name in inputs)
    tv, av, ta = attend_by_hand(T, V), attend_by_hand(A, V), attend_by_hand(T, A)
    rep = np.concatenate([tv[0], tv[1], av[0], av[1], ta[0], ta[1], T, V, A], axis=1)
    with torch.no_grad():
        outputs = network(inputs, masks)
    for task in ("sentiment", "emotion"):
        expected = rep @ weights[f"heads.{task}.weight"].T + weights[f"heads.{task}.bias"]
        np.testing.assert_allclose(outputs.logits[task][0].numpy(), expected, atol=2e-6)
    for pair, by_hand in ((("text", "visual"), tv), (("acoustic", "visual"), av), (("text", "acoustic"), ta)):
        for (query, key), expected in ((pair, by_hand[2]), (pair[::-1], by_hand[3])):
            (weights,) = attention_weights(outputs.encoded[query], outputs.encoded[key], mask=masks[key])
            np.testing.assert_allclose(weights[0].numpy(), expected, atol=1e-6)


def test_the_single_modality_variant_attends_to_itself():
    network = network_of(NetworkShape(columns={"acoustic": 3}, hidden=5, dense=6))
    inputs, masks = random_video(4)
    weights = {key: value.double().numpy() for key, value in network.state_dict().items()}
    A = encode_by_hand(inputs["acoustic"][0].double().numpy(), weights, "acoustic")
    rep = np.concatenate([attend_by_hand(A, A)[0], A], axis=1)
    with torch.no_grad():
        outputs = network(inputs, masks)
    expected = rep @ weights["heads.sentiment.weight"].T + weights["heads.sentiment.bias"]
    np.testing.assert_allclose(outputs.logits["sentiment"][0].numpy(), expected, atol=2e-6)
    assert network.shape.pairs == (("acoustic", "acoustic"),)


# --- what is not there has no say ------------------------------------------------------------------------------------


def test_a_video_gets_the_same_labels_alone_and_padded_beside_a_longer_one():
    network = network_of()
    short, short_masks = random_video(3, seed=1)
    long, long_masks = random_video(9, seed=2)
    both = {name: torch.cat([pad(short[name], 9, 7.0), long[name]]) for name in short}
    both_masks = {name: torch.cat([pad(short_masks[name], 9, 0), long_masks[name]]) for name in short}
    with torch.no_grad():
        alone, together = network(short, short_masks), network(both, both_masks)
    for task, logits in alone.logits.items():
        torch.testing.assert_close(together.logits[task][0, :3], logits[0], atol=1e-6, rtol=0)


def test_letting_padding_take_part_as_the_authors_script_does_changes_the_labels():
    network = network_of()
    inputs, masks = random_video(3)
    padded = {name: pad(values, 9, 0.0) for name, values in inputs.items()}
    everything = {name: torch.ones(1, 9, dtype=torch.bool) for name in masks}
    with torch.no_grad():
        masked, unmasked = network(inputs, masks), network(padded, everything)
    assert (masked.logits["sentiment"][0] - unmasked.logits["sentiment"][0, :3]).abs().max() > 1e-3


@pytest.mark.parametrize("name", ["text", "acoustic", "visual"])
def test_the_numbers_of_an_absent_utterance_do_not_matter(name):
    network = network_of()
    inputs, masks = random_video(5)
    masks[name][0, 2] = False
    changed = {**inputs, name: inputs[name].clone()}
    changed[name][0, 2] = 100.0
    with torch.no_grad():
        one, other = network(inputs, masks), network(changed, masks)
    for task in one.logits:
        torch.testing.assert_close(one.logits[task], other.logits[task], atol=0, rtol=0)


def test_an_utterance_that_lacks_a_modality_is_no_step_of_its_context():
    network = network_of(NetworkShape(columns={"text": 4}, hidden=5, dense=6))
    inputs, masks = random_video(5)
    masks["text"][0, 2] = False
    kept = [0, 1, 3, 4]
    with torch.no_grad():
        gap = network(inputs, masks)
        without = network({"text": inputs["text"][:, kept]}, {"text": masks["text"][:, kept]})
    torch.testing.assert_close(gap.logits["sentiment"][:, kept], without.logits["sentiment"], atol=1e-6, rtol=0)


def test_attention_rows_sum_to_one_over_present_utterances_and_to_zero_without_any():
    generator = torch.Generator().manual_seed(0)
    X, Y = torch.randn(2, 6, 4, generator=generator), torch.randn(2, 6, 4, generator=generator)
    x_mask, y_mask = torch.ones(2, 6, dtype=torch.bool), torch.ones(2, 6, dtype=torch.bool)
    y_mask[0, 4:] = False
    y_mask[1] = False
    (N1,), (N2,) = attention_weights(X, Y, mask=y_mask), attention_weights(Y, X, mask=x_mask)
    torch.testing.assert_close(N1[0].sum(dim=-1), torch.ones(6))
    assert float(N1[0, :, 4:].abs().max()) == 0
    assert float(N1[1].abs().max()) == 0
    torch.testing.assert_close(N2.sum(dim=-1), torch.ones(2, 6))


def test_attention_in_blocks_of_rows_is_the_attention_of_the_whole_matrix():
    generator = torch.Generator().manual_seed(1)
    count = ROWS_AT_ONCE + 3
    X, Y = (torch.randn(1, count, 4, generator=generator, dtype=torch.float64) for _ in range(2))
    mask = torch.rand(1, count, generator=generator) > 0.2
    whole = (X @ Y.transpose(1, 2)).masked_fill(~mask[:, None, :], -torch.inf).softmax(dim=-1)
    torch.testing.assert_close(torch.cat(list(attention_weights(X, Y, mask=mask)), dim=1), whole)
    torch.testing.assert_close(attended(X, Y, mask=mask), (whole @ Y) * X)


def test_large_matching_scores_do_not_overflow():
    X = torch.full((1, 3, 4), 60.0)
    mask = torch.ones(1, 3, dtype=torch.bool)
    assert all(torch.isfinite(part).all() for part in cim_attention(X, X, x_mask=mask, y_mask=mask))


@pytest.mark.parametrize("length", [1, 500])
def test_videos_of_one_and_of_five_hundred_utterances(length):
    network = network_of()
    inputs, masks = random_video(length)
    masks["visual"][:] = False
    with torch.no_grad():
        outputs = network(inputs, masks)
    assert outputs.logits["emotion"].shape == (1, length, 7)
    assert torch.isfinite(outputs.logits["emotion"]).all()


def test_tasks_decide_the_heads():
    tasks = ("sentiment", "emotion", "sentiment_intensity", "emotion_intensity")
    network = network_of(NetworkShape(columns=SHAPE.columns, hidden=5, dense=6, tasks=tasks))
    inputs, masks = random_video(2)
    widths = {task: logits.shape[-1] for task, logits in network(inputs, masks).logits.items()}
    assert widths == {"sentiment": 2, "emotion": 7, "sentiment_intensity": 1, "emotion_intensity": 6}
    single = network_of(NetworkShape(columns=SHAPE.columns, hidden=5, dense=6, tasks=("emotion",)))
    assert list(single(inputs, masks).logits) == ["emotion"]


def test_two_modalities_have_one_pair():
    assert NetworkShape(columns={"text": 4, "acoustic": 3}).pairs == (("text", "acoustic"),)
    assert NetworkShape(columns={"acoustic": 4, "visual": 3}).pairs == (("acoustic", "visual"),)


def test_a_network_needs_a_modality_and_known_tasks():
    with pytest.raises(InputError, match="at least one"):
        NetworkShape(columns={})
    with pytest.raises(InputError, match="sarcasm"):
        NetworkShape(columns={"text": 4}, tasks=("sarcasm",))
