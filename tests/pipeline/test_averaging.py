"""Words first, then the utterance (paper, section 5.2), checked against the formula by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtmm_video.extractors.speech.words import Word
from mtmm_video.extractors.stream import FeatureStream
from mtmm_video.pipeline.averaging import average_words
from mtmm_video.pipeline.utterance import Utterance


def stream(times: list[float], values: list[list[float]], valid: list[list[bool]] | None = None) -> FeatureStream:
    table = np.array(values, dtype=float).reshape(len(times), -1)
    mask = np.ones(table.shape, dtype=bool) if valid is None else np.array(valid).reshape(table.shape)
    names = tuple(f"c{i}" for i in range(table.shape[1]))
    return FeatureStream(np.array(times), np.where(mask, table, 0.0), names, mask, "test/1")


def utterance(*intervals: tuple[float, float]) -> Utterance:
    words = tuple(Word(f"w{i}", start, end) for i, (start, end) in enumerate(intervals))
    return Utterance(0, words[0].start, words[-1].end, " ".join(w.text for w in words), words)


def test_a_long_word_weighs_as_much_as_a_short_one() -> None:
    frames = stream([0.05, 0.15, 0.25, 0.35], [[1.0], [2.0], [3.0], [10.0]])
    result = average_words(frames, [utterance((0.0, 0.3), (0.3, 0.4))])
    assert result.values[0, 0] == pytest.approx(((1 + 2 + 3) / 3 + 10) / 2)  # 6, where the mean of frames is 4


def test_frames_between_words_do_not_count() -> None:
    frames = stream([0.05, 0.15, 0.25], [[1.0], [100.0], [3.0]])
    assert average_words(frames, [utterance((0.0, 0.1), (0.2, 0.3))]).values[0, 0] == pytest.approx(2.0)


def test_a_frame_on_the_border_belongs_to_the_later_word() -> None:
    frames = stream([0.1, 0.2], [[1.0], [5.0]])
    result = average_words(frames, [utterance((0.1, 0.2)), utterance((0.2, 0.3))])
    assert result.values[:, 0].tolist() == [1.0, 5.0]


def test_a_word_shorter_than_a_frame_takes_the_nearest_one() -> None:
    frames = stream([0.0, 0.1, 0.2], [[1.0], [2.0], [3.0]])
    result = average_words(frames, [utterance((0.11, 0.13)), utterance((0.17, 0.18)), utterance((0.12, 0.12))])
    assert result.values[:, 0].tolist() == [2.0, 3.0, 2.0]


def test_two_frames_are_enough_to_know_how_far_they_reach() -> None:
    frames = stream([0.0, 0.1], [[1.0], [2.0]])
    result = average_words(frames, [utterance((0.15, 0.16)), utterance((0.25, 0.3))])
    assert result.present.tolist() == [True, False]
    assert result.values[0, 0] == 2.0


def test_a_word_far_from_every_frame_has_no_value() -> None:
    frames = stream([0.0, 0.1, 0.2], [[1.0], [2.0], [3.0]])
    result = average_words(frames, [utterance((0.9, 1.0))])
    assert not result.present[0]
    assert result.values[0, 0] == 0.0


def test_only_measured_frames_count_and_each_column_for_itself() -> None:
    frames = stream(
        [0.05, 0.15, 0.25],
        [[1.0, 4.0], [9.0, 6.0], [5.0, 8.0]],
        [[True, False], [False, True], [True, False]],
    )
    result = average_words(frames, [utterance((0.0, 0.2), (0.2, 0.3))])
    assert result.values[0].tolist() == pytest.approx([(1 + 5) / 2, 6.0])  # column 1: the second word has none
    assert result.valid[0].tolist() == [True, True]


def test_an_absent_column_is_flagged_not_zero() -> None:
    frames = stream([0.05, 0.15], [[1.0, 7.0], [3.0, 7.0]], [[True, False], [True, False]])
    result = average_words(frames, [utterance((0.0, 0.2))])
    assert result.valid[0].tolist() == [True, False]


def test_a_stream_without_frames_gives_absent_rows() -> None:
    frames = FeatureStream(np.zeros(0), np.zeros((0, 3)), ("a", "b", "c"), np.zeros((0, 3), dtype=bool), "test/1")
    result = average_words(frames, [utterance((0.0, 1.0)), utterance((1.0, 2.0))])
    assert result.values.shape == (2, 3)
    assert not result.valid.any()


def test_no_utterances_give_no_rows() -> None:
    assert average_words(stream([0.0], [[1.0]]), []).values.shape == (0, 1)


@given(
    st.lists(st.floats(-50, 50), min_size=30, max_size=30),
    st.lists(st.floats(0.0, 0.25), min_size=2, max_size=8),
)
def test_a_mean_lies_between_the_extremes_and_follows_scale_and_shift(numbers: list[float], gaps: list[float]) -> None:
    times = [0.01 * i for i in range(30)]
    ends = np.cumsum(gaps)
    spoken = utterance(*zip([0.0, *ends[:-1].tolist()], ends.tolist(), strict=True))
    plain = average_words(stream(times, [[x] for x in numbers]), [spoken])
    moved = average_words(stream(times, [[3 * x + 1] for x in numbers]), [spoken])
    assert (plain.valid == moved.valid).all()
    if plain.valid[0, 0]:
        assert min(numbers) - 1e-3 <= plain.values[0, 0] <= max(numbers) + 1e-3
        assert moved.values[0, 0] == pytest.approx(3 * plain.values[0, 0] + 1, abs=1e-3)
