"""Every word ends up with a time, in order, and those that were guessed say so."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtmm_video.extractors.speech.word_times import Span, fill_times


def test_untimed_words_share_the_gap_by_their_length() -> None:
    words = fill_times(["in", "1990", "it", "was"], [(0.0, 0.5), None, None, (1.1, 1.5)], start=0.0, end=2.0)
    assert [(word.start, word.end) for word in words] == [
        (0.0, 0.5),
        pytest.approx((0.5, 0.9)),
        pytest.approx((0.9, 1.1)),
        (1.1, 1.5),
    ]
    assert [word.interpolated for word in words] == [False, True, True, False]


def test_words_at_the_edges_are_bounded_by_their_passage() -> None:
    words = fill_times(["one", "two", "six"], [None, (1.0, 2.0), None], start=0.5, end=2.5)
    assert [(word.start, word.end) for word in words] == [(0.5, 1.0), (1.0, 2.0), (2.0, 2.5)]


def test_a_word_without_duration_shares_the_time_of_the_word_before() -> None:
    words = fill_times(["aaa", "bbb", "ccc"], [(0.0, 1.0), (1.0, 1.0), (1.0, 2.0)], start=0.0, end=2.0)
    assert [(word.start, word.end) for word in words] == [(0.0, 0.5), (0.5, 1.0), (1.0, 2.0)]
    assert [word.interpolated for word in words] == [True, True, False]


def test_probabilities_stay_with_their_words() -> None:
    words = fill_times(["a", "b"], [(0.0, 1.0), None], start=0.0, end=2.0, probabilities=[0.9, None])
    assert [word.probability for word in words] == [0.9, None]


times = st.floats(0, 100)
spans = st.lists(st.one_of(st.none(), st.tuples(times, times).map(lambda pair: (min(pair), max(pair)))), max_size=12)


@given(spans, st.tuples(times, times))
def test_words_never_overlap_and_never_run_backwards(spans: list[Span | None], bounds: Span) -> None:
    start, end = min(bounds), max(bounds)
    words = fill_times(["word"] * len(spans), spans, start=start, end=end)
    assert len(words) == len(spans)
    assert all(word.start <= word.end for word in words)
    assert all(later.start >= earlier.end for earlier, later in itertools.pairwise(words))
