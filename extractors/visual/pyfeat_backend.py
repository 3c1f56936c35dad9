"""The same 35 columns from py-feat 2.x (Cheong et al., Affective Science 2023), an optional second opinion.

``pip install mtmm-video[pyfeat]`` brings py-feat; its weights are fetched by py-feat itself, once, by the user (see
`FETCH_COMMAND`). During analysis it runs in a process of its own, which sets its own thread count and is told to stay
offline, and is handed the frames in batches.

py-feat gives probabilities; FACET gives evidence, the base-10 logarithm of the odds. So a probability p becomes
log10(p / (1 - p)), at most `LARGEST_EVIDENCE` either way. Nothing is fitted to FACET here: the columns mean
the same, their scale is another.
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
from mtmm_video.extractors.visual.tracking import CutDetector, FaceFollower
from mtmm_video.extractors.visual.tracks import VisualTracks
from mtmm_video.foundation.errors import DependencyError, WeightsError

BATCH_FRAMES = 16  # about 0.5 s on one core; more does not pay without a GPU
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
# Radians of a rotation vector; py-feat: up, the subject's right, tilt to the subject's right. Ours: up, the picture's
# right, clockwise.
POSE_SIGNS = {"Pitch": 1.0, "Yaw": -1.0, "Roll": -1.0}
MESH_COLUMNS = tuple(f"mesh_{axis}_{point}" for axis in "xyz" for point in range(MESH_POINTS))
NEEDED_COLUMNS = ("frame", *BOX_COLUMNS, *POSE_SIGNS, *UNIT_COLUMNS, *EXPRESSION_COLUMNS, *MESH_COLUMNS)

Table = Mapping[str, NDArray[np.float64]]


def track_faces(frames: Iterable[Frame], *, batch_frames: int = BATCH_FRAMES) -> VisualTracks:
    """Find and follow every face in a stream of frames with py-feat.

    Parameters
    ----------
    frames : iterable of Frame
        In order of time, already sampled, all of one size.
    batch_frames : int
        Frames handed over at once.

    Returns
    -------
    VisualTracks
        With `facet` filled: py-feat's own answers instead of ours.

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
    follower, cuts = FaceFollower(), CutDetector()
    times: list[float] = []
    findings: list[dict[str, Any]] = []
    height = 0
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as pool:
        for batch in _batches(frames, batch_frames):
            pictures = np.stack([frame.image for frame in batch])
            try:
                table = pool.submit(detect, pictures).result()
            except BrokenProcessPool as error:
                raise DependencyError(
                    "py-feat's process died, most likely for want of memory; use --visual mediapipe"
                ) from error
            for position, frame in enumerate(batch):
                grey = np.asarray(cv2.cvtColor(frame.image, cv2.COLOR_RGB2GRAY), np.uint8)
                faces = [face for face in faces_of(table) if face["position"] == position]
                height = grey.shape[0]
                numbers = follower.follow(frame.time, [face["boxes"] for face in faces], cut=cuts.is_cut(grey))
                for face, number in zip(faces, numbers, strict=True):
                    face.update(frame=len(times), track=number, sharpness=sharpness(grey, face["boxes"]))
                    findings.append(face)
                times.append(frame.time)
    return _gathered(findings, times=times, height=height)


def faces_of(table: Table) -> list[dict[str, Any]]:
    """Turn rows of py-feat's table into findings; rows without a face (py-feat fills them with NaN) are left out.

    Parameters
    ----------
    table : mapping of str to ndarray, shape (rows,)
        The columns `NEEDED_COLUMNS` of what ``Detectorv2.detect`` returned.

    Returns
    -------
    list of dict
        Keys ``position`` (frame within the batch) and those of `VisualTracks` that a table can tell.

    Raises
    ------
    DependencyError
        If a column is missing: another py-feat than the 2.x this was written for.
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
        points[:, 2] = 0  # py-feat's depth has no unit of the picture
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
    """Base-10 log odds of a probability, within `LARGEST_EVIDENCE`; NaN stays NaN."""
    least = 1 / (1 + 10**LARGEST_EVIDENCE)
    bounded = np.clip(probability, least, 1 - least)
    return float(np.log10(bounded / (1 - bounded)))


def detect(pictures: NDArray[np.uint8]) -> dict[str, NDArray[np.float64]]:
    """Run py-feat on a batch, shape (frames, height, width, 3); called in py-feat's own process."""
    import torch  # noqa: PLC0415  # only in py-feat's process

    tensor = torch.from_numpy(np.ascontiguousarray(pictures.transpose(0, 3, 1, 2)))
    table = _detector().detect(tensor, data_type="tensor", batch_size=len(pictures), progress_bar=False)
    return {name: table[name].to_numpy(np.float64) for name in NEEDED_COLUMNS if name in table}


_DETECTOR: list[Any] = []  # py-feat's detector, made once per process


def _detector() -> Any:
    if not _DETECTOR:
        os.environ["HF_HUB_OFFLINE"] = "1"  # no network during analysis: weights were fetched before, or not at all
        from feat import Detectorv2  # noqa: PLC0415  # pulls torchvision, xgboost and more

        try:
            _DETECTOR.append(Detectorv2(identity_model=None))
        except Exception as error:
            # Not chained: the cause may be of a class that only py-feat's process can unpickle.
            raise WeightsError(
                f"py-feat's weights are not on this machine ({type(error).__name__}); fetch them once with "
                f"`{FETCH_COMMAND}` or use --visual mediapipe"
            ) from None
    return _DETECTOR[0]


def _batches(frames: Iterable[Frame], size: int) -> Iterator[list[Frame]]:
    iterator = iter(frames)
    while batch := list(islice(iterator, size)):
        yield batch


def _gathered(findings: list[dict[str, Any]], *, times: list[float], height: int) -> VisualTracks:
    def column(name: str, *width: int) -> NDArray[np.float32]:
        return np.array([face[name] for face in findings], np.float32).reshape(len(findings), *width)

    return VisualTracks(
        frame_times=np.array(times, np.float64),
        image_height=height,
        frame=column("frame").astype(np.int32),
        track=column("track").astype(np.int32),
        boxes=column("boxes", 4),
        pose=column("pose", 3),
        blendshapes=np.zeros((len(findings), len(BLENDSHAPE_NAMES)), np.float32),
        movement=np.zeros((len(findings), len(ACTION_UNIT_NAMES)), np.float32),
        expressions=np.zeros((len(findings), len(EXPRESSIONS)), np.float32),
        mouth=column("mouth"),
        sharpness=column("sharpness"),
        facet=column("facet", len(FACET_NAMES)),
    )
