"""Sizes and ages are read as people mean them, and refused where nothing is meant."""

from __future__ import annotations

import pytest

from mtmm_video.flows.sizes import parse_age, parse_size, show_size
from mtmm_video.foundation.errors import InputError


@pytest.mark.parametrize(
    ("text", "size"), [("20GB", 20e9), ("500M", 5e8), ("1.5 tb", 1.5e12), ("1000", 1000.0), ("2kB", 2000.0)]
)
def test_sizes(text: str, size: float) -> None:
    assert parse_size(text) == pytest.approx(size)


@pytest.mark.parametrize(("text", "age"), [("30d", 2_592_000.0), ("12h", 43_200.0), ("15m", 900.0), ("90s", 90.0)])
def test_ages(text: str, age: float) -> None:
    assert parse_age(text) == pytest.approx(age)


@pytest.mark.parametrize("text", ["", "GB", "-3GB", "0", "nanGB", "infGB", "12 parsecs"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="is not a size"):
        parse_size(text)


@pytest.mark.parametrize("text", ["", "d", "30", "-1d", "0h", "nand", "forever"])
def test_what_is_no_age_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="is not a time"):
        parse_age(text)


def test_sizes_are_shown_in_the_unit_that_fits() -> None:
    assert [show_size(size) for size in (5, 5e3, 5.4e6, 2e9, 3.25e12)] == ["5 B", "5 kB", "5 MB", "2 GB", "3.2 TB"]
