"""What was measured badly weighs nothing in the labels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mtmm_video.model.features import ModalityFeatures, VideoFeatures
from mtmm_video.pipeline.quality import Quality
from mtmm_video.pipeline.trust import trusted_features

GOOD = Quality(0.9, 0.0, 0.6, 1.0, 1, 0, 1.0, 200.0, 0.5, 0.0)
ALL = ("text", "acoustic", "visual")


def one(name: str) -> ModalityFeatures:
    return ModalityFeatures(np.ones((1, 2), np.float32), np.ones((1, 2), np.bool_), ("a", "b"), f"{name}/1")


VIDEO = VideoFeatures("talk", {"text": one("text"), "acoustic": one("acoustic"), "visual": one("visual")})


def used(quality: Quality) -> list[str]:
    found = trusted_features(VIDEO, [quality], wanted=ALL).modalities
    return [name for name, features in found.items() if features.present.all()]


def test_what_was_measured_well_is_used() -> None:
    assert used(GOOD) == list(ALL)


@pytest.mark.parametrize(
    "bad",
    [{"face_confidence": 0.12}, {"turned_share": 0.9}, {"face_share": 0.1}, {"face_height": 20.0}, {"sharpness": 0.01}],
    ids=lambda bad: next(iter(bad)),
)
def test_a_face_measured_badly_is_not_used(bad: dict[str, float]) -> None:
    assert used(replace(GOOD, **bad)) == ["text", "acoustic"]


@pytest.mark.parametrize("bad", [{"voiced_share": 0.02}, {"overlap_share": 0.5}], ids=lambda bad: next(iter(bad)))
def test_a_voice_measured_badly_is_not_used(bad: dict[str, float]) -> None:
    assert used(replace(GOOD, **bad)) == ["text", "visual"]


def test_a_modality_that_the_user_leaves_out_is_absent() -> None:
    assert list(trusted_features(VIDEO, [GOOD], wanted=("text",)).modalities) == ["text"]
