"""Face tracking: assigns detections to faces over time, across cuts."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from mtmm_video.extractors.frame import Frame
from mtmm_video.extractors.visual.calibration import EXPRESSIONS, action_unit_map, expression_map
from mtmm_video.extractors.visual.evidence import INTERVAL_S, mouth_change, mouth_visibility, shape_distance
from mtmm_video.extractors.visual.landmarker import DetectedFace, FaceLandmarker, open_landmarker
from mtmm_video.extractors.visual.linking import FaceTemplates, link_tracks
from mtmm_video.extractors.visual.measurements import (
    block,
    head_pose,
    measure_face,
    mouth_opening,
    sharpness,
)
from mtmm_video.extractors.visual.names import ACTION_UNIT_NAMES, BLENDSHAPE_NAMES
from mtmm_video.extractors.visual.region import bounding_box
from mtmm_video.extractors.visual.tracks import EVIDENCE_NAMES, VisualTracks
from mtmm_video.foundation.cores import one_opencv_thread

MAXIMUM_FACES = 16  # tracked at once; with more people than that no face has a size at which it can be measured
MOST_WAITING = 8  # frames that wait in memory to be measured
MINIMUM_OVERLAP = 0.2  # intersection over union below which two boxes are different faces
LONGEST_GAP = 1.0  # seconds without a detection after which a track ends
THUMBNAIL = (32, 18)  # pixels, width and height, at which frames are compared
CUT_DIFFERENCE = 30.0  # grey values: mean difference of two thumbnails above which there is a cut


def track_faces(
    frames: Iterable[Frame],
    *,
    landmarker: Path,
    maximum_faces: int = MAXIMUM_FACES,
) -> VisualTracks:
    """Detect and track every face in a stream of frames.

    Parameters
    ----------
    frames : iterable of Frame
        In order of time, already sampled; one is in memory at a time. A frame whose time does not advance is skipped.
    landmarker : Path
        The verified ``face_landmarker.task``.
    maximum_faces : int
        The largest number of faces detected per frame.

    Returns
    -------
    VisualTracks
        Without detections if there is no face, and without frames if there is none.

    Raises
    ------
    WeightsError
        If the landmarker's weights are missing or damaged.
    """
    recorder = _Recorder()
    # A second thread describes and measures the faces of a frame while the next one is decoded and searched; one alone
    # keeps them in order.
    waiting: deque[Future[None]] = deque()
    with (
        one_opencv_thread(),
        open_landmarker(landmarker, faces=maximum_faces) as model,
        ThreadPoolExecutor(max_workers=1) as measuring,
    ):
        for frame in frames:
            if recorder.frame_times and frame.time <= recorder.frame_times[-1]:
                continue
            waiting.append(measuring.submit(recorder.measure, *recorder.find(frame, model), model))
            if len(waiting) > MOST_WAITING:
                waiting.popleft().result()
        for each in waiting:
            each.result()
    return recorder.finish()


class _Detection(NamedTuple):
    """One face in one frame; the fields are those of `VisualTracks`."""

    frame: int
    track: int
    boxes: NDArray[np.float32]
    pose: NDArray[np.float32]
    blendshapes: NDArray[np.float32]
    movement: NDArray[np.float32]
    expressions: NDArray[np.float32]
    mouth: float
    sharpness: float
    evidence: NDArray[np.float32]


class CutDetector:
    """Detects cuts between consecutive frames."""

    def __init__(self) -> None:
        self._before: NDArray[np.float32] | None = None

    def is_cut(self, grey: NDArray[np.uint8]) -> bool:
        """Compare a frame, shape (height, width), with the previous one."""
        thumbnail = np.asarray(cv2.resize(grey, THUMBNAIL, interpolation=cv2.INTER_AREA), np.float32)
        before, self._before = self._before, thumbnail
        return before is not None and float(np.abs(thumbnail - before).mean()) > CUT_DIFFERENCE


class FaceTracker:
    """Assigns track numbers to the boxes of consecutive frames."""

    def __init__(self) -> None:
        self._active: dict[int, tuple[float, NDArray[np.float32]]] = {}  # track: last seen, box
        self._tracks = 0

    def assign(self, time: float, boxes: list[NDArray[np.float32]], *, cut: bool) -> list[int]:
        """Assign each box to the track with the largest overlap, or to a new one (Hungarian method).

        Parameters
        ----------
        time : float
            Of the frame, in seconds.
        boxes : list of ndarray, shape (4,)
            Left, top, right, bottom.
        cut : bool
            Whether there is a cut before this frame, which ends all tracks.

        Returns
        -------
        list of int
            Track number of each box.
        """
        self._active = {
            track: seen for track, seen in self._active.items() if not cut and time - seen[0] <= LONGEST_GAP
        }
        known = list(self._active)
        tracks = [-1] * len(boxes)
        if known and boxes:
            overlaps = np.array([[_overlap(box, self._active[track][1]) for track in known] for box in boxes])
            for row, column in _assignment(overlaps):
                if overlaps[row, column] >= MINIMUM_OVERLAP:
                    tracks[row] = known[column]
        for row, box in enumerate(boxes):
            if tracks[row] < 0:
                tracks[row] = self._tracks
                self._tracks += 1
            self._active[tracks[row]] = (time, box)
        return tracks


class _Recorder:
    """Collects the detections frame by frame."""

    def __init__(self) -> None:
        self.frame_times: list[float] = []
        self._image_height = 0
        self._detections: list[_Detection] = []
        self._tracker = FaceTracker()
        self._cuts = CutDetector()
        self._templates = FaceTemplates()
        self._shading: dict[int, NDArray[np.float32]] = {}  # of each track, in the previous frame with it
        self._measured: dict[int, float] = {}  # when the mouth's visibility and the shape of each track were measured

    def find(
        self, frame: Frame, model: FaceLandmarker
    ) -> tuple[int, Frame, NDArray[np.uint8], list[NDArray[np.float32]], list[int]]:
        """Find and track the faces of one frame; return what `measure` takes."""
        self.frame_times.append(frame.time)
        self._image_height = frame.image.shape[0]
        grey = np.asarray(cv2.cvtColor(np.ascontiguousarray(frame.image), cv2.COLOR_RGB2GRAY), np.uint8)
        cut = self._cuts.is_cut(grey)
        faces = model.find(frame, cut=cut)
        boxes = [bounding_box(points) for points in faces]
        numbers = self._tracker.assign(frame.time, boxes, cut=cut)
        return len(self.frame_times) - 1, frame, grey, faces, numbers

    def measure(  # noqa: PLR0917  (what `find` returns, and the model)
        self,
        index: int,
        frame: Frame,
        grey: NDArray[np.uint8],
        faces: list[NDArray[np.float32]],
        numbers: list[int],
        model: FaceLandmarker,
    ) -> None:
        """Measure the faces of one frame; called in order of time."""
        for points, track in zip(faces, numbers, strict=True):
            face = model.describe(points, frame)
            box = bounding_box(points)
            measurements = measure_face(face, grey)
            shading = measurements[block("shading")]
            self._templates.add(track, shading)
            self._detections.append(
                _Detection(
                    frame=index,
                    track=track,
                    boxes=box,
                    pose=np.array(head_pose(face.matrix), np.float32),
                    blendshapes=face.blendshapes,
                    movement=measurements @ action_unit_map().movement,
                    expressions=expression_map().logits(measurements),
                    mouth=mouth_opening(face.points),
                    sharpness=sharpness(grey, box),
                    evidence=self._evidence(frame, face, track=track, shading=shading),
                )
            )

    def _evidence(
        self, frame: Frame, face: DetectedFace, *, track: int, shading: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Take the measures of `EVIDENCE_NAMES`; those that change slowly only now and then."""
        before, self._shading[track] = self._shading.get(track), shading
        change = np.nan if before is None else mouth_change(shading, before)
        if frame.time - self._measured.get(track, -np.inf) < INTERVAL_S:
            return np.array([change, np.nan, np.nan, np.nan], np.float32)
        self._measured[track] = frame.time
        return np.array([change, *mouth_visibility(frame.image, face.points), shape_distance(face.points)], np.float32)

    def finish(self) -> VisualTracks:
        def gathered(name: str, *width: int) -> NDArray[np.float32]:
            rows = [getattr(detection, name) for detection in self._detections]
            return np.array(rows, np.float32).reshape(len(rows), *width)

        frame = gathered("frame").astype(np.int32)
        return VisualTracks(
            frame_times=np.array(self.frame_times, np.float64),
            image_height=self._image_height,
            frame=frame,
            track=link_tracks(gathered("track").astype(np.int32), frame, self._templates.means()),
            boxes=gathered("boxes", 4),
            pose=gathered("pose", 3),
            blendshapes=gathered("blendshapes", len(BLENDSHAPE_NAMES)),
            movement=gathered("movement", len(ACTION_UNIT_NAMES)),
            expressions=gathered("expressions", len(EXPRESSIONS)),
            mouth=gathered("mouth"),
            sharpness=gathered("sharpness"),
            evidence=gathered("evidence", len(EVIDENCE_NAMES)),
            facet=np.zeros((len(self._detections), 0), np.float32),
        )


def _assignment(overlaps: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Pair rows with columns, each at most once, for the largest sum."""
    if 1 in overlaps.shape:
        best = np.unravel_index(int(overlaps.argmax()), overlaps.shape)
        return [(int(best[0]), int(best[1]))]
    from scipy.optimize import linear_sum_assignment  # noqa: PLC0415 (0.3 s, which one person's video does without)

    return list(zip(*(each.tolist() for each in linear_sum_assignment(overlaps, maximize=True)), strict=True))


def _overlap(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """Compute the intersection over union of two boxes."""
    sides = np.minimum(first[2:], second[2:]) - np.maximum(first[:2], second[:2])
    intersection = float(np.prod(np.maximum(sides, 0.0)))
    union = float(np.prod(first[2:] - first[:2]) + np.prod(second[2:] - second[:2])) - intersection
    return intersection / union if union > 0 else 0.0
