"""What a voice adds counts by how far it lies outside natural speech."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mtmm_video.model.anchor import Anchor
from mtmm_video.model.anchoring import anchored, stacked
from mtmm_video.model.cim import CimNetwork
from mtmm_video.model.network_shape import NetworkShape

RECORDINGS = [{"emotion": np.full((4, 7), 0.25)}, {"emotion": np.full((2, 7), 0.75)}]
ANCHOR = Anchor.fit(RECORDINGS)


def weighed(shift: float) -> float:
    return float(ANCHOR.weigh("emotion", torch.full((1, 7), shift))[0, 0])


def test_a_long_recording_counts_no_more_than_a_short_one() -> None:
    assert ANCHOR.center["emotion"] == pytest.approx((0.5,) * 7)
    assert ANCHOR.spread["emotion"] == pytest.approx((0.25,) * 7)


def test_an_ordinary_voice_says_nothing_and_an_extraordinary_one_nearly_all() -> None:
    assert weighed(0.5) == 0
    assert abs(weighed(0.75)) < 0.05  # one spread above the mean
    assert weighed(10.5) == pytest.approx(10.0, rel=0.05)  # forty


def test_the_order_of_two_voices_over_the_same_words_is_kept() -> None:
    counted = [weighed(shift) for shift in np.linspace(-3, 3, 61)]
    assert counted == sorted(counted)


@pytest.fixture
def network() -> CimNetwork:
    torch.manual_seed(0)
    shape = NetworkShape(columns={"text": 3, "acoustic": 4}, hidden=5, dense=6, dropout=0.0)
    return CimNetwork(shape).eval()


def video(voice: bool) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    generator = torch.Generator().manual_seed(1)
    inputs = {name: torch.randn(1, 5, width, generator=generator) for name, width in (("text", 3), ("acoustic", 4))}
    masks = {"text": torch.ones(1, 5, dtype=torch.bool), "acoustic": torch.full((1, 5), voice)}
    return inputs, masks


def test_without_anchors_the_network_speaks_for_itself(network: CimNetwork) -> None:
    inputs, masks = video(voice=True)
    outputs, words = anchored(network, inputs, masks, anchors={})
    torch.testing.assert_close(outputs.logits["emotion"], network(inputs, masks).logits["emotion"])
    alone = network(inputs, {**masks, "acoustic": torch.zeros(1, 5, dtype=torch.bool)})
    torch.testing.assert_close(words.logits["emotion"], alone.logits["emotion"])


def test_a_video_without_a_voice_is_labelled_by_its_words(network: CimNetwork) -> None:
    inputs, masks = video(voice=False)
    far = {"sentiment": (9.0,), "emotion": (9.0,) * 7}
    anchor = Anchor(center=far, spread={"sentiment": (0.1,), "emotion": (0.1,) * 7})
    outputs, words = anchored(network, inputs, masks, anchors={"acoustic": anchor})
    for task, logits in words.logits.items():
        torch.testing.assert_close(outputs.logits[task], logits)


def test_a_voice_without_an_anchor_counts_in_full_beside_a_face_with_one() -> None:
    """As in a checkpoint that was trained on with recordings of sound alone."""
    torch.manual_seed(0)
    network = CimNetwork(
        NetworkShape(columns={"text": 3, "acoustic": 4, "visual": 2}, hidden=5, dense=6, dropout=0.0)
    ).eval()
    inputs, masks = video(voice=True)
    inputs["visual"], masks["visual"] = torch.randn(1, 5, 2), torch.zeros(1, 5, dtype=torch.bool)
    one, seven = (0.5,), (0.5,) * 7
    anchor = Anchor(center={"sentiment": one, "emotion": seven}, spread={"sentiment": one, "emotion": seven})
    outputs, _ = anchored(network, inputs, masks, anchors={"visual": anchor})
    torch.testing.assert_close(outputs.logits["emotion"], network(inputs, masks).logits["emotion"])


def test_the_stacked_outputs_begin_with_the_margin_of_positive() -> None:
    rows = {"sentiment": np.array([[1.0, 4.0]], np.float32), "emotion": np.arange(7, dtype=np.float32)[None]}
    assert stacked(rows)[0].tolist() == [3, 0, 1, 2, 3, 4, 5, 6]
