"""MediaPipe FaceLandmarker on a stream of frames: landmarks, blendshapes and pose of every face."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtmm_video.extractors.frame import Frame
from mtmm_video.extractors.visual.sealed_thread import Runner, sealed_thread
from mtmm_video.foundation.errors import WeightsError

LANDMARKS = 478  # 468 points of the face mesh and 5 for each iris


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
    """MediaPipe's FaceLandmarker in VIDEO mode, which tracks faces and needs the frames in order of time.

    All calls run in a thread without network access (see `extractors.visual.sealed_thread`).
    """

    def __init__(self, task: Any, module: Any, run: Runner) -> None:
        self._task = task
        self._module = module
        self._run = run
        self._last_ms = -1

    def detect(self, frame: Frame) -> list[DetectedFace]:
        """Detect the faces of one frame, in MediaPipe's order, which does not identify them across frames."""
        self._last_ms = max(self._last_ms + 1, round(frame.time * 1000))  # MediaPipe needs strictly increasing times
        image = self._module.Image(
            image_format=self._module.ImageFormat.SRGB, data=np.ascontiguousarray(frame.image, dtype=np.uint8)
        )
        result = self._run(lambda: self._task.detect_for_video(image, self._last_ms))
        height, width = frame.image.shape[:2]
        scale = np.array([width, height, width], np.float32)
        faces = []
        for landmarks, categories, matrix in zip(
            result.face_landmarks, result.face_blendshapes, result.facial_transformation_matrixes, strict=True
        ):
            points = np.array([(point.x, point.y, point.z) for point in landmarks], np.float32) * scale
            scores = np.array([category.score for category in categories], np.float32)
            faces.append(DetectedFace(points, scores, np.asarray(matrix, np.float32)))
        return faces


@contextmanager
def open_landmarker(model: Path, *, faces: int) -> Iterator[FaceLandmarker]:
    """Open MediaPipe's FaceLandmarker.

    Parameters
    ----------
    model : Path
        The verified ``face_landmarker.task``.
    faces : int
        The largest number of faces detected per frame.

    Yields
    ------
    FaceLandmarker
        Closed when the block ends.

    Raises
    ------
    WeightsError
        If the file is missing or is not a face landmarker.
    """
    if not model.is_file():
        raise WeightsError(f"{model}: no such file; run `mtmm-video weights fetch face-landmarker`")
    with sealed_thread() as run:
        task, module = run(lambda: _open_task(model, faces))
        try:
            yield FaceLandmarker(task, module, run)
        finally:
            run(task.close)


def _open_task(model: Path, faces: int) -> tuple[Any, Any]:
    import mediapipe  # noqa: PLC0415  # takes one to four seconds
    from mediapipe.tasks.python import BaseOptions, vision  # noqa: PLC0415

    options = vision.FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=str(model)),
        running_mode=vision.RunningMode.VIDEO,
        num_faces=faces,
        output_face_blendshapes=True,
        output_facial_transformation_matrixes=True,
    )
    try:
        return vision.FaceLandmarker.create_from_options(options), mediapipe
    except (RuntimeError, ValueError) as error:
        raise WeightsError(
            f"{model}: not a MediaPipe face landmarker; run `mtmm-video weights fetch face-landmarker`"
        ) from error
