"""The sound of a recording is decoded once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.typing import NDArray

from mtmm_video.foundation.errors import MediaError
from mtmm_video.pipeline.media.last_waveform import LastWaveform


def counting(length: int, read: list[int]) -> Callable[[], NDArray[np.float32]]:
    def decode() -> NDArray[np.float32]:
        read.append(length)
        return np.zeros(length, np.float32)

    return decode


def test_steps_side_by_side_share_one_array_that_none_can_change() -> None:
    last, read, start = LastWaveform(), [], threading.Barrier(4)  # type: ignore[var-annotated]

    def step() -> NDArray[np.float32]:
        start.wait()
        return last.get("talk", counting(10, read))

    with ThreadPoolExecutor(4) as pool:
        first, *others = [each.result() for each in [pool.submit(step) for _ in range(4)]]
    assert read == [10]
    assert all(other is first for other in others)
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 1.0


def test_another_recording_a_forgotten_one_and_a_failure_are_read_again() -> None:
    last, read = LastWaveform(), []  # type: ignore[var-annotated]

    def broken() -> NDArray[np.float32]:
        raise MediaError("broken.wav: has no sound")

    for key, length in (("a", 1), ("b", 2), ("a", 3), ("a", 4)):
        last.get(key, counting(length, read))
    last.forget()
    last.get("a", counting(5, read))
    assert read == [1, 2, 3, 5]
    for _ in range(2):
        with pytest.raises(MediaError):
            last.get("broken", broken)
