"""What is measured of one face in one picture, before any of it is called an action unit."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from extractors.visual.landmarker import DetectedFace
from extractors.visual.names import BLENDSHAPE_NAMES

MEASUREMENT_NAMES: tuple[str, ...] = BLENDSHAPE_NAMES

# Landmarks of MediaPipe's face mesh
LEFT_EYE_CORNERS, RIGHT_EYE_CORNERS = (33, 133), (263, 362)  # outer, inner; left in the picture, right in the picture
UPPER_LIP_INNER, LOWER_LIP_INNER = 13, 14

SHARPNESS_SIDE = 96  # pixels: the face is brought to this size first, so that sharpness does not depend on its size


def measure(face: DetectedFace) -> NDArray[np.float32]:
    """Return the measurements of one face, shape (m,), in the order of `MEASUREMENT_NAMES`."""
    return face.blendshapes


def eye_distance(points: NDArray[np.float32]) -> float:
    """Distance between the centres of the eyes in pixels, depth included, so that it does not shrink in profile."""
    left = points[list(LEFT_EYE_CORNERS)].mean(axis=0)
    right = points[list(RIGHT_EYE_CORNERS)].mean(axis=0)
    return float(np.linalg.norm(right - left))


def mouth_opening(points: NDArray[np.float32]) -> float:
    """Gap between the lips as a share of the distance between the eyes."""
    gap = np.linalg.norm(points[UPPER_LIP_INNER] - points[LOWER_LIP_INNER])
    return float(gap / max(eye_distance(points), 1.0))


def head_pose(matrix: NDArray[np.float32]) -> tuple[float, float, float]:
    """Pitch, yaw and roll in degrees from the canonical face's transformation matrix, shape (4, 4).

    Pitch is positive when the face looks up, yaw when it is turned towards the picture's right, roll when the head is
    tilted clockwise as the viewer sees it.
    """
    gaze = matrix[:3, 2] / np.linalg.norm(matrix[:3, 2])  # where the nose points
    up = matrix[:3, 1]
    pitch = np.arcsin(np.clip(gaze[1], -1.0, 1.0))
    yaw = np.arctan2(gaze[0], gaze[2])
    roll = np.arctan2(up[0], up[1])
    return float(np.degrees(pitch)), float(np.degrees(yaw)), float(np.degrees(roll))


def bounding_box(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Left, top, right, bottom of the landmarks in pixels, shape (4,)."""
    return np.concatenate([points[:, :2].min(axis=0), points[:, :2].max(axis=0)]).astype(np.float32)


def sharpness(image: NDArray[np.uint8], box: NDArray[np.float32]) -> float:
    """How much fine detail the face shows: spread of the Laplacian over the spread of the grey values.

    The variance of the Laplacian is the usual focus measure (Pech-Pacheco et al., ICPR 2000); dividing by the contrast
    makes it independent of the light. The face is first brought to 96 pixels, so a small face that is blown up counts
    as blurred. 0 where the box has no area within the picture.
    """
    height, width = image.shape[:2]
    left, top = max(int(box[0]), 0), max(int(box[1]), 0)
    right, bottom = min(int(box[2]) + 1, width), min(int(box[3]) + 1, height)
    if right - left < 2 or bottom - top < 2:
        return 0.0
    grey = cv2.cvtColor(np.ascontiguousarray(image[top:bottom, left:right]), cv2.COLOR_RGB2GRAY)
    grey = cv2.resize(grey, (SHARPNESS_SIDE, SHARPNESS_SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    contrast = float(grey.std())
    return float(cv2.Laplacian(grey, cv2.CV_32F).std() / contrast) if contrast > 1.0 else 0.0
