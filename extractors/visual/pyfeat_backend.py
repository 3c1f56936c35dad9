"""FACET's columns from py-feat 2.x (Cheong et al., Affective Science 2023), an optional alternative to MediaPipe.

``pip install mtmm-video[pyfeat]`` installs py-feat; the user downloads its weights once with `FETCH_COMMAND`. During
analysis it runs in a separate process with its own thread count, in offline mode, on batches of frames.

py-feat returns probabilities; FACET returns evidence, the base-10 logarithm of the odds. A probability p is converted
to log10(p / (1 - p)), clipped to +-`LARGEST_EVIDENCE`. Nothing is fitted to FACET here: the columns have the same
meaning but a different scale.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing import get_context
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mtmm_video.extractors.frame import Frame
from mtmm_video.extractors.visual.calibration import EXPRESSIONS
from mtmm_video.extractors.visual.measurements import mouth_opening, sharpness
from mtmm_video.extractors.visual.names import ACTION_UNIT_NAMES, BLENDSHAPE_NAMES, FACET_NAMES
from mtmm_video.extractors.visual.tracking import CutDetector, FaceTracker
from mtmm_video.extractors.visual.tracks import EVIDENCE_NAMES, VisualTracks
from mtmm_video.foundation.errors import DependencyError, WeightsError

BATCH_FRAMES = 16  # about 0.5 s on one core; larger batches are not faster without a GPU
LARGEST_EVIDENCE = 3.0  # py-feat's sigmoids saturate; FACET's own evidence rarely leaves +-3 either
FETCH_COMMAND = 'python -c "from feat import Detectorv2; Detectorv2(identity_model=None)"'

MESH_POINTS = 478
# py-feat's Detectorv2 names (feat.multitask: AU_COLUMNS_V2, EMOTION_COLUMNS_V2; feat.utils: FEAT_FACEBOX_COLUMNS,
# FEAT_FACEPOSE_COLUMNS_6D, MESH_COLUMNS_V2). AU18 is not among its units, contempt not among its expressions.
UNIT_COLUMNS = {f"AU{int(name.removeprefix('AU')):02d}": name for name in ACTION_UNIT_NAMES if name != "AU18"}
EXPRESSION_COLUMNS = {
    "Anger": "Anger",
    "Disgust": "Disgust",
    "Fear": "Fear",
    "Happy": "Joy",
    "Neutral": "Baseline",
    "Sad": "Sadness",
    "Surprise": "Surprise",
}
BOX_COLUMNS = ("FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight")
# Rotation vector in radians. Positive directions of py-feat: up, subject's right, tilt to the subject's right; of
# `head_pose`: up, right of the image, clockwise.
POSE_SIGNS = {"Pitch": 1.0, "Yaw": -1.0, "Roll": -1.0}
MESH_COLUMNS = tuple(f"mesh_{axis}_{point}" for axis in "xyz" for point in range(MESH_POINTS))
NEEDED_COLUMNS = ("frame", *BOX_COLUMNS, *POSE_SIGNS, *UNIT_COLUMNS, *EXPRESSION_COLUMNS, *MESH_COLUMNS)

Table = Mapping[str, NDArray[np.float64]]


def track_faces(frames: Iterable[Frame], *, batch_frames: int = BATCH_FRAMES) -> VisualTracks:
    """Detect and track every face in a stream of frames with py-feat.

    Parameters
    ----------
    frames : iterable of Frame
        In order of time, already sampled, all of one size.
    batch_frames : int
        Frames per batch.

    Returns
    -------
    VisualTracks
        With py-feat's values in `facet`.

    Raises
    ------
    DependencyError
        If py-feat is not installed.
    WeightsError
        If py-feat's weights are not on this machine.
    """
    if importlib.util.find_spec("feat") is None:
        raise DependencyError(
            "py-feat is not installed; run `pip install mtmm-video[pyfeat]` or use --visual mediapipe"
        )
    tracker, cuts = FaceTracker(), CutDetector()
    times: list[float] = []
    detections: list[dict[str, Any]] = []
    height = 0
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as pool:
        for batch in _batches(frames, batch_frames):
            images = np.stack([frame.image for frame in batch])
            try:
                table = pool.submit(detect, images).result()
            except BrokenProcessPool as error:
                raise DependencyError(
                    "py-feat's process died, most likely because memory ran out; use --visual mediapipe"
                ) from error
            for position, frame in enumerate(batch):
                grey = np.asarray(cv2.cvtColor(frame.image, cv2.COLOR_RGB2GRAY), np.uint8)
                faces = [face for face in faces_of(table) if face["position"] == position]
                height = grey.shape[0]
                numbers = tracker.assign(frame.time, [face["boxes"] for face in faces], cut=cuts.is_cut(grey))
                for face, number in zip(faces, numbers, strict=True):
                    face.update(frame=len(times), track=number, sharpness=sharpness(grey, face["boxes"]))
                    detections.append(face)
                times.append(frame.time)
    return _gathered(detections, times=times, height=height)


def faces_of(table: Table) -> list[dict[str, Any]]:
    """Convert rows of py-feat's table to detections, without rows that have no face (NaN in py-feat's table).

    Parameters
    ----------
    table : mapping of str to ndarray, shape (rows,)
        The columns `NEEDED_COLUMNS` of the result of ``Detectorv2.detect``.

    Returns
    -------
    list of dict
        Keys ``position`` (frame within the batch), ``boxes``, ``pose``, ``mouth`` and ``facet``, as in `VisualTracks`.

    Raises
    ------
    DependencyError
        If a column is missing, which means that the version of py-feat is not 2.x.
    """
    missing = [name for name in NEEDED_COLUMNS if name not in table]
    if missing:
        raise DependencyError(
            f"py-feat's table lacks {', '.join(missing[:5])}; install a 2.x version (`pip install 'py-feat>=2.1,<3'`)"
        )
    faces = []
    for row in range(len(table["frame"])):
        left, top, width, height = (float(table[name][row]) for name in BOX_COLUMNS)
        if np.isnan(left):
            continue
        facet = np.full(len(FACET_NAMES), np.nan, np.float32)
        for theirs, ours in (*UNIT_COLUMNS.items(), *EXPRESSION_COLUMNS.items()):
            facet[FACET_NAMES.index(ours)] = evidence(float(table[theirs][row]))
        pose = [sign * np.degrees(float(table[name][row])) for name, sign in POSE_SIGNS.items()]
        facet[[FACET_NAMES.index(name) for name in POSE_SIGNS]] = pose
        points = np.array([table[name][row] for name in MESH_COLUMNS], np.float32).reshape(3, MESH_POINTS).T
        points[:, 2] = 0  # py-feat's depth is not in pixels
        faces.append(
            {
                "position": int(table["frame"][row]),
                "boxes": np.array([left, top, left + width, top + height], np.float32),
                "pose": np.array(pose, np.float32),
                "mouth": mouth_opening(points),
                "facet": facet,
            }
        )
    return faces


def evidence(probability: float) -> float:
    """Convert a probability to base-10 log odds, clipped to `LARGEST_EVIDENCE`; NaN stays NaN."""
    least = 1 / (1 + 10**LARGEST_EVIDENCE)
    bounded = np.clip(probability, least, 1 - least)
    return float(np.log10(bounded / (1 - bounded)))


def detect(images: NDArray[np.uint8]) -> dict[str, NDArray[np.float64]]:
    """Run py-feat on a batch, shape (frames, height, width, 3); called in py-feat's own process."""
    import torch  # noqa: PLC0415  # only in py-feat's process

    tensor = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))
    table = _detector().detect(tensor, data_type="tensor", batch_size=len(images), progress_bar=False)
    return {name: table[name].to_numpy(np.float64) for name in NEEDED_COLUMNS if name in table}


