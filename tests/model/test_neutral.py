"""Three classes beside the paper's two, and an intensity that agrees with them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mtmm_video.model.domain import Domain, gates
from mtmm_video.model.neutral import NeutralHead, agreeing_intensity, classes_of, three_classes

POSITIVE = np.array([0.1, 0.5, 0.9])


def test_neutral_and_positive_together_are_the_papers_positive() -> None:
    neutral = NeutralHead(bias=-1.0, weights=(0.5, 2.0)).share(np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 9.0]]))
    assert neutral == pytest.approx([1 / (1 + np.e), 0.5, 1.0], abs=1e-6)
    classes = three_classes(POSITIVE, neutral)
    assert classes.sum(axis=1) == pytest.approx([1, 1, 1])
    assert classes[:, 1] + classes[:, 2] == pytest.approx(POSITIVE)


def test_annotated_zero_is_neutral_and_below_it_is_the_papers_negative() -> None:
    strengths = np.array([-3, -1 / 3, 0, 1 / 3, 2 / 3, 1, np.nan])
    assert classes_of(strengths).tolist() == [0, 0, 1, 1, 1, 2, -1]


def test_an_intensity_never_contradicts_its_label() -> None:
    found = agreeing_intensity(np.array([0.4, -0.4, 2.0, -2.0, 0.1, -1.5]), np.array([0, 2, 1, 1, 2, 0]))
    assert found == pytest.approx([0, 0.7, 0.7, 0, 0.7, -1.5])


def domain(*, bias: float) -> Domain:
    return Domain(
        name="talk",
        gate=(0.0, bias),
        sentiment=((0.0, 1.0, 0.0), (0.0, 0.0, 0.0), (0.0, -1.0, 0.0)),
        emotion=((0.0, 0.0, 0.0),) * 7,
        thresholds=(0.3,) * 6,
    )


def test_a_gate_shares_a_recording_among_domains() -> None:
    one = np.zeros(1, np.int64)
    shares = gates([domain(bias=0.0), domain(bias=np.log(2.0))], np.ones((1, 1)), recordings=one)
    assert shares[0] == pytest.approx([0.25, 0.25, 0.5])


def test_the_kind_of_talk_is_that_of_the_whole_recording() -> None:
    talk = replace(domain(bias=0.0), gate=(1.0, 0.0))
    text = np.log([[9.0], [1 / 3], [4.0], [1.0]])  # ln 1 = 0: no words
    shares = gates([talk], text, recordings=np.array([7, 7, 3, 7]))
    odds = shares[:, 1] / shares[:, 0]
    assert odds == pytest.approx([np.sqrt(3)] * 2 + [4.0, np.sqrt(3)])  # the geometric mean of 9 and 1/3; 4 on its own


def test_what_a_voice_adds_moves_a_domains_polarity_and_emotions() -> None:
    words, text = np.zeros((2, 1)), np.zeros((2, 1))
    classes = domain(bias=0).classes(words, text, shift=np.array([0.0, 2.0]))
    assert classes[0] == pytest.approx([1 / 3, 1 / 3, 1 / 3])
    assert classes[1, 2] / classes[1, 0] == pytest.approx(np.exp(2.0))  # log-odds add
    emotions = domain(bias=0).emotions(words, text, shift=np.eye(7)[:2] * np.log(3.0))
    assert emotions[0, 0] == pytest.approx(3 / 9)


def test_a_head_learns_what_other_people_call_neutral_and_keeps_its_order() -> None:
    outputs = np.linspace(-2, 2, 41)[:, None]
    classes = np.where(outputs[:, 0] > 1, 1, 2)  # neutral is rarer for them than for those the head was fitted on
    classes[:3] = 0  # negative: not asked
    head = NeutralHead(bias=1.0, weights=(0.5,))
    fitted = head.recalibrated(outputs, classes)
    shares = fitted.share(outputs[3:])
    assert shares.mean() == pytest.approx((classes[3:] == 1).mean(), abs=0.03)
    assert (np.diff(shares) > 0).all()
    assert 1e-6 < shares.min() < shares.max() < 0.999  # ten cases are no certainty, however well they are told apart
