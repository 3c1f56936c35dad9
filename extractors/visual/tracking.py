"""Following faces through a video: which finding belongs to which face, cuts included."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from extractors.frame import Frame
from extractors.visual.landmarker import DetectedFace, open_landmarker
from extractors.visual.measurements import (
    MEASUREMENT_NAMES,
    bounding_box,
    head_pose,
    measure,
    mouth_opening,
    sharpness,
)
from extractors.visual.tracks import VisualTracks

DEFAULT_SAMPLING_RATE = 10.0  # frames per second
MAXIMUM_FACES = 4  # looked for at once; a fifth face in the picture is not seen
MINIMUM_OVERLAP = 0.2  # intersection over union below which two boxes are not the same face
LONGEST_GAP = 1.0  # seconds that a face may be lost and still be taken up again
CUT_DIFFERENCE = 30.0  # grey values: mean difference of two 32x18 thumbnails above which the camera has cut


def track_faces(
    frames: Iterable[Frame],
    *,
    landmarker: Path,
    maximum_faces: int = MAXIMUM_FACES,
) -> VisualTracks:
    """Find and follow every face in a stream of frames.

    Parameters
    ----------
    frames : iterable of Frame
        In order of time, already sampled; each is dropped after it was looked at. A frame whose time does not advance
        is passed over.
    landmarker : Path
        The verified ``face_landmarker.task``.
    maximum_faces : int
        The largest number of faces looked for at once.

    Returns
    -------
    VisualTracks
        Empty of findings where there is no face, and of frames where there is none.

    Raises
    ------
    WeightsError
        If the landmarker's weights are absent or damaged.
    """
    recorder = _Recorder()
    with open_landmarker(landmarker, faces=maximum_faces) as model:
        for frame in frames:
            if recorder.frame_times and frame.time <= recorder.frame_times[-1]:
                continue
            recorder.add(frame, model.detect(frame))
    return recorder.finish()


class _Recorder:
    """Collects the findings frame by frame and gives each its track number."""

    def __init__(self) -> None:
        self.frame_times: list[float] = []
        self._image_height = 0
        self._rows: list[tuple[int, int, NDArray[np.float32]]] = []
        self._active: dict[int, tuple[float, NDArray[np.float32]]] = {}  # track: last seen, box
        self._tracks = 0
        self._thumbnail: NDArray[np.float32] | None = None

    def add(self, frame: Frame, faces: list[DetectedFace]) -> None:
        index = len(self.frame_times)
        self.frame_times.append(frame.time)
        self._image_height = frame.image.shape[0]
        if self._is_cut(frame):
            self._active.clear()
        boxes = [bounding_box(face.points) for face in faces]
        for face, box, track in zip(faces, boxes, self._assign(frame.time, boxes), strict=True):
            row = np.concatenate(
                [
                    box,
                    head_pose(face.matrix),
                    [mouth_opening(face.points), sharpness(frame.image, box)],
                    measure(face),
                ]
            ).astype(np.float32)
            self._rows.append((index, track, row))

    def finish(self) -> VisualTracks:
        values = np.array([row for _, _, row in self._rows], np.float32).reshape(-1, 9 + len(MEASUREMENT_NAMES))
        return VisualTracks(
            frame_times=np.array(self.frame_times, np.float64),
            image_height=self._image_height,
            frame=np.array([index for index, _, _ in self._rows], np.int32),
            track=np.array([track for _, track, _ in self._rows], np.int32),
            boxes=values[:, :4],
            pose=values[:, 4:7],
            mouth=values[:, 7],
            sharpness=values[:, 8],
            measurements=values[:, 9:],
        )

    def _is_cut(self, frame: Frame) -> bool:
        grey = cv2.cvtColor(np.ascontiguousarray(frame.image), cv2.COLOR_RGB2GRAY)
        thumbnail = cv2.resize(grey, (32, 18), interpolation=cv2.INTER_AREA).astype(np.float32)
        before, self._thumbnail = self._thumbnail, thumbnail
        return before is not None and float(np.abs(thumbnail - before).mean()) > CUT_DIFFERENCE

    def _assign(self, time: float, boxes: list[NDArray[np.float32]]) -> list[int]:
        """Give every box the track that it overlaps most, or a new one (Hungarian method on the overlaps)."""
        self._active = {track: seen for track, seen in self._active.items() if time - seen[0] <= LONGEST_GAP}
        known = list(self._active)
        tracks = [-1] * len(boxes)
        if known and boxes:
            overlaps = np.array([[_overlap(box, self._active[track][1]) for track in known] for box in boxes])
            for row, column in zip(*linear_sum_assignment(-overlaps), strict=True):
                if overlaps[row, column] >= MINIMUM_OVERLAP:
                    tracks[row] = known[column]
        for row, box in enumerate(boxes):
            if tracks[row] < 0:
                tracks[row] = self._tracks
                self._tracks += 1
            self._active[tracks[row]] = (time, box)
        return tracks


def _overlap(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """Intersection over union of two boxes."""
    sides = np.minimum(first[2:], second[2:]) - np.maximum(first[:2], second[:2])
    intersection = float(np.prod(np.maximum(sides, 0.0)))
    union = float(np.prod(first[2:] - first[:2]) + np.prod(second[2:] - second[:2])) - intersection
    return intersection / union if union > 0 else 0.0
