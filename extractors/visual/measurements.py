"""Measurements of one face in one frame: the input of the maps in `extractors.visual.calibration`.

All are averaged over the two halves of the face, because FACET's action units have no side:

* blendshapes: MediaPipe's scores of facial movements,
* geometry: distances between landmarks after rotation to a frontal view, in units of the distance between the eyes,
* texture: `extractors.visual.texture` of the aligned face,
* shading: grey values of the aligned face in coarse cells, and in finer cells between the brows, where a frown (AU4)
  darkens the skin; blendshapes hardly respond to a frown,
* pose: pitch, yaw and roll.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from mtmm_video.extractors.visual.face_models import LANDMARKS
from mtmm_video.extractors.visual.landmarker import DetectedFace
from mtmm_video.extractors.visual.names import BLENDSHAPE_NAMES
from mtmm_video.extractors.visual.texture import LEAST_CONTRAST, TEXTURE_CELLS, TEXTURE_ORIENTATIONS, texture

# Landmarks of MediaPipe's face mesh; left and right are those of the image.
LEFT_EYE_CORNERS, RIGHT_EYE_CORNERS = (33, 133), (263, 362)  # outer, inner
UPPER_LIP_INNER, LOWER_LIP_INNER = 13, 14
UPPER_LIP_OUTER, LOWER_LIP_OUTER = 0, 17
NOSE_ROOT, NOSE_BASE, CHIN, CHIN_BOSS, GLABELLA = 168, 2, 152, 199, 9
# Per half: inner brow (2), middle brow (2), outer brow (2), upper lid, lower lid, inner and outer corner of the eye,
# corner of the mouth, cheek, wing of the nose
LEFT_HALF = (55, 107, 52, 105, 46, 70, 159, 145, 133, 33, 61, 50, 98)
RIGHT_HALF = (285, 336, 282, 334, 276, 300, 386, 374, 362, 263, 291, 280, 327)
_LIPS = (UPPER_LIP_INNER, LOWER_LIP_INNER, UPPER_LIP_OUTER, LOWER_LIP_OUTER)
_MEASURED = [*LEFT_HALF, *RIGHT_HALF, *_LIPS, NOSE_ROOT, NOSE_BASE, CHIN, CHIN_BOSS, GLABELLA]

# Points that expressions do not move, and their coordinates in the aligned face: distance between the eyes = 1,
# midpoint of the eyes = (0, 0). Averages over the frontal photographs (yaw below 6 degrees) of ../shared/data/faces,
# mirrored.
STEADY_POINTS = (33, 133, 362, 263, 168, 6, 197, 195, 2, 98, 327)
STEADY_PLACES: NDArray[np.float64] = np.array(
    [
        (-0.712, -0.012),
        (-0.282, 0.012),
        (0.282, 0.012),
        (0.712, -0.012),
        (0.0, -0.056),
        (0.0, 0.069),
        (0.0, 0.177),
        (0.0, 0.274),
        (0.0, 0.704),
        (-0.267, 0.674),
        (0.267, 0.674),
    ]
)

ALIGNED_SIDE = 128  # pixels of the aligned face
EYE_SPAN = 0.36  # distance between the eyes in the aligned face, as a share of its side
EYE_ROW = 0.40  # distance of the eyes from the top of the aligned face, as a share of its side
_ALIGNED_PLACES = (STEADY_PLACES * EYE_SPAN + np.array([0.5, EYE_ROW])) * ALIGNED_SIDE
SHADING_CELLS = 16
BROW_ROWS, BROW_COLUMNS = slice(24, 48), slice(48, 80)  # region between the brows, in pixels of the aligned face
BROW_CELLS = (3, 4)
FACE_ROWS, FACE_COLUMNS = slice(30, 110), slice(24, 104)  # skin region for the mean and contrast of the grey values

_PAIRS = tuple(
    (BLENDSHAPE_NAMES.index(name), BLENDSHAPE_NAMES.index(name.removesuffix("Left") + "Right"))
    for name in BLENDSHAPE_NAMES
    if name.endswith("Left") and name.removesuffix("Left") + "Right" in BLENDSHAPE_NAMES
)
_LEFT, _RIGHT = (np.array(side) for side in zip(*_PAIRS, strict=True))
_SINGLES = tuple(
    index
    for index, name in enumerate(BLENDSHAPE_NAMES)
    if name != "_neutral" and index not in {side for pair in _PAIRS for side in pair}
)
SHAPE_NAMES: tuple[str, ...] = tuple(BLENDSHAPE_NAMES[left].removesuffix("Left") for left, _ in _PAIRS) + tuple(
    BLENDSHAPE_NAMES[index] for index in _SINGLES
)
GEOMETRY_NAMES: tuple[str, ...] = (
    "inner_brow_height",
    "middle_brow_height",
    "outer_brow_height",
    "inner_brow_place",
    "inner_brow_depth",
    "eye_opening",
    "lower_lid_height",
    "upper_lid_height",
    "mouth_corner_place",
    "mouth_corner_rise",
    "mouth_corner_height",
    "mouth_corner_depth",
    "cheek_height",
    "cheek_depth",
    "nose_wing_height",
    "nose_wing_place",
    "brow_gap",
    "lip_gap",
    "upper_lip_thickness",
    "lower_lip_thickness",
    "upper_lip_height",
    "lower_lip_height",
    "chin_height",
    "chin_length",
    "chin_boss_height",
    "chin_depth",
    "mouth_width",
    "upper_lip_depth",
    "lower_lip_depth",
    "nose_length",
    "glabella_height",
)
BLOCKS: dict[str, int] = {
    "shapes": len(SHAPE_NAMES),
    "geometry": len(GEOMETRY_NAMES),
    "texture": TEXTURE_ORIENTATIONS * TEXTURE_CELLS * TEXTURE_CELLS // 2,
    "shading": SHADING_CELLS * SHADING_CELLS // 2,
    "brows": BROW_CELLS[0] * BROW_CELLS[1] // 2,
    "pose": 3,
}
MEASUREMENTS = sum(BLOCKS.values())


def block(name: str) -> slice:
    """Return the slice of the measurements that a block of `BLOCKS` occupies."""
    names = list(BLOCKS)
    start = sum(BLOCKS[other] for other in names[: names.index(name)])
    return slice(start, start + BLOCKS[name])


def measure_face(face: DetectedFace, grey: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Compute all measurements of one face.

    Parameters
    ----------
    face : DetectedFace
        The landmarker's result.
    grey : ndarray of uint8, shape (height, width)
        The whole frame in grey.

    Returns
    -------
    ndarray of float32, shape (m,)
        The blocks of `BLOCKS`, concatenated; m = `MEASUREMENTS`.
    """
    aligned = align(grey, face.points)
    normalised = normalise(aligned)
    return np.concatenate(
        [
            shapes(face.blendshapes),
            geometry(face.points, face.matrix),
            texture(aligned),
            shading(normalised),
            brow_shading(normalised),
            np.radians(head_pose(face.matrix)),
        ]
    ).astype(np.float32)


