"""A still portrait that speaks: a triangle mesh of face landmarks, moved and redrawn for every frame.

The mesh is the 478 landmarks of MediaPipe's face landmarker plus a ring around the head and the border of the picture.
A frame is a `Pose`: how far the mouth is open, whether the corners of the mouth and the brows go up or down, how far
the eyes are closed, where the head points. Inside the lips nothing of the still is stretched: the dark of the mouth and
the upper teeth are painted in.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import Delaunay

from mtmm_video.extractors.frame import Frame
from mtmm_video.extractors.visual.face_models import FaceModels
from mtmm_video.extractors.visual.landmarker import FaceLandmarker

Image = NDArray[np.uint8]
Points = NDArray[np.float64]

# Landmark numbers of MediaPipe's face mesh, each list from the picture's left to its right.
UPPER_LIP_OUTER = [61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291]
LOWER_LIP_OUTER = [61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291]
UPPER_LIP_INNER = [78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308]
LOWER_LIP_INNER = [78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308]
BROWS = ([46, 53, 52, 65, 55, 70, 63, 105, 66, 107], [285, 295, 282, 283, 276, 336, 296, 334, 293, 300])
INNER_BROWS = [55, 65, 107, 66, 285, 295, 336, 296]
EYES = (  # upper lid, lower lid, the fold above the upper lid
    ([246, 161, 160, 159, 158, 157, 173], [7, 163, 144, 145, 153, 154, 155], [247, 30, 29, 27, 28, 56, 190]),
    ([398, 384, 385, 386, 387, 388, 466], [382, 381, 380, 374, 373, 390, 249], [414, 286, 258, 257, 259, 260, 467]),
)
FACE_POINTS = 468  # the ten iris points after these are left out: a lid that closes would fold the mesh over them
MOUTH_DARK = (28, 18, 44)  # BGR of an open mouth's inside


@dataclass(frozen=True)
class Pose:
    """One frame of the face.

    Attributes
    ----------
    mouth_open : float
        0 closed, 1 wide open.
    mouth_round : float
        0 as it is, 1 narrowed as for "oo".
    smile : float
        1 the smile of the portrait, 0 relaxed, -1 and below the corners of the mouth down.
    brows : float
        -1 and below drawn down and together, 0 as they are, 1 raised.
    blink : float
        0 eyes open, 1 closed.
    yaw, pitch, roll : float
        Degrees the head is turned, nodded and tilted.
    """

    mouth_open: float
    mouth_round: float
    smile: float
    brows: float
    blink: float
    yaw: float
    pitch: float
    roll: float


class TalkingFace:
    """A portrait with its mesh.

    Parameters
    ----------
    portrait : ndarray of uint8, shape (height, width, 3)
        RGB, with one face that smiles with its teeth seen.
    landmarker : Path
        MediaPipe's ``face_landmarker.task``.

    Raises
    ------
    ValueError
        If no face is found.
    """

    def __init__(self, portrait: Image, *, landmarker: Path) -> None:
        found = FaceLandmarker(FaceModels(landmarker), faces=1).detect(Frame(0.0, portrait))
        if not found:
            raise ValueError("no face in the portrait")
        self.portrait = portrait
        self.height, self.width = portrait.shape[:2]
        self.face = found[0].points[:FACE_POINTS].astype(np.float64)
        self.size = float(np.ptp(self.face[:, 1]))  # pixels from hair line to chin
        ring, frame = self._surroundings()
        self.rest = np.vstack([self.face, ring])  # what turns with the head
        self.fixed = frame
        self.triangles = Delaunay(np.vstack([self.rest[:, :2], self.fixed])).simplices

    def _surroundings(self) -> tuple[Points, Points]:
        """Return points on the hair and ears that turn with the head, and points on body and border that stay."""
        centre = self.face[:, :2].mean(axis=0) - (0, 0.12 * self.size)
        angles = np.deg2rad(np.arange(150, 391, 20))  # from ear over the hair to the other ear; y points down
        hair = centre + np.column_stack([0.70 * np.cos(angles), 0.76 * np.sin(angles)]) * self.size
        depth = float(np.percentile(self.face[:, 2], 95))
        ring = np.column_stack([hair, np.full(len(hair), depth)])
        across, down = np.linspace(0, self.width - 1, 9), np.linspace(0, self.height - 1, 9)
        border = [(x, y) for x in across for y in (0, self.height - 1)]
        border += [(x, y) for y in down[1:-1] for x in (0, self.width - 1)]
        shoulders = [(x, self.face[:, 1].max() + 0.22 * self.size) for x in np.linspace(0.2, 0.8, 5) * self.width]
        return ring, np.array(border + shoulders, dtype=np.float64)

    def _expression(self, pose: Pose) -> Points:
        """Move the face's points as the muscles would, before the head turns."""
        face = self.face.copy()
        size = self.size
        centre = face[[13, 14], :2].mean(axis=0)
        upper, lower = self.face[UPPER_LIP_INNER, 1], self.face[LOWER_LIP_INNER, 1]
        gap = np.interp(face[:, 0], self.face[LOWER_LIP_INNER, 0], lower - upper)  # the still's parted lips

        # Jaw: everything below the lips' line goes with it; the lips first close the still's gap.
        below = np.clip((self.face[:, 1] - centre[1]) / (0.06 * size), 0, 1)
        beside = np.exp(-(((self.face[:, 0] - centre[0]) / (0.36 * size)) ** 2))
        below[UPPER_LIP_INNER + UPPER_LIP_OUTER] = 0
        below[LOWER_LIP_INNER[1:-1] + LOWER_LIP_OUTER[1:-1]] = 1
        jaw = 0.15 * size * pose.mouth_open
        middle = np.exp(-(((self.face[:, 0] - centre[0]) / (0.17 * size)) ** 2))  # corners of the mouth hardly part
        lips = np.zeros(len(face), dtype=bool)
        lips[UPPER_LIP_INNER + UPPER_LIP_OUTER + LOWER_LIP_INNER + LOWER_LIP_OUTER] = True
        face[:, 1] += below * jaw * np.where(lips, middle, beside)
        face[UPPER_LIP_INNER + UPPER_LIP_OUTER, 1] += 0.45 * gap[UPPER_LIP_INNER + UPPER_LIP_OUTER]
        face[LOWER_LIP_INNER[1:-1] + LOWER_LIP_OUTER[1:-1], 1] -= (
            0.55 * gap[LOWER_LIP_INNER[1:-1] + LOWER_LIP_OUTER[1:-1]]
        )

        # Corners of the mouth and cheeks: the still smiles, so 1 is the still and less takes the smile out of it.
        relaxed = 1 - pose.smile  # 0 for the smile, 2 for corners fully down
        offset = self.face[:, :2] - centre
        near = np.exp(-0.5 * (offset[:, 0] / (0.30 * size)) ** 2 - 0.5 * (offset[:, 1] / (0.16 * size)) ** 2)
        narrowing = 0.11 * min(relaxed, 1.3) + 0.16 * pose.mouth_round
        face[:, 0] -= near * narrowing * offset[:, 0]
        corners = np.clip(np.abs(offset[:, 0]) / (0.20 * size), 0, 1.2) ** 2
        face[:, 1] += near * corners * 0.050 * size * relaxed
        face[LOWER_LIP_OUTER[3:8], 1] -= 0.012 * size * max(0.0, -pose.smile)  # the pressed lower lip of a frown

        # Brows: raised as a whole; drawn down most at their inner ends and towards each other.
        for brow in BROWS:
            face[brow, 1] -= 0.045 * size * (pose.brows if pose.brows > 0 else 0.55 * pose.brows)
        if pose.brows < 0:
            nose = self.face[168, 0]
            face[INNER_BROWS, 1] -= 0.030 * size * pose.brows
            face[INNER_BROWS, 0] -= 0.18 * (self.face[INNER_BROWS, 0] - nose) * -pose.brows

        for lid, under, fold in EYES:
            closing = pose.blink * (face[under, 1] - face[lid, 1])
            face[lid, 1] += closing
            face[fold, 1] += 0.45 * closing
        return face

    def _turned(self, points: Points, pose: Pose) -> Points:
        """Turn points (n, 3) about the neck and return them projected, (n, 2)."""
        yaw, pitch, roll = np.deg2rad([pose.yaw, pose.pitch, pose.roll])
        pivot = np.array([self.face[:, 0].mean(), self.face[:, 1].max() + 0.1 * self.size, 0.55 * self.size])
        x, y, z = (points - pivot).T
        x, z = x * np.cos(yaw) - z * np.sin(yaw), x * np.sin(yaw) + z * np.cos(yaw)
        y, z = y * np.cos(pitch) - z * np.sin(pitch), y * np.sin(pitch) + z * np.cos(pitch)
        x, y = x * np.cos(roll) - y * np.sin(roll), x * np.sin(roll) + y * np.cos(roll)
        return np.column_stack([x, y]) + pivot[:2]

    def draw(self, pose: Pose) -> Image:
        """Return the portrait in `pose`, RGB of the portrait's size."""
        moved = np.vstack([self._expression(pose), self.rest[FACE_POINTS:]])
        target = np.vstack([self._turned(moved, pose), self.fixed])
        source = np.vstack([self.rest[:, :2], self.fixed])
        map_x, map_y = self._inverse_maps(target, source)
        picture = cv2.remap(self.portrait, map_x, map_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
        return self._with_mouth(picture, target, source)

    def _inverse_maps(self, target: Points, source: Points) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Say for every pixel of the frame where in the portrait it comes from: two maps (height, width)."""
        owner = np.full((self.height, self.width), -1, np.int32)  # which triangle a pixel lies in
        corners = np.append(target[self.triangles], np.ones((len(self.triangles), 3, 1)), axis=2)  # (triangles, 3, 3)
        solid = np.abs(np.linalg.det(corners)) > 1e-3  # a closed eye's triangles have collapsed to lines
        for number in np.flatnonzero(solid):
            outline = np.round(target[self.triangles[number]] * 16).astype(np.int32)
            cv2.fillConvexPoly(owner, outline, int(number), lineType=cv2.LINE_8, shift=4)
        affine = np.zeros((len(self.triangles), 3, 2))
        affine[solid] = np.linalg.solve(corners[solid], source[self.triangles[solid]])
        rows, columns = np.mgrid[0 : self.height, 0 : self.width]
        found = np.einsum("hwk,hwkc->chw", np.dstack([columns, rows, np.ones_like(rows)]), affine[owner])
        found = np.where(owner >= 0, found, np.stack([columns, rows])).astype(np.float32)
        # Pixels on the edge of a sliver may belong to its neighbour: the median takes such specks out.
        return cv2.medianBlur(found[0], 5), cv2.medianBlur(found[1], 5)

    def _with_mouth(self, picture: Image, target: Points, source: Points) -> Image:
        """Paint the inside of the mouth: dark, with the portrait's upper teeth hanging from the upper lip."""
        outline = np.vstack([target[UPPER_LIP_INNER], target[LOWER_LIP_INNER][-2:0:-1]])
        opening = np.zeros(picture.shape[:2], np.uint8)
        cv2.fillPoly(opening, [np.round(outline * 16).astype(np.int32)], 255, lineType=cv2.LINE_AA, shift=4)
        if not opening.any():
            return picture
        affine, _ = cv2.estimateAffinePartial2D(source[UPPER_LIP_INNER], target[UPPER_LIP_INNER])
        size = (self.width, self.height)
        teeth_outline = np.vstack([source[UPPER_LIP_INNER] - (0, 4), source[LOWER_LIP_INNER][-2:0:-1] - (0, 3)])
        teeth_mask = np.zeros(picture.shape[:2], np.uint8)
        cv2.fillPoly(teeth_mask, [np.round(teeth_outline * 16).astype(np.int32)], 255, lineType=cv2.LINE_AA, shift=4)
        teeth = cv2.warpAffine(self.portrait, affine, size, flags=cv2.INTER_CUBIC).astype(np.float64) * 0.86
        shown = cv2.GaussianBlur(cv2.warpAffine(teeth_mask, affine, size), (0, 0), 0.8)[..., None] / 255
        inside = teeth * shown + np.array(MOUTH_DARK[::-1]) * (1 - shown)
        blend = cv2.GaussianBlur(opening, (0, 0), 0.9)[..., None] / 255
        return np.clip(inside * blend + picture * (1 - blend), 0, 255).astype(np.uint8)
