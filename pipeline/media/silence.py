"""Silence of a length, which a recording is written over."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from mtmm_video.extractors.sample_rate import SAMPLE_RATE
from mtmm_video.foundation.folders import cache_folder
from mtmm_video.foundation.mapped_array import mapped_zeros

LONG_RECORDING = 1800.0  # seconds above which memory counts more than a second of time
MOST_IN_MEMORY = round(LONG_RECORDING * SAMPLE_RATE)  # samples, 115 MB; longer ones lie in a file


def silence(length: int) -> NDArray[np.float32]:
    """Return zeros, shape (length,); long ones in an unnamed file of the cache folder, where its disk has room."""
    if length > MOST_IN_MEMORY:
        with suppress(OSError):  # no room, or not to be written: then in memory, with the same result
            return mapped_zeros(length, cache_folder())
    return np.zeros(length, dtype=np.float32)
