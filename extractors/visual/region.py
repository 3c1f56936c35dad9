"""`Region`: a square of a picture, possibly turned, and the picture cut out along it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Region:
    """A square of a picture.

    Attributes
    ----------
    x, y : float
        Its centre in pixels.
    side : float
        In pixels.
    turn : float
        Clockwise, in radians.
    """

    x: float
    y: float
    side: float
    turn: float = 0.0


def crop(image: NDArray[np.uint8], region: Region, size: int, *, border: int) -> NDArray[np.uint8]:
    """Cut a region out, upright and of one size.

    Parameters
    ----------
    image : ndarray of uint8, shape (height, width, ...)
    region : Region
    size : int
        Side of the result in pixels.
    border : int
        OpenCV's way to fill what lies outside the picture.

    Returns
    -------
    ndarray of uint8, shape (size, size, ...)
    """
    scale = size / region.side
    cosine, sine = scale * math.cos(region.turn), scale * math.sin(region.turn)
    matrix = np.array(
        [
            [cosine, sine, size / 2 - cosine * region.x - sine * region.y],
            [-sine, cosine, size / 2 + sine * region.x - cosine * region.y],
        ]
    )
    return np.asarray(cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=border), np.uint8)


def placed(shares: NDArray[np.float32], region: Region) -> NDArray[np.float32]:
    """Bring points of a cut-out back into the picture.

    Parameters
    ----------
    shares : ndarray of float32, shape (n, 3)
        In shares of the cut-out's side; the third is a depth.

    Returns
    -------
    ndarray of float32, shape (n, 3)
        In pixels.
    """
    across, down = shares[:, 0] - 0.5, shares[:, 1] - 0.5
    cosine, sine = math.cos(region.turn), math.sin(region.turn)
    return np.stack(
        [
            region.x + region.side * (cosine * across - sine * down),
            region.y + region.side * (sine * across + cosine * down),
            region.side * shares[:, 2],
        ],
        axis=1,
    ).astype(np.float32)


def bounding_box(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Left, top, right, bottom of the landmarks in pixels, shape (4,)."""
    across, down = points[:, 0], points[:, 1]
    return np.array([across.min(), down.min(), across.max(), down.max()], np.float32)
