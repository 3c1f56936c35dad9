"""Measurements of faces that the maps to FACET's columns are fitted on: labelled photographs, and frames of videos."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import save_file

from mtmm_video.extractors.frame import Frame
from mtmm_video.extractors.visual.landmarker import DetectedFace, open_landmarker
from mtmm_video.extractors.visual.measurements import measure_face
from mtmm_video.foundation.errors import DataError
from mtmm_video.pipeline.corpora.mosei_labels import read_csv
from mtmm_video.pipeline.media.reading import read_frames
from mtmm_video.pipeline.training.stages import Progress, StageRun

LANDMARKER = "face-landmarker"
VIDEO_FACE_WIDTHS = (45.0, 120.0)  # pixels
VIDEO_JPEG_QUALITIES = (35, 80)
PHOTOGRAPH_SECONDS = 4.0  # between two photographs, with a blank frame in the middle: longer than a track survives


@dataclass(frozen=True)
class Photographs:
    """Measurements of n labelled photographs in which a face was found.

    Attributes
    ----------
    sharp, rough : ndarray of float32, shape (n, m)
        Of the photographs, and of copies at the size and compression of a video's frames.
    emotions, persons : tuple of str, length n
        Labels, and who is shown: the file name without its number.
    """

    sharp: NDArray[np.float32]
    rough: NDArray[np.float32]
    emotions: tuple[str, ...]
    persons: tuple[str, ...]

    @classmethod
    def load(cls, path: Path) -> Photographs:
        """Read what `write_photographs` wrote."""
        with safe_open(path, framework="np") as file:
            strings = json.loads((file.metadata() or {})["strings"])
            return cls(
                sharp=file.get_tensor("sharp"),
                rough=file.get_tensor("rough"),
                emotions=tuple(strings["emotions"]),
                persons=tuple(strings["persons"]),
            )


@dataclass(frozen=True)
class VideoMeasurements:
    """Measurements of every frame of a video in which a face was found.

    Attributes
    ----------
    name : str
        Of the video in MOSEI.
    times : ndarray, shape (n,)
        Presentation timestamps in seconds.
    rows : ndarray of float32, shape (n, m)
        The measurements.
    """

    name: str
    times: NDArray[np.float64]
    rows: NDArray[np.float32]


def read_video_measurements(path: Path) -> list[VideoMeasurements]:
    """Read what `write_videos` wrote."""
    with safe_open(path, framework="np") as file:
        names = json.loads((file.metadata() or {})["names"])
        return [
            VideoMeasurements(name, file.get_tensor(f"{index}.times"), file.get_tensor(f"{index}.rows"))
            for index, name in enumerate(names)
        ]


def write_photographs(run: StageRun, *, seed: int) -> None:
    """Stage: measure every photograph of ``index.csv``, once as it is and once as a video would show it.

    Raises
    ------
    DataError
        If the index lacks a column, or a photograph cannot be read.
    """
    found = measure_photographs(run.sources["faces"], landmarker=run.weights[LANDMARKER], seed=seed, report=run.report)
    strings = json.dumps({"emotions": found.emotions, "persons": found.persons})
    save_file({"sharp": found.sharp, "rough": found.rough}, run.output, metadata={"strings": strings})


def measure_photographs(folder: Path, *, landmarker: Path, seed: int, report: Progress) -> Photographs:
    """Measure the photographs of a folder; see `write_photographs`."""
    random = np.random.default_rng(seed)
    index = read_csv(folder / "index.csv", columns=("path", "emotion"))
    blank = np.zeros((64, 64, 3), np.uint8)
    sharp, rough, emotions, persons = [], [], [], []
    with open_landmarker(landmarker, faces=1) as detector:
        for row, (path, emotion) in enumerate(zip(index["path"], index["emotion"], strict=True)):
            image = cv2.imread(str(folder / path), cv2.IMREAD_GRAYSCALE)
            if image is None:
                raise DataError(f"{folder / path}: is no picture that can be read")
            margin = max(image.shape) // 4
            grey = np.asarray(
                cv2.copyMakeBorder(image, margin, margin, margin, margin, borderType=cv2.BORDER_REPLICATE), np.uint8
            )
            detector.detect(Frame(PHOTOGRAPH_SECONDS * row, blank))  # ends the track of the face before
            frame = Frame(PHOTOGRAPH_SECONDS * (row + 0.5), np.repeat(grey[:, :, None], 3, axis=2))
            for face in detector.detect(frame):
                sharp.append(measure_face(face, grey))
                rough.append(measure_face(*as_in_video(face, grey, random)))
                emotions.append(str(emotion))
                persons.append(re.sub(r"_?\d+$", "", Path(path).stem).lower())
            report(row + 1, len(index), "photographs")
    return Photographs(np.array(sharp), np.array(rough), tuple(emotions), tuple(persons))


def as_in_video(
    face: DetectedFace, grey: NDArray[np.uint8], random: np.random.Generator
) -> tuple[DetectedFace, NDArray[np.uint8]]:
    """Shrink a photograph to the size that a face has in a video, and compress it."""
    scale = min(1.0, random.uniform(*VIDEO_FACE_WIDTHS) / float(np.ptp(face.points[:, 0])))
    small = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    quality = int(random.integers(*VIDEO_JPEG_QUALITIES))
    compressed = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    decoded = np.asarray(cv2.imdecode(compressed, cv2.IMREAD_GRAYSCALE), np.uint8)
    return DetectedFace(face.points * np.float32(scale), face.blendshapes, face.matrix), decoded


def write_videos(run: StageRun, *, rate: float | None) -> None:
    """Stage: measure the faces of the MOSEI videos.

    Parameters
    ----------
    rate : float or None
        Frames per second; None measures every frame.
    """
    videos = sorted(run.sources["video"].glob("*.mp4"))
    measured = []
    for number, video in enumerate(videos, start=1):
        measured.append(measure_video(video, landmarker=run.weights[LANDMARKER], rate=rate))
        run.report(number, len(videos), video.name)
    save_videos(run.output, measured)


def measure_video(video: Path, *, landmarker: Path, rate: float | None) -> VideoMeasurements:
    """Measure the face of a video, one at a time; see `write_videos`."""
    times, rows = [], []
    with open_landmarker(landmarker, faces=1) as detector:
        for frame in read_frames(video, rate=rate):
            for face in detector.detect(frame):
                times.append(frame.time)
                grey = np.asarray(cv2.cvtColor(frame.image, cv2.COLOR_RGB2GRAY), np.uint8)
                rows.append(measure_face(face, grey))
    return VideoMeasurements(video.stem.removeprefix("mosei_"), np.array(times, np.float64), np.array(rows))


def save_videos(path: Path, videos: Sequence[VideoMeasurements]) -> None:
    """Write the measurements of several videos."""
    tensors: dict[str, NDArray[np.generic]] = {}
    for index, video in enumerate(videos):
        tensors |= {f"{index}.times": video.times, f"{index}.rows": video.rows}
    save_file(tensors, path, metadata={"names": json.dumps([video.name for video in videos])})
