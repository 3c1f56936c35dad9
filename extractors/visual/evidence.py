"""Is a detected face evidence of how somebody feels? Measures that tell a picture, a drawing and a mask from a face.

Each of them has a physical reason:

* a photograph or a frozen frame does not move: the lips neither open nor close, and the skin around them does not
  change once the movement of the head is taken out by alignment;
* a covered mouth has no lips: inside the outline that the landmark network guesses there are no edges, or the colour
  around it is not that of nose and cheeks;
* a drawn face has other proportions than a human one: its landmarks are far from those of photographed faces, in units
  of how these differ among each other (Mahalanobis distance in their first principal components; Cootes et al., "Active
  shape models", 1995).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from mtmm_video.extractors.visual.measurements import ALIGNED_SIDE, SHADING_CELLS, align, alignment
from mtmm_video.extractors.visual.tracks import EVIDENCE_NAMES, VisualTracks

SHAPES_FILE = Path(__file__).parent / "face_shapes.safetensors"

# Landmarks of MediaPipe's face mesh, as outlines.
LIPS = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)
UPPER_SKIN = ((117, 118, 50, 101), (346, 347, 280, 330), (109, 338, 337, 108), (4, 45, 195, 275))  # cheeks, brow, nose
INNER_RING, OUTER_RING = (1.1, 1.1), (1.25, 1.7)  # times the lips' outline, across and down: the skin around them
FACE_ROWS, FACE_COLUMNS = slice(30, 110), slice(24, 104)  # pixels of the aligned face whose contrast counts
LEAST_CONTRAST = 4.0  # grey values: below, noise would be amplified
MOUTH_ROWS, MOUTH_COLUMNS = slice(10, 14), slice(5, 8)  # cells of the half face of `measurements.shading`
INTERVAL_S = 0.5  # between two measurements of colour and proportions of one face, which change slowly

# Thresholds: docs/visual.md has the measurements that they rest on.
STILL_CHANGE = 0.045  # `FaceEvidence.change` from which the skin moves, whatever the lips do: a listener
STILLNESS = 5e-4  # `opening_spread` times `change`: frozen faces have .0004 and less, talking faces .0007 and more
LIP_CONTRAST = 0.6  # mean gradient within the lips in contrasts of the face: 99 % of photographs have 1.0 and more
SKIN_DIFFERENCE = 25.0  # of the colours (CIELAB a*, b*) around the mouth and above: talking faces 10 at most
SHAPE_DISTANCE = 1.9  # 1 for an average human face: talking faces have 1.4 at most, 99 % of photographs 1.89
FRONTAL_YAW = 30.0  # degrees: beyond, landmarks are too uncertain for the shape of a face
FEWEST_FRAMES = 5  # with fewer no stretch is called still


@dataclass(frozen=True)
class FaceEvidence:
    """What was measured of one face in one stretch of time; NaN where it could not be measured.

    Attributes
    ----------
    opening_spread : float
        Standard deviation of the lips' opening, in eye distances.
    change : float
        Median change of the skin around the mouth between two frames, in contrasts of the face.
    lip_contrast : float
        Median of `lip_contrast`.
    skin_difference : float
        Median of `skin_difference`.
    shape_distance : float
        Median of `shape_distance`.
    """

    opening_spread: float
    change: float
    lip_contrast: float
    skin_difference: float
    shape_distance: float

    @property
    def objection(self) -> str | None:
        """Why the face is no evidence: ``occluded``, ``not_a_face``, ``frozen_picture``, or None."""
        if self.lip_contrast < LIP_CONTRAST or self.skin_difference > SKIN_DIFFERENCE:
            return "occluded"
        if self.shape_distance > SHAPE_DISTANCE:
            return "not_a_face"
        if self.change < STILL_CHANGE and self.opening_spread * self.change < STILLNESS:
            return "frozen_picture"
        return None


def face_evidence(tracks: VisualTracks, *, track: int, start: float, end: float) -> FaceEvidence:
    """Collect the measures of one face between two times.

    Parameters
    ----------
    tracks : VisualTracks
        All faces of the video.
    track : int
        The face.
    start, end : float
        In seconds.

    Returns
    -------
    FaceEvidence
        The comparison with NaN is false: what was not measured raises no objection.
    """
    rows = np.flatnonzero((tracks.track == track) & (tracks.times >= start) & (tracks.times <= end))
    enough = len(rows) >= FEWEST_FRAMES

    def median(name: str, *, of: NDArray[np.intp] = rows) -> float:
        values = tracks.evidence[of, EVIDENCE_NAMES.index(name)]
        measured = values[np.isfinite(values)]
        return float(np.median(measured)) if len(measured) else float("nan")

    return FaceEvidence(
        opening_spread=float(tracks.mouth[rows].std()) if enough else float("nan"),
        change=median("change") if enough else float("nan"),
        lip_contrast=median("lip_contrast"),
        skin_difference=median("skin_difference"),
        shape_distance=median("shape_distance", of=rows[np.abs(tracks.pose[rows, 1]) <= FRONTAL_YAW]),
    )


def mouth_change(shading: NDArray[np.float32], before: NDArray[np.float32]) -> float:
    """Mean difference of the cells around the mouth of two faces, each (128,) from `measurements.shading`."""
    halves = np.abs(shading - before).reshape(SHADING_CELLS, SHADING_CELLS // 2)
    return float(halves[MOUTH_ROWS, MOUTH_COLUMNS].mean())


def mouth_visibility(image: NDArray[np.uint8], points: NDArray[np.float32]) -> tuple[float, float]:
    """Measure whether the lips can be seen.

    Parameters
    ----------
    image : ndarray of uint8, shape (height, width, 3)
        RGB.
    points : ndarray of float32, shape (478, 3)
        Landmarks in pixels.

    Returns
    -------
    lip_contrast : float
        Mean length of the grey gradient within the lips' outline over the contrast of the face.
    skin_difference : float
        Distance in CIELAB's a*, b* (OpenCV's 8-bit scale) of the mean colours of the skin around the lips and that of
        cheeks, nose and brow; 0 in a black and white video.
    """
    aligned = np.asarray(align(image, points), np.uint8)
    colours = cv2.cvtColor(aligned, cv2.COLOR_RGB2LAB).astype(np.float32)
    light = cv2.GaussianBlur(colours[:, :, 0], (0, 0), 1.0)
    gradient = cv2.magnitude(cv2.Sobel(light, cv2.CV_32F, 1, 0), cv2.Sobel(light, cv2.CV_32F, 0, 1))
    transform = alignment(points)
    places = points[:, :2] @ transform[:, :2].T + transform[:, 2]
    lips = places[list(LIPS)]
    middle = lips.mean(axis=0)
    within = _filled([lips])
    ring = _filled([(lips - middle) * OUTER_RING + middle]) & ~_filled([(lips - middle) * INNER_RING + middle])
    above = _filled([_hull(places[list(ids)]) for ids in UPPER_SKIN])
    if not (within.any() and ring.any() and above.any()):
        return float("nan"), float("nan")
    contrast = float(colours[FACE_ROWS, FACE_COLUMNS, 0].std()) + LEAST_CONTRAST
    difference = colours[ring][:, 1:].mean(axis=0) - colours[above][:, 1:].mean(axis=0)
    return float(gradient[within].mean()) / contrast, float(np.hypot(*difference))


def shape_distance(points: NDArray[np.float32]) -> float:
    """Root mean square of a face's principal components, in standard deviations of photographed faces.

    Parameters
    ----------
    points : ndarray of float32, shape (478, 3)
        Landmarks in pixels. Place, size and pose are taken out by a Procrustes fit to the mean face.
    """
    shapes = face_shapes()
    deviation = (aligned_shape(points, shapes.mean) - shapes.mean).ravel() @ shapes.components / shapes.deviations
    return float(np.sqrt((deviation**2).mean()))


@dataclass(frozen=True)
class FaceShapes:
    """How photographed faces differ in shape, fitted by ``benchmarks/face_shapes.py``.

    Attributes
    ----------
    mean : ndarray of float32, shape (p, 3)
        Mean face: x to the right of the image, y up, z towards the camera; root mean square distance from its centre 1.
    components : ndarray of float32, shape (3 p, k)
        Principal components.
    deviations : ndarray of float32, shape (k,)
        Standard deviations along them.
    """

    mean: NDArray[np.float32]
    components: NDArray[np.float32]
    deviations: NDArray[np.float32]


@cache
def face_shapes() -> FaceShapes:
    """Return the shipped shapes."""
    return FaceShapes(**load_file(SHAPES_FILE))


SHAPE_POINTS = slice(0, 468, 4)  # landmarks whose places are compared: every fourth of the face mesh


def aligned_shape(points: NDArray[np.float32], mean: NDArray[np.floating]) -> NDArray[np.float64]:
    """Turn, scale and shift a face's landmarks, shape (478, 3), onto a mean face, shape (p, 3)."""
    places = points[SHAPE_POINTS].astype(np.float64) * (1, -1, -1)
    places -= places.mean(axis=0)
    left, _, right = np.linalg.svd(mean.T.astype(np.float64) @ places)
    mirror = np.diag([1.0, 1.0, np.sign(np.linalg.det(left @ right))])
    turned = places @ (left @ mirror @ right).T
    return np.asarray(turned * ((mean * turned).sum() / max((turned**2).sum(), 1e-9)), np.float64)


def _hull(places: NDArray[np.floating]) -> NDArray[np.floating]:
    """Corners of the convex hull of some points, each (n, 2)."""
    return np.asarray(cv2.convexHull(places.astype(np.float32)), np.float32)[:, 0]


def _filled(outlines: Sequence[NDArray[np.floating]]) -> NDArray[np.bool_]:
    """Pixels of the aligned face within some outlines, each (n, 2)."""
    mask = np.zeros((ALIGNED_SIDE, ALIGNED_SIDE), np.uint8)
    for outline in outlines:
        cv2.fillPoly(mask, [np.round(outline).astype(np.int32)], 1)
    return mask.astype(np.bool_)
