"""`Frame`: one picture of a video with its true time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Frame:
    """One decoded picture.

    Attributes
    ----------
    time : float
        Presentation time in seconds from the start of the picture's clock.
    image : ndarray of uint8, shape (height, width, 3)
        RGB, rotated upright as the container's metadata asks.
    """

    time: float
    image: NDArray[np.uint8]
