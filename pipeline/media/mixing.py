"""Downmix of the channels of a recording to mono without cancellation.

A channel in opposite phase (a reversed connector, a "vocal remover") cancels the others in a sum, so it is inverted. If
channels still cancel, for instance a voice in opposite phase over music in phase, the loudest is used alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mtmm_video.foundation.mapped_array import stretches

# ITU-R BS.775-3, annex 4: surround channels are attenuated by 3 dB, the low-frequency channel is omitted.
SIDE_WEIGHT = 0.7071
OPPOSITE = -0.5  # correlation of two channels below which one is inverted; stereo of one scene is above 0
SILENT = 1e-4  # share of the loudest channel's power (-40 dB) below which a channel is excluded from the mix
SECOND = 16_000  # samples per block of the cancellation test: a second at the analysis rate
CANCELLED = 0.25  # share of the channels' mean power (-6 dB) below which a block is cancelled; half if uncorrelated
CANCELLED_SHARE = 0.2  # share of the non-silent blocks above which a mix counts as cancelled
_LOW_FREQUENCY = ("LFE", "LFE2")
_FRONT = ("FL", "FR", "FC", "FLC", "FRC", "DL", "DR", "MONO")


def mix_to_mono(channels: Sequence[NDArray[np.float32]], *, names: Sequence[str] = ()) -> NDArray[np.float32]:
    """Mix channels with weights of sum 1; channels in opposite phase are inverted, silent ones excluded.

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
    powers = np.array([_product(channel, channel) for channel in channels])
    loudest = int((powers * (weights > 0)).argmax())
    if len(channels) > 1 and powers[loudest] > 0:
        weights[powers < SILENT * powers[loudest]] = 0.0
        for number, channel in enumerate(channels):
            scale = np.sqrt(powers[number] * powers[loudest])
            if weights[number] > 0 and _product(channel, channels[loudest]) < OPPOSITE * scale:
                weights[number] *= -1.0
    weights /= np.abs(weights).sum()
    if _cancels(channels, weights):
        return channels[loudest]
    mixed = channels[0]
    for part in stretches(len(mixed)):
        mixed[part] *= np.float32(weights[0])
    for channel, weight in zip(channels[1:], weights[1:], strict=True):
        for part in stretches(len(mixed)):
            mixed[part] += channel[part] * np.float32(weight)
    return mixed


def _product(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """Return the sum of the products of two channels' samples."""
    return sum(float(np.dot(first[part], second[part])) for part in stretches(len(first)))


def _cancels(channels: Sequence[NDArray[np.float32]], weights: NDArray[np.float64]) -> bool:
    """Return whether more than `CANCELLED_SHARE` of the non-silent blocks of a mix are cancelled."""
    used = [(channel, float(weight)) for channel, weight in zip(channels, weights, strict=True) if weight]
    if len(used) < 2:
        return False
    kept, parts = [], []
    for start in range(0, len(channels[0]), SECOND):
        pieces = [np.float32(weight) * channel[start : start + SECOND] for channel, weight in used]
        mix = np.sum(pieces, axis=0)
        kept.append(float(np.dot(mix, mix)))
        parts.append(sum(float(np.dot(piece, piece)) for piece in pieces))
    heard = np.array(parts) > SILENT * max(parts, default=0.0)
    lost = np.array(kept) < CANCELLED * np.array(parts)
    return bool(heard.any() and lost[heard].mean() > CANCELLED_SHARE)


def _weight(name: str) -> float:
    if name in _LOW_FREQUENCY:
        return 0.0
    return 1.0 if name in _FRONT else SIDE_WEIGHT
