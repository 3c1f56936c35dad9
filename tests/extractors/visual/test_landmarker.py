"""The face networks under LiteRT: the answers of MediaPipe itself, small faces found, few runs of the detector."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from safetensors.numpy import load_file

from mtmm_video.extractors.frame import Frame
from mtmm_video.extractors.visual.detector import SMALLEST_FACE, detect_faces, tiles
from mtmm_video.extractors.visual.face_models import FaceModels
from mtmm_video.extractors.visual.head_matrix import head_matrix
from mtmm_video.extractors.visual.landmarker import FaceLandmarker
from mtmm_video.extractors.visual.measurements import head_pose
from mtmm_video.extractors.visual.region import Region, bounding_box, crop, placed
from mtmm_video.pipeline.media.reading import read_frames

SAMPLE = Path(__file__).resolve().parents[3] / "sample_videos/good_stay.mp4"
MEDIAPIPE = load_file(Path(__file__).parent / "data/mediapipe_face.safetensors")  # its metadata says how it was made


@pytest.fixture(scope="module")
def portrait() -> Frame:
    return list(read_frames(SAMPLE, rate=1.0))[2]


@pytest.fixture(scope="module")
def models(landmarker: Path) -> FaceModels:
    return FaceModels(landmarker)


def test_landmarks_blendshapes_and_pose_are_mediapipes(portrait: Frame, models: FaceModels):
    (face,) = FaceLandmarker(models, faces=4).detect(portrait)
    height = np.ptp(face.points[:, 1])
    difference = np.abs(face.points - MEDIAPIPE["points"]) / height  # the face is cut out a little differently
    assert difference.max() < 0.001
    assert np.abs(face.blendshapes - MEDIAPIPE["blendshapes"]).max() < 0.005
    assert head_pose(face.matrix) == pytest.approx(head_pose(MEDIAPIPE["matrix"]), abs=0.1)  # degrees


def test_from_the_same_landmarks_the_rest_is_the_same_to_rounding(portrait: Frame, models: FaceModels):
    height, width = portrait.image.shape[:2]
    matrix = head_matrix(MEDIAPIPE["points"], width=width, height=height)
    assert matrix == pytest.approx(MEDIAPIPE["matrix"], abs=1e-4)
    assert models.blendshapes(MEDIAPIPE["points"]) == pytest.approx(MEDIAPIPE["blendshapes"], abs=1e-5)


def test_tiles_cover_the_picture_and_show_the_smallest_face_large_enough():
    levels = tiles(640, 360)
    for level in levels:
        covered = np.zeros((360, 640), bool)
        for tile in level:
            left, top = tile.x - tile.side / 2, tile.y - tile.side / 2
            covered[max(round(top), 0) : round(top + tile.side), max(round(left), 0) : round(left + tile.side)] = True
        assert covered.all()
    assert SMALLEST_FACE / levels[-1][0].side > 0.2
    assert len(tiles(64, 64)) == 1


def test_a_region_and_its_cut_out_are_the_same_place():
    picture = np.zeros((200, 300), np.uint8)
    cv2.circle(picture, (210, 90), 4, 255, -1)
    region = Region(200.0, 100.0, 80.0, turn=0.5)
    row, column = np.unravel_index(crop(picture, region, 80, border=cv2.BORDER_CONSTANT).argmax(), (80, 80))
    (point,) = placed(np.array([[column / 80, row / 80, 0.0]], np.float32), region)
    assert point[:2] == pytest.approx((210, 90), abs=5)


@pytest.mark.parametrize("height", [24, 32, 48])
def test_a_small_face_in_a_large_picture_is_found(portrait: Frame, models: FaceModels, height: int):
    (whole,) = FaceLandmarker(models, faces=1).detect(portrait)
    scale = height / np.ptp(whole.points[:, 1])
    small = cv2.resize(portrait.image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    street = np.random.default_rng(1).integers(60, 200, (23, 40, 3), dtype=np.uint8)
    picture = np.asarray(cv2.resize(street, (640, 360), interpolation=cv2.INTER_CUBIC), np.uint8)
    top, left = 200, 420
    picture[top : top + small.shape[0], left : left + small.shape[1]] = small
    (face,) = FaceLandmarker(models, faces=4).detect(Frame(0.0, picture))
    assert bounding_box(face.points) == pytest.approx(
        bounding_box(whole.points) * scale + (left, top, left, top), abs=0.2 * height
    )


def test_a_known_face_is_followed_without_the_detector(portrait: Frame, models: FaceModels, monkeypatch):
    looks: list[float] = []

    def counted(image, tile, *, models):
        looks.append(tile.side)
        return detect_faces(image, tile, models=models)

    monkeypatch.setattr("mtmm_video.extractors.visual.landmarker.detect_faces", counted)
    follower = FaceLandmarker(models, faces=4)
    follower.detect(Frame(0.0, portrait.image))
    first = len(looks)
    for index in range(1, 40):
        assert len(follower.detect(Frame(index / 10, portrait.image))) == 1
    assert first > 4  # the whole and the tiles
    assert len(looks) - first < 10  # the whole twice a second; the tiles, which show nothing new, never


def test_after_a_cut_the_search_begins_anew(portrait: Frame, models: FaceModels):
    follower = FaceLandmarker(models, faces=4)
    (before,) = follower.detect(Frame(0.0, portrait.image))
    moved = np.roll(portrait.image, 60, axis=1)
    (after,) = follower.detect(Frame(0.1, moved), cut=True)
    assert (after.points[:, 0] - before.points[:, 0]).mean() == pytest.approx(60, abs=2)
