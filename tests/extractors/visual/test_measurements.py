"""Measurements: mirror images measure the same, size and place do not matter, a frown darkens the glabella."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from mtmm_video.extractors.visual.measurements import (
    ALIGNED_SIDE,
    BROW_COLUMNS,
    BROW_ROWS,
    EYE_ROW,
    EYE_SPAN,
    STEADY_PLACES,
    STEADY_POINTS,
    align,
    brow_shading,
    head_pose,
    normalise,
    shading,
    shapes,
    sharpness,
)
from mtmm_video.extractors.visual.names import BLENDSHAPE_NAMES
from mtmm_video.extractors.visual.texture import eighth_turns, texture

RANDOM = np.random.default_rng(1)
NOISE = cv2.GaussianBlur(RANDOM.normal(size=(ALIGNED_SIDE, ALIGNED_SIDE)).astype(np.float32), (0, 0), 3)
PICTURE = np.clip(128 + 45 * NOISE / NOISE.std(), 0, 255)


def points_at(scale: float, shift: tuple[float, float], turn: float) -> np.ndarray:
    """Landmarks of an aligned face, scaled, turned (degrees) and shifted; only the steady points are set."""
    points = np.zeros((478, 3), np.float32)
    angle = np.radians(turn)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    places = STEADY_PLACES * EYE_SPAN * ALIGNED_SIDE + np.array([0.5, EYE_ROW]) * ALIGNED_SIDE
    points[list(STEADY_POINTS), :2] = scale * places @ rotation.T + shift
    return points


def test_mirror_images_measure_the_same():
    for block in (texture, shading, brow_shading):
        assert block(PICTURE) == pytest.approx(block(np.ascontiguousarray(PICTURE[:, ::-1])), abs=1e-4), block.__name__


def test_light_and_contrast_do_not_matter():
    brighter = PICTURE * 0.6 + 40
    assert shading(normalise(brighter)) == pytest.approx(shading(normalise(PICTURE)), abs=0.25)
    assert texture(brighter) == pytest.approx(texture(PICTURE), abs=0.05)


def test_the_angle_of_a_slope_is_its_arctangent():
    slopes = np.linspace(0, 1, 10_001, dtype=np.float32)
    assert eighth_turns(slopes) == pytest.approx(np.arctan(slopes.astype(np.float64)) * 4 / np.pi, abs=1e-6)


@pytest.mark.parametrize("orientation", range(4))
def test_stripes_vote_for_their_orientation_and_halfway_for_two(orientation: int):
    rows, columns = np.mgrid[:ALIGNED_SIDE, :ALIGNED_SIDE]
    for turn, share in ((0.0, 1.0), (0.5, 0.5)):
        angle = (orientation + turn) * np.pi / 4  # of the gradient, clockwise from the picture's right
        stripes = np.sin((columns * np.cos(angle) + rows * np.sin(angle)) / 4)
        votes = texture((128 + 50 * stripes).astype(np.float32)).reshape(4, 8, 4)[:, 2:6, 1:3].astype(np.float64) ** 2
        mirrored = -orientation % 4, -(orientation + 1) % 4  # the right half, which is averaged in
        expected = np.zeros(4)
        for first, second in ((orientation, (orientation + 1) % 4), mirrored):
            expected[first] += share / 2
            expected[second] += (1 - share) / 2
        assert votes.mean(axis=(1, 2)) / votes.sum(axis=0).mean() == pytest.approx(expected, abs=0.03)


def test_a_shadow_between_the_brows_is_seen():
    frown = PICTURE.copy()
    frown[BROW_ROWS, BROW_COLUMNS] -= 30
    assert (brow_shading(normalise(frown)) < brow_shading(normalise(PICTURE))).all()


def test_alignment_undoes_size_place_and_turn():
    grey = np.zeros((600, 600), np.uint8)
    small = PICTURE.astype(np.uint8)
    points = points_at(2.0, (200.0, 100.0), 20.0)
    angle = np.radians(20.0)
    matrix = np.array([[2 * np.cos(angle), -2 * np.sin(angle), 200], [2 * np.sin(angle), 2 * np.cos(angle), 100]])
    grey = cv2.warpAffine(small, matrix, (600, 600), borderMode=cv2.BORDER_REPLICATE)
    inner = slice(10, -10)
    difference = np.abs(align(grey, points) - small.astype(np.float32))[inner, inner]
    assert difference.mean() < 2.0


def test_a_face_beyond_the_edge_is_still_measured():
    grey = RANDOM.integers(0, 255, (100, 100), dtype=np.uint8)
    assert np.isfinite(texture(align(grey, points_at(1.0, (-80.0, -60.0), 0.0)))).all()
    degenerate = np.zeros((478, 3), np.float32)
    assert np.isfinite(shading(normalise(align(grey, degenerate)))).all()


def test_pose_has_the_signs_that_the_documentation_gives():
    def turned(axis: int, degrees: float) -> np.ndarray:
        angle = np.radians(degrees)
        cosine, sine = np.cos(angle), np.sin(angle)
        matrix = np.eye(4, dtype=np.float32)
        first, second = {0: (1, 2), 1: (2, 0), 2: (0, 1)}[axis]
        matrix[first, first] = matrix[second, second] = cosine
        matrix[first, second], matrix[second, first] = -sine, sine
        return matrix

    assert head_pose(np.eye(4, dtype=np.float32)) == pytest.approx((0, 0, 0), abs=1e-4)
    assert head_pose(turned(0, -15)) == pytest.approx((15, 0, 0), abs=1e-3)  # about x to the right: nose up
    assert head_pose(turned(1, 30)) == pytest.approx((0, 30, 0), abs=1e-3)  # about y up: nose to the picture's right
    assert head_pose(turned(2, -10)) == pytest.approx((0, 0, 10), abs=1e-3)  # about z to the viewer: clockwise


def test_shapes_have_no_side():
    scores = RANDOM.random(52).astype(np.float32)
    mirrored = scores.copy()
    for index, name in enumerate(BLENDSHAPE_NAMES):
        other = name.replace("Left", "Right") if "Left" in name else name.replace("Right", "Left")
        mirrored[BLENDSHAPE_NAMES.index(other)] = scores[index]
    assert shapes(scores) == pytest.approx(shapes(mirrored))


def test_blur_lowers_sharpness_and_darkness_does_not():
    sharp = RANDOM.integers(0, 255, (200, 200), dtype=np.uint8)
    box = np.array([20, 20, 180, 180], np.float32)
    blurred = np.asarray(cv2.GaussianBlur(sharp, (0, 0), 3), np.uint8)
    assert sharpness(blurred, box) < 0.5 * sharpness(sharp, box)
    assert sharpness((sharp // 4).astype(np.uint8), box) == pytest.approx(sharpness(sharp, box), rel=0.1)
    assert sharpness(sharp, np.array([300, 300, 320, 320], np.float32)) == 0.0
    assert sharpness(np.zeros((200, 200), np.uint8), box) == 0.0
