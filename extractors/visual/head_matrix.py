"""How the head lies in space: the transformation that takes MediaPipe's model head to the landmarks of a picture.

The landmarks' depth has the scale of their width, as a weak perspective gives it, while the camera is a pinhole. So the
head is fitted three times: to the flat landmarks for a first distance, to the landmarks unfolded at that distance for a
better one, and to those for the answer (the method of MediaPipe's face geometry module). Every fit is a weighted
orthogonal Procrustes problem (Akca, "Generalized Procrustes analysis and its applications in photogrammetry", 2003).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

FIELD_OF_VIEW = 63.0  # degrees from top to bottom: MediaPipe's assumed camera
MESH_POINTS = 468  # landmarks without the irises
# Points that tell a turn of the head from an expression, with their place on the model head (centimetres: x to the
# picture's right, y up, z towards the camera) and weight: from `geometry_pipeline_metadata_landmarks.binarypb` in
# MediaPipe's `face_landmarker.task` (Apache-2.0). Left and right as the picture shows them.
_MIDDLE_POINTS = (
    (4, -0.463170, 7.586580, 0.070909940),
    (6, 2.473255, 5.788627, 0.032100145),
    (10, 8.261778, 4.481535, 0.008446551),
)
_PAIRED_POINTS = (
    (33, 263, 4.445859, 2.663991, 3.173422, 0.058724169),
    (54, 284, 6.279331, 6.615427, 1.425850, 0.007667080),
    (67, 297, 3.523964, 8.005976, 3.729163, 0.009078059),
    (117, 346, 5.258659, 0.945811, 2.974312, 0.009791938),
    (119, 348, 3.300681, 0.861641, 3.872784, 0.014565368),
    (121, 350, 1.820731, 1.467954, 4.224124, 0.018591361),
    (127, 356, 7.743095, 2.364999, -2.005167, 0.005197994),
    (129, 358, 1.785794, -0.978284, 4.850470, 0.120625205),
    (132, 361, 7.270895, -2.890917, -2.252455, 0.005560019),
    (133, 362, 1.856432, 2.585245, 3.757904, 0.053286184),
    (136, 365, 5.085276, -7.178590, 0.714711, 0.066890456),
    (143, 372, 6.407571, 2.236021, 1.560843, 0.014816548),
    (147, 376, 6.234883, -1.944430, 1.663542, 0.014262834),
    (198, 420, 1.246815, 0.230297, 5.681036, 0.025462192),
    (205, 425, 3.832928, -1.537326, 4.137731, 0.047252279),
)
_ROWS = (
    *((index, 0.0, y, z, weight) for index, y, z, weight in _MIDDLE_POINTS),
    *((left, -x, y, z, weight) for left, _, x, y, z, weight in _PAIRED_POINTS),
    *((right, x, y, z, weight) for _, right, x, y, z, weight in _PAIRED_POINTS),
)
POINTS: NDArray[np.int64] = np.array([row[0] for row in _ROWS], np.int64)
MODEL_HEAD: NDArray[np.float64] = np.array([row[1:4] for row in _ROWS])
WEIGHTS: NDArray[np.float64] = np.array([row[4] for row in _ROWS]) / sum(row[4] for row in _ROWS)
_CENTRE = WEIGHTS @ MODEL_HEAD
_CENTRED = MODEL_HEAD - _CENTRE
_WEIGHTED = _CENTRED * WEIGHTS[:, None]
_SPREAD = float(WEIGHTS @ (_CENTRED**2).sum(axis=1))


def head_matrix(points: NDArray[np.float32], *, width: int, height: int) -> NDArray[np.float32]:
    """Return the transformation of the model head into the camera's space.

    Parameters
    ----------
    points : ndarray of float32, shape (478, 3)
        Landmarks in pixels: x to the right, y down, z away from the camera in the scale of x.
    width, height : int
        Of the picture in pixels.

    Returns
    -------
    ndarray of float32, shape (4, 4)
        Rotation times scale, and shift in centimetres; the camera looks along -z.
    """
    near_height = 2 * math.tan(math.radians(FIELD_OF_VIEW) / 2)  # of the picture at a distance of one centimetre
    unit = near_height / height
    depth = points[:MESH_POINTS, 2].mean(dtype=np.float64) * unit
    flat = points[POINTS].astype(np.float64) * unit * (1, -1, 1) + (-width * unit / 2, near_height / 2, 0)

    def unfolded(scale: float) -> NDArray[np.float64]:
        distance = (flat[:, 2] - depth + 1) / scale
        return np.stack([flat[:, 0] * distance, flat[:, 1] * distance, -distance], axis=1)

    first, _, _ = _fit(flat * (1, 1, -1))
    second, _, _ = _fit(unfolded(first))
    scale, rotation, shift = _fit(unfolded(first * second))
    matrix = np.eye(4, dtype=np.float32)
    matrix[:3, :3], matrix[:3, 3] = scale * rotation, shift
    return matrix


def _fit(places: NDArray[np.float64]) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """Scale, rotation and shift that bring the model head closest to `places`, shape (33, 3)."""
    centre = WEIGHTS @ places
    product = (places - centre).T @ _WEIGHTED
    left, values, right = np.linalg.svd(product)
    if np.linalg.det(left @ right) < 0:  # a mirror image is no turn
        left[:, 2], values[2] = -left[:, 2], -values[2]
    rotation = left @ right
    scale = float(values.sum() / _SPREAD)
    return scale, rotation, centre - scale * rotation @ _CENTRE
