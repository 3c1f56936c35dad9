"""The error rate of diarisation, on cases that can be worked out by hand."""

from __future__ import annotations

import pytest
from benchmarks.diarization_error import diarization_error

TRUTH = [(0.0, 10.0, "Ann"), (10.0, 20.0, "Bob")]


def test_the_truth_under_other_names_has_no_error() -> None:
    found = [(0.0, 10.0, "b"), (10.0, 20.0, "a")]
    error = diarization_error(TRUTH, found)
    assert (error.rate, error.speakers, error.found) == (0.0, 2, 2)
    assert error.spoken == pytest.approx(20.0 - 4 * 0.25)


def test_a_boundary_that_is_off_by_less_than_the_collar_is_no_error() -> None:
    assert diarization_error(TRUTH, [(0.1, 10.2, "a"), (10.2, 19.8, "b")]).rate == 0.0
    assert diarization_error(TRUTH, [(0.0, 11.25, "a"), (11.25, 20.0, "b")]).confused == pytest.approx(1.0)


def test_missed_invented_and_confused_add_up() -> None:
    found = [(0.0, 8.0, "a"), (10.0, 16.0, "b"), (16.0, 23.0, "a")]
    error = diarization_error(TRUTH, found, collar=0.0)
    assert error.missed == pytest.approx(2.0)
    assert error.confused == pytest.approx(4.0)
    assert error.invented == pytest.approx(3.0)
    assert error.rate == pytest.approx(9.0 / 20.0)


def test_one_speaker_for_two_costs_the_one_who_spoke_less() -> None:
    assert diarization_error([(0.0, 6.0, "Ann"), (6.0, 10.0, "Bob")], [(0.0, 10.0, "a")], collar=0.0).rate == 0.4


def test_overlap_is_judged_only_when_asked_for() -> None:
    both = [(0.0, 6.0, "Ann"), (4.0, 10.0, "Bob")]
    found = [(0.0, 5.0, "a"), (5.0, 10.0, "b")]
    assert diarization_error(both, found, collar=0.0).rate == 0.0
    judged = diarization_error(both, found, collar=0.0, overlap=True)
    assert judged.spoken == pytest.approx(12.0)
    assert judged.missed == pytest.approx(2.0)
