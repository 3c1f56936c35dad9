"""A voice has the face whose lips move with it, not the one whose lips move most."""

from __future__ import annotations

import numpy as np
import pytest

from mtmm_video.extractors.visual.voice_faces import sync_evidence

TIMES = np.arange(0.0, 20.0, 0.1)


def lips(activity: np.ndarray, *, seed: int) -> np.ndarray:
    """Gap between lips that jump by as much as there is to say."""
    random = np.random.default_rng(seed)
    return (0.3 + 0.2 * random.uniform(-1, 1, len(TIMES)) * activity).astype(np.float32)


@pytest.mark.parametrize("seed", range(4))
def test_lips_that_move_with_the_sound_are_told_from_lips_that_always_move(seed: int) -> None:
    level_times = np.arange(0.0, 20.0, 0.01)
    talking = np.sin(2 * np.pi * level_times / 3.0) > 0
    levels = np.where(talking, 0.0, -4.0)
    speaker = lips((np.sin(2 * np.pi * TIMES / 3.0) > 0).astype(float), seed=seed)
    chewing = lips(np.ones(len(TIMES)), seed=seed + 10)
    assert np.abs(np.diff(chewing)).mean() > np.abs(np.diff(speaker)).mean()
    with_it, by_itself = (
        sync_evidence(TIMES, mouth, level_times=level_times, levels=levels) for mouth in (speaker, chewing)
    )
    assert with_it > 1.0 > by_itself


def test_silence_and_still_lips_say_nothing() -> None:
    nothing = np.full(2000, np.nan)
    level_times = np.arange(0.0, 20.0, 0.01)
    moving = lips(np.ones(len(TIMES)), seed=0)
    assert sync_evidence(TIMES, moving, level_times=level_times, levels=nothing) == 0.0
    assert sync_evidence(TIMES, np.zeros_like(moving), level_times=level_times, levels=level_times) == 0.0
