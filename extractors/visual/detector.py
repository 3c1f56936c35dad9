"""Detection of faces: BlazeFace on the whole frame and on tiles of it, which show small faces enlarged.

The detector (Bazarevsky et al., "BlazeFace", 2019) has an input of 128x128 pixels and is reliable for faces that fill a
quarter of it. So a frame is also searched in tiles: grids of squares, each grid finer than the one before, until a face
of `SMALLEST_FACE` pixels fills `FACE_SHARE` of a tile.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mtmm_video.extractors.visual.face_models import DETECTOR_SIDE, FaceModels
from mtmm_video.extractors.visual.region import Region, crop

SMALLEST_FACE = 24  # pixels from chin to hairline; sets the finest tiles
# Share of a tile's side that a face must fill: on photographs pasted into a street scene 66 % of the faces that fill
# .17 pass both the detector at CANDIDATE_SCORE and the landmark network, 96 % of those that fill .22, all from .28.
FACE_SHARE = 0.22
TILE_OVERLAP = 0.3  # of a tile's side, so that every small face lies whole in some tile
CANDIDATE_SCORE = 0.2  # passed on to the landmark network, which decides
USUAL_SCORE = 0.5  # MediaPipe's default threshold
SAME_FACE = 0.3  # intersection over union from which two boxes are one face (MediaPipe's default)


@dataclass(frozen=True)
class Detection:
    """A face as the detector gives it.

    Attributes
    ----------
    box : ndarray of float64, shape (4,)
        Left, top, right, bottom in pixels of the frame.
    eyes : ndarray of float64, shape (2, 2)
        The eye on the left of the image and the one on its right.
    score : float
        In [0, 1].
    """

    box: NDArray[np.float64]
    eyes: NDArray[np.float64]
    score: float


def detect_faces(image: NDArray[np.uint8], tile: Region, *, models: FaceModels) -> list[Detection]:
    """Detect the faces in one square of a frame.

    Parameters
    ----------
    image : ndarray of uint8, shape (height, width, 3)
        RGB.
    tile : Region
        The square; black outside the frame.
    models : FaceModels
        The networks.

    Returns
    -------
    list of Detection
        In order of score, from `CANDIDATE_SCORE` up.
    """
    boxes, logits = models.detect(crop(image, tile, DETECTOR_SIDE, border=cv2.BORDER_CONSTANT))
    scores = 1 / (1 + np.exp(-np.clip(logits.astype(np.float64), -50, 50)))
    found = np.flatnonzero(scores >= CANDIDATE_SCORE)
    if not len(found):
        return []
    raw = boxes[found].astype(np.float64) / DETECTOR_SIDE
    centres = raw[:, :2] + ANCHORS[found]
    corners = np.hstack([centres - raw[:, 2:4] / 2, centres + raw[:, 2:4] / 2])
    eyes = (raw[:, 4:8].reshape(-1, 2, 2) + ANCHORS[found, None]).reshape(-1, 4)
    places = np.hstack([corners, eyes]) * tile.side + np.tile([tile.x - tile.side / 2, tile.y - tile.side / 2], 4)
    return [
        Detection(place[:4], place[4:].reshape(2, 2), float(score)) for place, score in _suppress(places, scores[found])
    ]


def tiles(width: int, height: int) -> list[list[Region]]:
    """Squares that cover a frame, from the whole to the finest.

    Parameters
    ----------
    width, height : int
        Of the frame in pixels.

    Returns
    -------
    list of list of Region
        One square around the frame, then grids of smaller and smaller ones.
    """
    levels = [[Region(width / 2, height / 2, float(max(width, height)))]]
    finest = SMALLEST_FACE / FACE_SHARE
    side = float(min(width, height))
    steps = max(math.ceil(math.log2(side / finest)), 0)
    shrink = (side / finest) ** (1 / steps) if steps else 1.0
    square = max(width, height) <= min(width, height) * (1 + TILE_OVERLAP)
    for step in range(1 if square else 0, steps + 1):
        tile = side / shrink**step
        levels.append([Region(x, y, tile) for y in _steps(height, tile) for x in _steps(width, tile)])
    return levels


def overlap(box: NDArray[np.floating], others: NDArray[np.floating]) -> NDArray[np.float64]:
    """Intersection over union of a box, shape (4,), with others, shape (n, 4)."""
    sides = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    intersection = np.prod(np.maximum(sides, 0.0), axis=1)
    union = np.prod(box[2:] - box[:2]) + np.prod(others[:, 2:] - others[:, :2], axis=1) - intersection
    return np.asarray(intersection / np.maximum(union, 1e-9), np.float64)


def _steps(length: int, side: float) -> NDArray[np.float64]:
    """Centres of the tiles along one side of a frame."""
    count = max(int(np.ceil((length - side) / (side * (1 - TILE_OVERLAP)) - 1e-6)), 0) + 1
    return np.linspace(side / 2, length - side / 2, count) if count > 1 else np.array([length / 2])


def _suppress(places: NDArray[np.float64], scores: NDArray[np.float64]) -> list[tuple[NDArray[np.float64], np.float64]]:
    """Weighted suppression: each best box becomes the mean of the boxes that overlap it, weighted by score."""
    kept = []
    order = np.argsort(-scores, kind="stable")
    while len(order):
        same = overlap(places[order[0], :4], places[order, :4]) > SAME_FACE
        same[0] = True
        best = scores[order[0]]
        averaged = order[same & (scores[order] >= (USUAL_SCORE if best >= USUAL_SCORE else CANDIDATE_SCORE))]
        weights = scores[averaged]
        kept.append((np.asarray(weights @ places[averaged] / weights.sum()), best))
        order = order[~same]
    return kept


def _anchors() -> NDArray[np.float64]:
    """Centres of the detector's 896 anchors in shares of its input: two in each cell of 16x16, six in 8x8."""
    grids = []
    for cells, count in ((16, 2), (8, 6)):
        middles = (np.arange(cells) + 0.5) / cells
        places = np.stack(np.meshgrid(middles, middles), axis=-1).reshape(-1, 2)
        grids.append(np.repeat(places, count, axis=0))
    return np.concatenate(grids)


ANCHORS = _anchors()
