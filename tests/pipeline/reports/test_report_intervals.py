from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from mtmm_video.pipeline.reports.intervals import disjoint

SPANS = st.lists(
    st.tuples(st.floats(0, 100), st.floats(0, 10)).map(lambda pair: (pair[0], pair[0] + pair[1])), max_size=12
).map(sorted)


def test_intervals_that_do_not_overlap_are_only_rounded() -> None:
    assert disjoint([(0.7, 1.2344), (1.2344, 2.0)], shortest=[1, 1]) == [(700, 1234), (1234, 2000)]


@given(SPANS)
def test_no_interval_is_empty_and_none_overlaps(spans: list[tuple[float, float]]) -> None:
    found = disjoint(spans, shortest=[1] * len(spans))
    assert all(end - start >= 1 for start, end in found)
    assert all(before[1] <= after[0] for before, after in pairwise(found))


@given(SPANS, st.integers(0, 50_000), st.integers(0, 500))
def test_intervals_stay_inside_even_where_there_is_only_just_room(
    spans: list[tuple[float, float]], low: int, spare: int
) -> None:
    high = low + len(spans) + spare
    found = disjoint(spans, shortest=[1] * len(spans), within=(low, high))
    assert all(low <= start < end <= high for start, end in found)
    assert all(before[1] <= after[0] for before, after in pairwise(found))
