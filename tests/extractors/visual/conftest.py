"""Made-up tracks, and the landmarker's weights where they were fetched."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mtmm_video.extractors.visual.tracks import VisualTracks
from mtmm_video.foundation.errors import WeightsError
from mtmm_video.pipeline.weights.resolution import resolve

MakeTracks = Callable[..., VisualTracks]


@pytest.fixture(scope="session")
def landmarker() -> Path:
    """MediaPipe's face landmarker; `mtmm-video weights fetch` brings it."""
    try:
        return resolve("face-landmarker")
    except WeightsError as error:
        pytest.skip(f"needs the face landmarker: {error}")


@pytest.fixture
def make_tracks() -> MakeTracks:
    """Make tracks from one row of lip gaps per face: `make([gaps of face 0, gaps of face 1], rate=10)`."""

    def make(mouths: list[NDArray[np.float64]], *, rate: float = 10.0, yaw: float = 0.0) -> VisualTracks:
        frames = len(mouths[0])
        faces = len(mouths)
        count = frames * faces
        random = np.random.default_rng(0)
        pose = np.zeros((count, 3), np.float32)
        pose[:, 1] = yaw
        return VisualTracks(
            frame_times=np.arange(frames) / rate,
            image_height=200,
            frame=np.repeat(np.arange(frames), faces).astype(np.int32),
            track=np.tile(np.arange(faces), frames).astype(np.int32),
            boxes=np.tile(np.array([10, 20, 60, 70], np.float32), (count, 1)),
            pose=pose,
            blendshapes=random.random((count, 52)).astype(np.float32) * 0.1,
            movement=random.normal(size=(count, 20)).astype(np.float32),
            expressions=random.normal(size=(count, 7)).astype(np.float32),
            mouth=np.stack(mouths, axis=1).ravel().astype(np.float32),
            sharpness=np.full(count, 0.5, np.float32),
            evidence=np.full((count, 4), np.nan, np.float32),
            facet=np.zeros((count, 0), np.float32),
        )

    return make
