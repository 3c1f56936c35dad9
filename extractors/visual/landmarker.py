"""Landmarks, blendshapes and pose of every face in a stream of frames: detected rarely, tracked in between.

A face is tracked by its landmarks: those of one frame give the region in which the next frame is searched for them. The
detector runs on the whole frame twice a second, after a cut, and while no face is tracked; on tiles of the frame, which
show small faces enlarged, every few seconds, and only on tiles that have changed since: the background of most talking
people does not move.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mtmm_video.extractors.frame import Frame
from mtmm_video.extractors.visual.detector import USUAL_SCORE, Detection, detect_faces, tiles
from mtmm_video.extractors.visual.face_models import LANDMARKS_SIDE, FaceModels
from mtmm_video.extractors.visual.head_matrix import head_matrix
from mtmm_video.extractors.visual.region import Region, bounding_box, crop, placed

LEAST_PRESENCE = 0.5  # MediaPipe's default: below, the landmark network rejects the face
ENLARGEMENT = 1.5  # of a face's box to the region that its landmarks are taken from, as the network was trained
LEFT_EYE, RIGHT_EYE = 33, 263  # outer corners as the picture shows them
SAME_FACE = 0.5  # share of the smaller of two boxes that the larger covers, from which they are one face
WIDE_SEARCH_S = 0.5  # seconds between two runs of the detector on the whole frame while faces are tracked
FINE_SEARCH_S, RAREST_FINE_SEARCH_S = 4.0, 16.0  # between two on its tiles; doubled after each that finds nothing
MOST_CANDIDATES = 16  # passed to the landmark network per search; false ones have the lowest scores
# A face found in a tile is confirmed by the detector on a region of three times its size. In 13 videos real faces of 36
# to 390 pixels scored .82 and more there, false candidates (ears, collars, hands) .68 and less.
CONFIRMING_VIEW, CONFIRMING_SCORE = 3.0, 0.75
THUMBNAIL = 16  # pixels: side at which tiles are compared
UNCHANGED = 12.0  # grey values: largest difference of two thumbnails of a tile that counts as unchanged


@dataclass(frozen=True)
class DetectedFace:
    """One face in one frame.

    Attributes
    ----------
    points : ndarray of float32, shape (478, 3)
        Landmarks in pixels: x to the right, y down, z away from the camera in the scale of x.
    blendshapes : ndarray of float32, shape (52,)
        Scores in [0, 1], in the order of `BLENDSHAPE_NAMES`.
    matrix : ndarray of float32, shape (4, 4)
        Transforms the canonical face (centimetres; x to the right of the image, y up, z towards the camera) to camera
        space.
    """

    points: NDArray[np.float32]
    blendshapes: NDArray[np.float32]
    matrix: NDArray[np.float32]


class FaceLandmarker:
    """Detects and tracks faces; needs the frames in order of time.

    Parameters
    ----------
    models : FaceModels
        The networks.
    faces : int
        The largest number of faces tracked at once.
    """

    def __init__(self, models: FaceModels, *, faces: int) -> None:
        self._models = models
        self._faces = faces
        self._tracked: list[NDArray[np.float32]] = []  # landmarks in the previous frame
        self._wide_due = self._fine_due = 0.0
        self._fine_wait = FINE_SEARCH_S
        self._searched: dict[Region, NDArray[np.float32]] = {}  # tile: its thumbnail when it was last searched

    def detect(self, frame: Frame, *, cut: bool = False) -> list[DetectedFace]:
        """Find the faces of one frame and describe them; see `find`."""
        return [self.describe(points, frame) for points in self.find(frame, cut=cut)]

    def describe(self, points: NDArray[np.float32], frame: Frame) -> DetectedFace:
        """Add what follows from the landmarks of a face. May run in another thread than `find`, but in one only."""
        height, width = frame.image.shape[:2]
        return DetectedFace(points, self._models.blendshapes(points), head_matrix(points, width=width, height=height))

    def find(self, frame: Frame, *, cut: bool = False) -> list[NDArray[np.float32]]:
        """Find the landmarks of the faces of one frame; those tracked from the previous frame come first.

        Parameters
        ----------
        frame : Frame
            Later than the previous one.
        cut : bool
            Whether there is a cut between the previous frame and this one.

        Returns
        -------
        list of ndarray of float32, shape (478, 3)
            See `DetectedFace`.
        """
        if cut:
            self._tracked, self._searched = [], {}
            self._wide_due = self._fine_due = frame.time
            self._fine_wait = FINE_SEARCH_S
        found: list[NDArray[np.float32]] = []
        for points in self._tracked:
            self._add(frame.image, _region_of_points(points), found)
        if len(found) < self._faces:
            self._search(frame, found)
        self._tracked = found
        return list(found)

    def _search(self, frame: Frame, found: list[NDArray[np.float32]]) -> None:
        """Add faces that are not tracked yet, if a search is due or a tracked face is lost."""
        lost = len(found) < len(self._tracked) or not found
        fine = frame.time >= self._fine_due
        if not (fine or lost or frame.time >= self._wide_due):
            return
        before = len(found)
        height, width = frame.image.shape[:2]
        levels = tiles(width, height)
        wide = [each for each in self._detect(frame.image, levels[0], found) if each.score >= USUAL_SCORE]
        self._confirm(frame.image, wide, found, sure=True)
        self._wide_due = frame.time + WIDE_SEARCH_S
        if fine and len(found) < self._faces:
            grey = np.asarray(cv2.cvtColor(frame.image, cv2.COLOR_RGB2GRAY), np.uint8)
            changed = [tile for level in levels[1:] for tile in level if self._changed(grey, tile)]
            self._confirm(frame.image, self._detect(frame.image, changed, found), found, sure=False)
            self._fine_wait = FINE_SEARCH_S if len(found) > before else min(self._fine_wait * 2, RAREST_FINE_SEARCH_S)
            self._fine_due = frame.time + self._fine_wait

    def _detect(
        self, image: NDArray[np.uint8], squares: list[Region], found: list[NDArray[np.float32]]
    ) -> list[Detection]:
        """Detect faces in some squares of the frame, without the tracked ones, in order of score."""
        tracked = [bounding_box(points).astype(np.float64) for points in found]
        new: list[Detection] = []
        for square in squares:
            if not any(_within(square, box) for box in tracked):
                new += detect_faces(image, square, models=self._models)
        best: list[Detection] = []
        for each in sorted(new, key=lambda detection: -detection.score):
            if not any(_same(each.box, box) for box in (*tracked, *(other.box for other in best))):
                best.append(each)
        return best[:MOST_CANDIDATES]

    def _confirm(
        self, image: NDArray[np.uint8], candidates: list[Detection], found: list[NDArray[np.float32]], *, sure: bool
    ) -> None:
        """Add the candidates that are confirmed."""
        for candidate in candidates:
            if len(found) == self._faces:
                return
            added = self._add(image, _region(candidate.box, *candidate.eyes), found)
            if added and not sure and not self._is_face(image, bounding_box(found[-1])):
                found.pop()

    def _add(self, image: NDArray[np.uint8], region: Region, found: list[NDArray[np.float32]]) -> bool:
        """Add the face in a region, unless there is none or it is among those found already."""
        shares, presence = self._models.landmarks(crop(image, region, LANDMARKS_SIDE, border=cv2.BORDER_REPLICATE))
        if presence < LEAST_PRESENCE:
            return False
        points = placed(shares, region)
        if any(_same(bounding_box(points), bounding_box(other)) for other in found):
            return False
        found.append(points)
        return True

    def _is_face(self, image: NDArray[np.uint8], box: NDArray[np.float32]) -> bool:
        """Run the detector once more with the face centred and at the size at which its score is highest."""
        view = Region(
            float(box[0] + box[2]) / 2, float(box[1] + box[3]) / 2, CONFIRMING_VIEW * float(np.ptp(box[1::2]))
        )
        return any(
            detection.score >= CONFIRMING_SCORE and _same(detection.box, box)
            for detection in detect_faces(image, view, models=self._models)
        )

    def _changed(self, grey: NDArray[np.uint8], tile: Region) -> bool:
        """Compare a tile with what it showed when it was last searched, and store it if it has changed."""
        left, top = max(int(tile.x - tile.side / 2), 0), max(int(tile.y - tile.side / 2), 0)
        part = grey[top : int(tile.y + tile.side / 2) + 1, left : int(tile.x + tile.side / 2) + 1]
        now = np.asarray(cv2.resize(part, (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA), np.float32)
        before = self._searched.get(tile)
        if before is not None and float(np.abs(now - before).max()) < UNCHANGED:
            return False
        self._searched[tile] = now
        return True


@contextmanager
def open_landmarker(model: Path, *, faces: int) -> Iterator[FaceLandmarker]:
    """Open MediaPipe's face landmarker.

    Parameters
    ----------
    model : Path
        The verified ``face_landmarker.task``.
    faces : int
        The largest number of faces tracked at once.

    Yields
    ------
    FaceLandmarker
        Freed when the block ends.

    Raises
    ------
    WeightsError
        If the file is missing or is not a face landmarker.
    """
    yield FaceLandmarker(FaceModels(model), faces=faces)


def _region_of_points(points: NDArray[np.float32]) -> Region:
    """Region in which to search for a face whose previous landmarks, shape (478, 3), are given."""
    return _region(bounding_box(points), points[LEFT_EYE, :2], points[RIGHT_EYE, :2])


def _region(box: NDArray[np.floating], left_eye: NDArray[np.floating], right_eye: NDArray[np.floating]) -> Region:
    """Square around the box of a face, rotated so that the eyes are level."""
    across, down = right_eye - left_eye
    return Region(
        x=float(box[0] + box[2]) / 2,
        y=float(box[1] + box[3]) / 2,
        side=ENLARGEMENT * float(max(box[2] - box[0], box[3] - box[1], 1.0)),
        turn=float(np.arctan2(down, across)),
    )


def _same(first: NDArray[np.floating], second: NDArray[np.floating]) -> bool:
    """Whether two boxes belong to one face: the larger covers most of the smaller."""
    common = np.maximum(np.minimum(first[2:], second[2:]) - np.maximum(first[:2], second[:2]), 0.0).prod()
    smaller = float(min((first[2:] - first[:2]).prod(), (second[2:] - second[:2]).prod()))
    return bool(common > SAME_FACE * max(smaller, 1e-9))


def _within(tile: Region, box: NDArray[np.float64]) -> bool:
    """Whether a tile lies within a box."""
    half = tile.side / 2
    return bool(
        box[0] <= tile.x - half and box[1] <= tile.y - half and box[2] >= tile.x + half and box[3] >= tile.y + half
    )