_DETECTOR: list[Any] = []  # py-feat's detector, created once per process


def _detector() -> Any:
    if not _DETECTOR:
        os.environ["HF_HUB_OFFLINE"] = "1"  # no network access during analysis
        from feat import Detectorv2  # noqa: PLC0415  # imports torchvision, xgboost and more

        try:
            _DETECTOR.append(Detectorv2(identity_model=None))
        except Exception as error:
            # Not chained: the parent process may not be able to unpickle the class of the cause.
            raise WeightsError(
                f"py-feat's weights are not on this machine ({type(error).__name__}); fetch them once with "
                f"`{FETCH_COMMAND}` or use --visual mediapipe"
            ) from None
    return _DETECTOR[0]


def _batches(frames: Iterable[Frame], size: int) -> Iterator[list[Frame]]:
    iterator = iter(frames)
    while batch := list(islice(iterator, size)):
        yield batch


def _gathered(detections: list[dict[str, Any]], *, times: list[float], height: int) -> VisualTracks:
    def column(name: str, *width: int) -> NDArray[np.float32]:
        return np.array([face[name] for face in detections], np.float32).reshape(len(detections), *width)

    return VisualTracks(
        frame_times=np.array(times, np.float64),
        image_height=height,
        frame=column("frame").astype(np.int32),
        track=column("track").astype(np.int32),
        boxes=column("boxes", 4),
        pose=column("pose", 3),
        blendshapes=np.zeros((len(detections), len(BLENDSHAPE_NAMES)), np.float32),
        movement=np.zeros((len(detections), len(ACTION_UNIT_NAMES)), np.float32),
        expressions=np.zeros((len(detections), len(EXPRESSIONS)), np.float32),
        mouth=column("mouth"),
        sharpness=column("sharpness"),
        evidence=np.full((len(detections), len(EVIDENCE_NAMES)), np.nan, np.float32),
        facet=column("facet", len(FACET_NAMES)),
    )
