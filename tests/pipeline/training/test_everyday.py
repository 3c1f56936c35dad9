"""Heads of another corpus: as good as the odds that its labels were drawn from, calibrated, with thresholds for F1."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import softmax

from mtmm_video.model.domain import Domain
from mtmm_video.model.labels import EMOTION_CLASSES, EMOTIONS, SENTIMENT_CLASSES
from mtmm_video.pipeline.corpora.talk import Talk
from mtmm_video.pipeline.training.everyday import Outputs, fit_domain

TRAIN, CHOSEN = slice(0, 8000), slice(8000, 12000)
Drawn = tuple[NDArray[np.float64], NDArray[np.float64]]  # probabilities, and labels drawn from them


def drawn(generator: np.random.Generator, features: NDArray[np.float64], classes: int) -> Drawn:
    odds = softmax(features @ generator.normal(size=(features.shape[1], classes)), axis=1)
    labels = (odds.cumsum(axis=1) > generator.random((len(odds), 1))).argmax(axis=1)
    return odds, np.eye(classes)[labels]


@pytest.fixture(scope="module")
def fitted() -> tuple[Domain, Outputs, Drawn]:
    generator = np.random.default_rng(3)
    words, text = generator.normal(size=(12000, 3)), generator.normal(size=(12000, 5))
    features = np.concatenate([words, text], axis=1)
    _, sentiment = drawn(generator, features, len(SENTIMENT_CLASSES))
    odds, emotion = drawn(generator, features, len(EMOTION_CLASSES))
    talk = Talk(("words",) * 12000, tuple(map(str, range(12000))), sentiment, emotion)
    rows = np.arange(12000)
    domain = fit_domain(
        "made-up",
        train=Outputs(words[TRAIN], text[TRAIN]),
        labels=talk.rows(rows[TRAIN]),
        chosen=Outputs(words[CHOSEN], text[CHOSEN]),
        chosen_labels=talk.rows(rows[CHOSEN]),
    )
    return domain, Outputs(words[CHOSEN], text[CHOSEN]), (odds[CHOSEN], emotion[CHOSEN])


def probabilities(domain: Domain, outputs: Outputs) -> NDArray[np.float64]:
    return domain.emotions(outputs.words, outputs.text, shift=np.zeros((len(outputs.words), len(EMOTION_CLASSES))))


def test_the_heads_find_the_odds_that_the_labels_were_drawn_from(fitted: tuple[Domain, Outputs, Drawn]) -> None:
    domain, outputs, (odds, labels) = fitted
    found = probabilities(domain, outputs)
    surprise, least = (-(labels * np.log(each)).sum(axis=1).mean() for each in (found, odds))
    assert surprise < least + 0.03
    np.testing.assert_allclose(found.mean(axis=0), odds.mean(axis=0), atol=0.02)


def test_a_threshold_is_half_the_f1_that_it_gives(fitted: tuple[Domain, Outputs, Drawn]) -> None:
    """Of calibrated probabilities the best threshold for F1 is half the best F1 (Lipton et al., ECML PKDD 2014)."""
    domain, outputs, (_, labels) = fitted
    found = probabilities(domain, outputs)[:, : len(EMOTIONS)]
    for index, threshold in enumerate(domain.thresholds):
        said, true = found[:, index] >= threshold, labels[:, index] == 1
        f1 = 2 * (said & true).sum() / (said.sum() + true.sum())
        assert threshold == pytest.approx(f1 / 2, abs=0.05)
