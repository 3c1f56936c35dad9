"""`Frame`: one video frame with its presentation timestamp."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Frame:
    """One decoded video frame.

    Attributes
    ----------
    time : float
        Presentation timestamp in seconds, counted from the start of the media file.
    image : ndarray of uint8, shape (height, width, 3)
        RGB, after the rotation that the container's metadata prescribes.
    """

    time: float
    image: NDArray[np.uint8]
