"""Following faces: boxes keep their numbers, cuts end them, real clips hold the faces that a viewer sees."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from mtmm_video.extractors.frame import Frame
from mtmm_video.extractors.visual.names import FACET_NAMES
from mtmm_video.extractors.visual.sampling import LONGEST_SIDE
from mtmm_video.extractors.visual.speaker import choose_face
from mtmm_video.extractors.visual.tracking import LONGEST_GAP, CutDetector, FaceTracker, track_faces
from mtmm_video.foundation.errors import WeightsError
from mtmm_video.pipeline.media.reading import read_frames

LEFT, RIGHT = np.array([10, 10, 50, 60], np.float32), np.array([200, 10, 240, 60], np.float32)


def test_faces_keep_their_numbers_whatever_their_order():
    tracker = FaceTracker()
    assert tracker.assign(0.0, [LEFT, RIGHT], cut=False) == [0, 1]
    assert tracker.assign(0.1, [RIGHT + 3, LEFT + 3], cut=False) == [1, 0]
    assert tracker.assign(0.2, [LEFT + 5], cut=False) == [0]
    assert tracker.assign(0.3, [LEFT + 6, RIGHT + 6], cut=False) == [0, 1]


def test_a_cut_or_a_long_absence_ends_a_face():
    tracker = FaceTracker()
    assert tracker.assign(0.0, [LEFT], cut=False) == [0]
    assert tracker.assign(0.1, [LEFT], cut=True) == [1]
    assert tracker.assign(0.1 + LONGEST_GAP + 0.1, [LEFT], cut=False) == [2]


def test_a_cut_is_another_picture_and_not_a_movement():
    random = np.random.default_rng(0)
    picture = random.integers(0, 255, (18, 32), dtype=np.uint8).repeat(20, axis=0).repeat(20, axis=1)
    detector = CutDetector()
    assert not detector.is_cut(picture)
    assert not detector.is_cut(np.roll(picture, 4, axis=1))
    assert detector.is_cut(picture[::-1])


def test_weights_that_are_no_landmarker_are_refused(tmp_path: Path):
    with pytest.raises(WeightsError, match="weights fetch face-landmarker"):
        track_faces([], landmarker=tmp_path / "absent.task")
    (tmp_path / "other.task").write_bytes(b"not a model")
    with pytest.raises(WeightsError, match="not a MediaPipe face landmarker"):
        track_faces([], landmarker=tmp_path / "other.task")


def test_pictures_without_a_face(landmarker: Path):
    random = np.random.default_rng(0)
    frames = [Frame(index / 10, np.full((120, 161, 3), random.integers(0, 60), np.uint8)) for index in range(4)]
    tracks = track_faces([*frames, frames[-1]], landmarker=landmarker)
    assert len(tracks.frame_times) == 4  # a frame whose time does not advance is passed over
    assert tracks.faces == 0
    assert len(choose_face(tracks, start=0, end=1).stream.times) == 0
    assert len(track_faces([], landmarker=landmarker).frame_times) == 0


def look(path: Path, landmarker: Path, *, rate: float = 10.0):
    return track_faces(read_frames(path, rate=rate), landmarker=landmarker)


@pytest.mark.reference
def test_of_two_men_the_right_one_speaks(shared: Path, landmarker: Path):
    tracks = look(shared / "clips/obama_two_faces.mp4", landmarker)
    choice = choose_face(tracks, start=0.0, end=8.7)
    assert choice.faces == 2
    assert tracks.boxes[tracks.track == choice.track, 0].mean() > 160  # of 320 pixels
    assert choice.confidence > 0.6
    assert choice.face_share > 0.95


@pytest.mark.reference
def test_the_face_that_appears_half_way_is_there_for_half(shared: Path, landmarker: Path):
    tracks = look(shared / "clips/edge/vfr_hevc_face_appears.mov", landmarker)
    assert choose_face(tracks, start=0.0, end=3.0).track is None
    choice = choose_face(tracks, start=0.0, end=6.4)
    assert choice.faces == 1
    assert 0.2 < choice.face_share < 0.6


@pytest.mark.reference
@pytest.mark.parametrize("name", ["edge/no_face.mp4", "edge/black_video_speech.mp4", "nasa_no_face_multi_stream.mp4"])
def test_no_face_is_found_where_there_is_none(shared: Path, landmarker: Path, name: str):
    tracks = look(shared / "clips" / name, landmarker, rate=4.0)
    assert choose_face(tracks, start=0.0, end=60.0).track is None


@pytest.mark.reference
def test_the_happy_clip_has_most_joy_and_most_au12(shared: Path, landmarker: Path):
    means = {}
    for emotion in ("ANG", "DIS", "FEA", "HAP", "NEU", "SAD"):
        tracks = look(shared / f"clips/emotion/crema_1001_DFA_{emotion}_XX.flv", landmarker)
        means[emotion] = choose_face(tracks, start=0.0, end=3.0).stream.values.mean(axis=0)
    for column in ("Joy", "AU12"):
        values = {emotion: mean[FACET_NAMES.index(column)] for emotion, mean in means.items()}
        assert max(values, key=values.__getitem__) == "HAP", (column, values)


@pytest.mark.reference
@pytest.mark.parametrize(
    ("name", "faces", "pixels"),
    [
        ("screenshare_cam128.mp4", 1, (30, 60)),  # 128 of 1920 pixels, seen at 1280
        ("tiny64.mp4", 1, (25, 45)),
        pytest.param("still_photo_five.mp4", 5, (50, 100), marks=pytest.mark.slow),
        pytest.param("zoom_gallery9.mp4", 9, (70, 150), marks=pytest.mark.slow),
    ],
)
def test_small_and_many_faces_are_counted(
    shared: Path, landmarker: Path, name: str, faces: int, pixels: tuple[int, int]
):
    frames = islice(read_frames(shared / "cases/faces" / name, rate=10.0, longest_side=LONGEST_SIDE), 15)
    tracks = track_faces(frames, landmarker=landmarker)
    assert tracks.faces == faces
    assert np.bincount(tracks.track).min() >= 14  # each in all frames, at most the first left out
    height = tracks.boxes[:, 3] - tracks.boxes[:, 1]
    assert pixels[0] < np.median(height) < pixels[1]
