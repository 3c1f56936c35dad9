"""A step is tried again after what may pass by itself, and fails at once on the rest."""

from __future__ import annotations

import errno

import pytest

from mtmm_video.foundation.errors import MediaError
from mtmm_video.pipeline import retrying
from mtmm_video.pipeline.retrying import RETRY_DELAYS, with_retries


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Note the pauses, and make none."""
    pauses: list[float] = []
    monkeypatch.setattr(retrying.time, "sleep", pauses.append)
    return pauses


class Failing:
    """Fails a number of times, then returns its name."""

    def __init__(self, error: Exception, times: int) -> None:
        self.error = error
        self.left = times

    def __call__(self) -> str:
        if self.left:
            self.left -= 1
            raise self.error
        return "done"


def test_a_hiccup_is_waited_out(slept: list[float]) -> None:
    assert with_retries(Failing(OSError(errno.EIO, "Input/output error"), 2)) == "done"
    assert slept == list(RETRY_DELAYS)


def test_what_goes_on_fails_in_the_end(slept: list[float]) -> None:
    with pytest.raises(MemoryError):
        with_retries(Failing(MemoryError(), 3))
    assert slept == list(RETRY_DELAYS)


def test_bad_input_fails_at_once(slept: list[float]) -> None:
    with pytest.raises(MediaError):
        with_retries(Failing(MediaError("talk.mp4: the file is empty"), 1))
    assert slept == []
