"""Downmix of the channels of a recording to mono."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

# ITU-R BS.775-3, annex 4: surround channels are attenuated by 3 dB, the low-frequency channel is omitted.
SIDE_WEIGHT = 0.7071
_LOW_FREQUENCY = ("LFE", "LFE2")
_FRONT = ("FL", "FR", "FC", "FLC", "FRC", "DL", "DR", "MONO")


def mix_to_mono(channels: Sequence[NDArray[np.float32]], *, names: Sequence[str] = ()) -> NDArray[np.float32]:
    """Mix channels with weights that sum to 1.

    Parameters
    ----------
    channels : sequence of ndarray of float32, each of shape (samples,)
        The first is overwritten with the mix.
    names : sequence of str
        FFmpeg's names of the channels (``FL``, ``LFE``); without them all weights are equal.

    Returns
    -------
    ndarray of float32, shape (samples,)
    """
    weights = np.array([_weight(name) for name in names] if len(names) == len(channels) else [1.0] * len(channels))
    if not weights.any():
        weights = np.ones(len(channels))
    weights /= weights.sum()
    mixed = channels[0]
    mixed *= np.float32(weights[0])
    for channel, weight in zip(channels[1:], weights[1:], strict=True):
        mixed += channel * np.float32(weight)
    return mixed


def _weight(name: str) -> float:
    if name in _LOW_FREQUENCY:
        return 0.0
    return 1.0 if name in _FRONT else SIDE_WEIGHT
