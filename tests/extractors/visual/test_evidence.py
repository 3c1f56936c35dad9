"""A picture, a drawing and a covered mouth are no evidence; a talking face is."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

from mtmm_video.extractors.frame import Frame
from mtmm_video.extractors.visual.evidence import face_evidence
from mtmm_video.extractors.visual.face_models import FaceModels
from mtmm_video.extractors.visual.landmarker import FaceLandmarker
from mtmm_video.extractors.visual.sampling import LONGEST_SIDE
from mtmm_video.extractors.visual.speaker import choose_face
from mtmm_video.extractors.visual.tracking import track_faces
from mtmm_video.extractors.visual.tracks import EVIDENCE_NAMES
from mtmm_video.pipeline.media.reading import read_frames

SAMPLE = Path(__file__).resolve().parents[3] / "sample_videos/good_stay.mp4"
TALKING = 0.1 + 0.1 * np.sin(np.arange(30))
FRAMES = 25
# Below the nose bridge along the jaw: landmarks of MediaPipe's face mesh
MASK = [132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361, 447, 195, 227]


def measured(tracks, **values: float):
    evidence = np.tile([values[name] for name in EVIDENCE_NAMES], (len(tracks.frame), 1)).astype(np.float32)
    return replace(tracks, evidence=evidence)


HUMAN = {"change": 0.1, "lip_contrast": 2.0, "skin_difference": 5.0, "shape_distance": 1.0}


@pytest.mark.parametrize(
    ("measures", "objection"),
    [
        ({}, None),
        ({"change": 0.001}, "frozen_picture"),
        ({"lip_contrast": 0.1}, "occluded"),
        ({"skin_difference": 50.0}, "occluded"),
        ({"shape_distance": 3.0}, "not_a_face"),
    ],
)
def test_what_speaks_against_a_face_takes_it_out(make_tracks, measures, objection):
    tracks = measured(make_tracks([TALKING]), **(HUMAN | measures))
    choice = choose_face(tracks, start=0.0, end=3.0)
    assert choice.objection == objection
    assert (len(choice.stream.times) == 0) == (objection is not None)
    assert choice.track == 0  # which face it was stays known


def test_a_mouth_that_rests_in_a_moving_face_is_a_listener_and_no_picture(make_tracks):
    tracks = measured(make_tracks([np.full(30, 0.1)]), **HUMAN)
    assert face_evidence(tracks, track=0, start=0.0, end=3.0).objection is None
    assert choose_face(tracks, start=0.0, end=3.0).objection == "low_face_confidence"


def test_what_was_not_measured_raises_no_objection(make_tracks):
    assert choose_face(make_tracks([TALKING]), start=0.0, end=3.0).objection is None
    assert face_evidence(make_tracks([TALKING]), track=0, start=9.0, end=10.0).objection is None


@pytest.fixture(scope="module")
def portrait() -> list[Frame]:
    return list(islice(read_frames(SAMPLE, rate=10.0), FRAMES))


def objection_to(frames: list[Frame], landmarker: Path) -> str | None:
    choice = choose_face(track_faces(frames, landmarker=landmarker), start=0.0, end=FRAMES / 10)
    assert choice.track is not None
    return choice.objection


def test_a_talking_face_is_evidence(portrait, landmarker: Path):
    assert objection_to(portrait, landmarker) is None


def test_a_frozen_frame_is_none_with_a_zoom_and_noise_neither(portrait, landmarker: Path):
    random = np.random.default_rng(2)
    height, width = portrait[0].image.shape[:2]
    frozen = []
    for index in range(FRAMES):
        zoom = cv2.getRotationMatrix2D((width / 2, height / 2), 0.0, 1.0 + 0.004 * index)
        picture = cv2.warpAffine(portrait[5].image, zoom, (width, height), borderMode=cv2.BORDER_REPLICATE)
        noise = random.normal(0, 3, picture.shape)
        frozen.append(Frame(index / 10, np.clip(picture + noise, 0, 255).astype(np.uint8)))
    assert objection_to(frozen, landmarker) == "frozen_picture"


@pytest.mark.parametrize("colour", [(120, 180, 225), (20, 20, 20), (240, 240, 240)], ids=["blue", "black", "white"])
def test_a_mask_over_the_mouth_is_seen(portrait, landmarker: Path, colour: tuple[int, int, int]):
    models = FaceModels(landmarker)
    masked = []
    for frame in portrait[:12]:
        (face,) = FaceLandmarker(models, faces=1).detect(frame)
        picture = frame.image.copy()
        cv2.fillPoly(picture, [np.round(face.points[MASK, :2]).astype(np.int32)], colour)
        masked.append(Frame(frame.time, picture))
    assert objection_to(masked, landmarker) == "occluded"


@pytest.mark.reference
@pytest.mark.parametrize(
    ("name", "objection"),
    [
        ("cases/faces/profile45_still.mp4", "frozen_picture"),
        ("cases/faces/anime_en.mp4", "not_a_face"),
        ("cases/faces/mask_overlay.mp4", "occluded"),
        ("cases/short_demo.mp4", None),
        ("clips/katie_hill.mp4", None),
        ("clips/emotion/crema_1001_DFA_SAD_XX.flv", None),
        pytest.param("cases/faces/still_photo_five.mp4", "frozen_picture", marks=pytest.mark.slow),
    ],
)
def test_real_recordings(shared: Path, landmarker: Path, name: str, objection: str | None):
    frames = islice(read_frames(shared / name, rate=10.0, longest_side=LONGEST_SIDE), FRAMES)
    assert objection_to(list(frames), landmarker) == objection
