"""No voice is cancelled by the mix, and no mix is louder than its loudest channel."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from mtmm_video.pipeline.media.mixing import mix_to_mono

RANDOM = np.random.default_rng(0)
VOICE, OTHER, MUSIC = (RANDOM.normal(size=64_000).astype(np.float32) * 0.1 for _ in range(3))


def mixed(*channels: NDArray[np.float32], names: tuple[str, ...] = ()) -> NDArray[np.float32]:
    return mix_to_mono([channel.copy() for channel in channels], names=names)


def share_of(part: NDArray[np.float32], mix: NDArray[np.float32]) -> float:
    """How much of a part is in a mix, as a factor of its amplitude."""
    return abs(float(np.dot(part, mix) / np.dot(part, part)))


def test_equal_and_opposite_channels_give_the_voice() -> None:
    np.testing.assert_allclose(mixed(VOICE, VOICE), VOICE, atol=1e-6)
    np.testing.assert_allclose(mixed(VOICE, -VOICE), VOICE, atol=1e-6)
    np.testing.assert_allclose(mixed(0.5 * VOICE, -VOICE), -0.75 * VOICE, atol=1e-6)


def test_a_silent_channel_takes_nothing_away() -> None:
    np.testing.assert_allclose(mixed(VOICE, np.zeros_like(VOICE)), VOICE, atol=1e-6)
    assert not mixed(np.zeros_like(VOICE), np.zeros_like(VOICE)).any()


def test_two_people_are_mixed_equally() -> None:
    np.testing.assert_allclose(mixed(VOICE, OTHER), (VOICE + OTHER) / 2, atol=1e-6)


@pytest.mark.parametrize("music", [0.0, 0.4])
def test_a_voice_in_opposite_phase_survives_music_in_phase(music: float) -> None:
    mix = mixed(music * MUSIC + VOICE, music * MUSIC - VOICE)
    assert share_of(VOICE, mix) > 0.9


def test_surround_leaves_out_the_low_frequencies() -> None:
    names = ("FL", "FR", "FC", "LFE")
    mix = mixed(VOICE, VOICE, VOICE, MUSIC, names=names)
    np.testing.assert_allclose(mix, VOICE, atol=1e-6)
