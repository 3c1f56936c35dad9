from __future__ import annotations

import pytest

from mtmm_video.pipeline.reports.sparkline import BLOCKS, sparkline


def test_low_is_low_and_high_is_high() -> None:
    assert "".join(block for block, _ in sparkline([0.0, 0.5, 1.0], width=10)) == BLOCKS[0] + BLOCKS[4] + BLOCKS[-1]


def test_a_long_curve_is_averaged_to_the_width() -> None:
    line = sparkline([0.0] * 50 + [1.0] * 50, width=4)
    assert [value for _, value in line] == pytest.approx([0, 0, 1, 1])


def test_nothing_is_nothing() -> None:
    assert sparkline([], width=5) == []