def shapes(blendshapes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Average the left and right blendshapes, shape (..., 52) to (..., len(SHAPE_NAMES))."""
    pairs = (blendshapes[..., _LEFT] + blendshapes[..., _RIGHT]) / 2
    return np.concatenate([pairs, blendshapes[..., _SINGLES]], axis=-1).astype(np.float32)


def geometry(points: NDArray[np.float32], matrix: NDArray[np.float32]) -> NDArray[np.float64]:
    """Measure the distances of `GEOMETRY_NAMES` in a frontal view, in units of the distance between the eyes.

    Parameters
    ----------
    points : ndarray, shape (478, 3)
        Landmarks in pixels.
    matrix : ndarray, shape (4, 4)
        The head's transformation, whose rotation is inverted.

    Returns
    -------
    ndarray, shape (31,)
        Heights are positive downwards, depths towards the camera and places towards the midline. Brow and lid heights
        are relative to the eye, lip heights to the base of the nose, the chin boss and the length of the chin to the
        lower lip; all others are relative to the mean of all landmarks.
    """
    rotation = matrix[:3, :3] / np.linalg.norm(matrix[:3, :3], axis=0)
    camera = (points[_MEASURED] - points.mean(axis=0)).astype(np.float64) * (1, -1, -1)  # y up, z towards the camera
    front = camera @ rotation / max(eye_distance(points), 1.0) * (1, -1, 1)  # frontal; y down again
    # Single numbers from here on: numpy takes ten times as long for one as Python.
    at = dict(zip(_MEASURED, front.tolist(), strict=True))
    halves = []
    lips = (at[UPPER_LIP_INNER][1] + at[LOWER_LIP_INNER][1]) / 2
    for ids, side in ((LEFT_HALF, 1.0), (RIGHT_HALF, -1.0)):
        brow_a, brow_b, middle_a, middle_b, outer_a, outer_b, upper, lower, inner, outer, corner, cheek, wing = (
            at[index] for index in ids
        )
        eye = (inner[1] + outer[1]) / 2
        halves.append(
            [
                (brow_a[1] + brow_b[1]) / 2 - inner[1],
                (middle_a[1] + middle_b[1]) / 2 - eye,
                (outer_a[1] + outer_b[1]) / 2 - outer[1],
                side * (brow_a[0] + brow_b[0]) / 2,
                (brow_a[2] + brow_b[2]) / 2,
                math.dist(upper, lower),
                lower[1] - eye,
                upper[1] - eye,
                side * corner[0],
                corner[1] - lips,
                corner[1],
                corner[2],
                cheek[1],
                cheek[2],
                wing[1],
                side * wing[0],
            ]
        )
    base, lower_lip, boss = at[NOSE_BASE], at[LOWER_LIP_OUTER], at[CHIN_BOSS]
    middle = [
        (at[285][0] + at[336][0] - at[55][0] - at[107][0]) / 2,
        math.dist(at[UPPER_LIP_INNER], at[LOWER_LIP_INNER]),
        math.dist(at[UPPER_LIP_OUTER], at[UPPER_LIP_INNER]),
        math.dist(at[LOWER_LIP_INNER], lower_lip),
        at[UPPER_LIP_OUTER][1] - base[1],
        lower_lip[1] - base[1],
        at[CHIN][1],
        at[CHIN][1] - lower_lip[1],
        boss[1] - lower_lip[1],
        boss[2],
        math.dist(at[61], at[291]),
        at[UPPER_LIP_OUTER][2],
        lower_lip[2],
        base[1] - at[NOSE_ROOT][1],
        at[GLABELLA][1],
    ]
    return np.array([*((left + right) / 2 for left, right in zip(*halves, strict=True)), *middle])


def align(image: NDArray[np.uint8], points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Warp the face to an upright view of fixed size by the points that expressions do not move.

    Parameters
    ----------
    image : ndarray of uint8, shape (height, width) or (height, width, 3)
        Grey values or RGB.
    points : ndarray of float32, shape (478, 3)
        Landmarks in pixels.

    Returns
    -------
    ndarray of float32, shape (ALIGNED_SIDE, ALIGNED_SIDE) or (ALIGNED_SIDE, ALIGNED_SIDE, 3)
        Beyond the frame its border pixels are repeated.
    """
    transform = alignment(points)
    shrinks = np.hypot(*transform[0, :2]) < 1
    return cv2.warpAffine(
        image,
        transform,
        (ALIGNED_SIDE, ALIGNED_SIDE),
        flags=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    ).astype(np.float32)


def alignment(points: NDArray[np.float32]) -> NDArray[np.float64]:
    """Fit the similarity transform from a frame to the aligned face, shape (2, 3)."""
    return _similarity(points[list(STEADY_POINTS), :2].astype(np.float64), _ALIGNED_PLACES)


def normalise(aligned: NDArray[np.float32]) -> NDArray[np.float32]:
    """Normalise an aligned face by the mean and the contrast of its skin region."""
    skin = aligned[FACE_ROWS, FACE_COLUMNS]
    return np.asarray((aligned - skin.mean()) / (skin.std() + LEAST_CONTRAST), np.float32)


def shading(normalised: NDArray[np.float32]) -> NDArray[np.float32]:
    """Average the grey values of `normalise` in coarse cells, and left with right, shape (128,)."""
    cells = cv2.resize(normalised, (SHADING_CELLS, SHADING_CELLS), interpolation=cv2.INTER_AREA)
    return _halves(np.asarray(cells, np.float32))


def brow_shading(normalised: NDArray[np.float32]) -> NDArray[np.float32]:
    """Average the grey values of `normalise` between the brows in cells, and left with right, shape (6,)."""
    between = normalised[BROW_ROWS, BROW_COLUMNS]
    cells = cv2.resize(between, BROW_CELLS[::-1], interpolation=cv2.INTER_AREA)
    return _halves(np.asarray(cells, np.float32))


def eye_distance(points: NDArray[np.float32]) -> float:
    """Measure the distance between the centres of the eyes in pixels, in 3-D, so that yaw does not shorten it."""
    left = points[list(LEFT_EYE_CORNERS)].mean(axis=0)
    right = points[list(RIGHT_EYE_CORNERS)].mean(axis=0)
    return float(np.linalg.norm(right - left))


def mouth_opening(points: NDArray[np.float32]) -> float:
    """Measure the gap between the lips as a share of the distance between the eyes."""
    gap = np.linalg.norm(points[UPPER_LIP_INNER] - points[LOWER_LIP_INNER])
    return float(gap / max(eye_distance(points), 1.0))


def head_pose(matrix: NDArray[np.float32]) -> tuple[float, float, float]:
    """Compute pitch, yaw and roll in degrees from the canonical face's transformation matrix, shape (4, 4).

    Pitch is positive upwards, yaw towards the right of the image, roll clockwise in the image.
    """
    nose = matrix[:3, 2] / np.linalg.norm(matrix[:3, 2])
    up = matrix[:3, 1]
    pitch = np.arcsin(np.clip(nose[1], -1.0, 1.0))
    yaw = np.arctan2(nose[0], nose[2])
    roll = np.arctan2(up[0], up[1])
    return float(np.degrees(pitch)), float(np.degrees(yaw)), float(np.degrees(roll))


def sharpness(grey: NDArray[np.uint8], box: NDArray[np.float32]) -> float:
    """Measure the sharpness of a face: standard deviation of the Laplacian over that of the grey values.

    The variance of the Laplacian is the usual focus measure (Pech-Pacheco et al., ICPR 2000); division by the contrast
    makes it independent of the lighting. The face is first resized to 128 pixels, so an enlarged small face counts as
    blurred. 0 if the box has no area within the frame.
    """
    height, width = grey.shape
    left, top = max(int(box[0]), 0), max(int(box[1]), 0)
    right, bottom = min(int(box[2]) + 1, width), min(int(box[3]) + 1, height)
    if right - left < 2 or bottom - top < 2:
        return 0.0
    face = cv2.resize(grey[top:bottom, left:right], (ALIGNED_SIDE, ALIGNED_SIDE), interpolation=cv2.INTER_AREA)
    contrast = float(face.std())
    return float(cv2.Laplacian(face.astype(np.float32), cv2.CV_32F).std() / contrast) if contrast > 1.0 else 0.0


def _halves(cells: NDArray[np.float32]) -> NDArray[np.float32]:
    """Average the left half of a grid of cells with the mirrored right half, flattened."""
    return np.asarray(((cells + cells[:, ::-1]) / 2)[:, : cells.shape[1] // 2].ravel(), np.float32)


def _similarity(source: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fit the similarity transform from `source` to `target`, both (k, 2), by least squares; a (2, 3) matrix.

    Umeyama, IEEE PAMI 13(4), 1991; in the plane it has a closed form with points as complex numbers.
    """
    a, b = source @ (1, 1j), target @ (1, 1j)
    a_mean, b_mean = a.mean(), b.mean()
    factor = np.vdot(a - a_mean, b - b_mean) / max(np.vdot(a - a_mean, a - a_mean).real, 1e-9)
    shift = b_mean - factor * a_mean
    return np.array([[factor.real, -factor.imag, shift.real], [factor.imag, factor.real, shift.imag]])


assert max(*LEFT_HALF, *RIGHT_HALF, *STEADY_POINTS) < LANDMARKS
