"""One person before and after a cut is one face; two people in one frame are never one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mtmm_video.extractors.frame import Frame
from mtmm_video.extractors.visual.linking import FEWEST_DETECTIONS, FaceTemplates, link_tracks
from mtmm_video.extractors.visual.speaker import choose_face
from mtmm_video.extractors.visual.tracking import track_faces
from mtmm_video.pipeline.media.reading import read_frames

RANDOM = np.random.default_rng(3)
ANNA, BERT = RANDOM.normal(size=128), RANDOM.normal(size=128)


def test_the_same_look_after_a_cut_is_the_same_person():
    track, frame = np.array([0, 0, 1, 1, 2, 2], np.int32), np.arange(6, dtype=np.int32)
    looks = {0: ANNA, 1: BERT, 2: 2 * ANNA + 0.1 * RANDOM.normal(size=128)}
    assert link_tracks(track, frame, looks).tolist() == [0, 0, 1, 1, 0, 0]


def test_two_faces_in_one_frame_are_two_people_however_alike():
    track, frame = np.array([0, 1], np.int32), np.array([0, 0], np.int32)
    assert link_tracks(track, frame, {0: ANNA, 1: ANNA}).tolist() == [0, 1]


def test_a_face_seen_too_seldom_has_no_look():
    looks = FaceTemplates()
    for _ in range(FEWEST_DETECTIONS - 1):
        looks.add(0, ANNA.astype(np.float32))
    assert looks.means() == {}
    looks.add(0, ANNA.astype(np.float32))
    assert looks.means()[0] == pytest.approx(ANNA, abs=1e-6)


@pytest.mark.reference
@pytest.mark.slow
def test_cut_away_and_back(shared: Path, landmarker: Path):
    """The woman for two seconds, another video for one, the woman again."""
    first = list(read_frames(shared / "clips/katie_hill.mp4", rate=10.0))
    other = list(read_frames(shared / "data/mosei/video/mosei_-Eqdz5y4pEY.mp4", rate=1.0))[20:30]
    frames = [*first[:20], *other, *first[30:50]]
    tracks = track_faces((Frame(index / 10, frame.image) for index, frame in enumerate(frames)), landmarker=landmarker)
    choice = choose_face(tracks, start=0.0, end=5.0)
    assert choice.faces == 2
    assert choice.face_share == pytest.approx(0.8, abs=0.02)
