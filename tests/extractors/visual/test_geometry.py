"""The geometry of a face: a known movement of the landmarks changes the named distances and no others."""

from __future__ import annotations

import numpy as np
import pytest

from mtmm_video.extractors.visual.measurements import GEOMETRY_NAMES, geometry

# A frontal, relaxed face with the landmark numbers of MediaPipe's face mesh. Eye distances: x to the image's right,
# y down, z towards the camera; midpoint of the eyes = 0. First the half on the image's left, and its mirror image.
HALF = {
    "inner brow": {(55, 285): (-0.20, -0.28, 0.05), (107, 336): (-0.20, -0.36, 0.05)},
    "middle brow": {(52, 282): (-0.45, -0.36, 0.0), (105, 334): (-0.45, -0.44, 0.0)},
    "outer brow": {(46, 276): (-0.78, -0.28, -0.1), (70, 300): (-0.78, -0.36, -0.1)},
    "upper lid": {(159, 386): (-0.50, -0.07, 0.0)},
    "lower lid": {(145, 374): (-0.50, 0.07, 0.0)},
    "eye corners": {(133, 362): (-0.28, 0.0, 0.0), (33, 263): (-0.72, 0.0, 0.0)},
    "mouth corner": {(61, 291): (-0.38, 1.05, 0.0)},
    "cheek": {(50, 280): (-0.65, 0.55, 0.0)},
    "nose wing": {(98, 327): (-0.27, 0.67, 0.1)},
}
MIDDLE = {
    "nose root": {168: (0.0, -0.06, 0.1)},
    "glabella": {9: (0.0, -0.25, 0.1)},
    "nose base": {2: (0.0, 0.70, 0.2)},
    "upper lip": {0: (0.0, 0.90, 0.2), 13: (0.0, 1.00, 0.2)},
    "lower lip": {14: (0.0, 1.02, 0.2), 17: (0.0, 1.18, 0.2)},
    "chin boss": {199: (0.0, 1.50, 0.1)},
    "chin": {152: (0.0, 1.75, 0.0)},
}
PIXELS = 100.0  # per eye distance
SEEN, UNSEEN = 0.05, 0.01  # eye distances; a few moving points shift the mean of all 478, the origin, a little


def face(*movements: tuple[str, tuple[float, float, float]], sides: tuple[int, ...] = (0, 1)) -> np.ndarray:
    """Points (478, 3) of the face after movements; on the half at the image's right (side 1), x is mirrored."""
    points = np.tile([0.0, 0.5, 0.0], (478, 1))
    shifts = dict(movements)
    assert set(shifts) <= set(HALF) | set(MIDDLE)
    for name, pairs in HALF.items():
        for numbers, place in pairs.items():
            for side, number in enumerate(numbers):
                mirror = (1, 1, 1) if side == 0 else (-1, 1, 1)
                moved = np.add(place, shifts.get(name, (0, 0, 0)) if side in sides else (0, 0, 0))
                points[number] = moved * mirror
    for name, places in MIDDLE.items():
        for number, place in places.items():
            points[number] = np.add(place, shifts.get(name, (0, 0, 0)))
    return points


def measured(points: np.ndarray, rotation: np.ndarray | None = None, *, scale: float = PIXELS) -> dict[str, float]:
    """Geometry of a face seen by the camera after a rotation of the head (axes: right, up, towards the camera)."""
    rotation = np.eye(3) if rotation is None else rotation
    camera = (points * (1, -1, 1)) @ rotation.T
    pixels = camera * (1, -1, -1) * scale + (320, 180, 0)
    matrix = np.eye(4)
    matrix[:3, :3] = 1.1 * rotation  # the fitted head size scales MediaPipe's matrix
    return dict(
        zip(GEOMETRY_NAMES, geometry(pixels.astype(np.float32), matrix.astype(np.float32)).tolist(), strict=True)
    )


RELAXED = measured(face())


@pytest.mark.parametrize(
    ("movements", "expected"),
    [
        pytest.param(
            [("mouth corner", (-0.12, -0.12, 0.0))],
            {"mouth_width": +1, "mouth_corner_place": -1, "mouth_corner_rise": -1, "mouth_corner_height": -1},
            id="smile: corners out and up",
        ),
        pytest.param(
            [("inner brow", (0.0, -0.1, 0.0)), ("middle brow", (0.0, -0.1, 0.0)), ("outer brow", (0.0, -0.1, 0.0))],
            {"inner_brow_height": -1, "middle_brow_height": -1, "outer_brow_height": -1},
            id="brows raised",
        ),
        pytest.param(
            [("inner brow", (0.06, 0.08, 0.0))],
            {"inner_brow_height": +1, "inner_brow_place": +1, "brow_gap": -1},
            id="frown: inner brows down and together",
        ),
        pytest.param([("upper lid", (0.0, 0.14, 0.0))], {"eye_opening": -1, "upper_lid_height": +1}, id="eyes closed"),
        pytest.param(
            [("lower lid", (0.0, -0.08, 0.0))], {"eye_opening": -1, "lower_lid_height": -1}, id="lower lids tightened"
        ),
        pytest.param(
            [("lower lip", (0.0, 0.3, 0.0)), ("chin boss", (0.0, 0.3, 0.0)), ("chin", (0.0, 0.3, 0.0))],
            {"lip_gap": +1, "lower_lip_height": +1, "chin_height": +1, "mouth_corner_rise": -1},
            id="jaw opened",
        ),
        pytest.param(
            [("upper lip", (0.0, -0.1, 0.0))],
            {"lip_gap": +1, "upper_lip_height": -1, "mouth_corner_rise": +1},
            id="upper lip raised",
        ),
        pytest.param(
            [("mouth corner", (0.15, 0.0, 0.0)), ("upper lip", (0.0, 0.0, 0.1)), ("lower lip", (0.0, 0.0, 0.1))],
            {"mouth_width": -1, "mouth_corner_place": +1, "upper_lip_depth": +1, "lower_lip_depth": +1},
            id="lips puckered: narrow and towards the camera",
        ),
        pytest.param(
            [("cheek", (0.0, -0.1, 0.1))], {"cheek_height": -1, "cheek_depth": +1}, id="cheeks raised and bulging"
        ),
        pytest.param(
            [("nose wing", (-0.06, -0.08, 0.0))],
            {"nose_wing_height": -1, "nose_wing_place": -1},
            id="nose wrinkled: wings up and out",
        ),
        pytest.param([("chin boss", (0.0, -0.1, 0.1))], {"chin_boss_height": -1, "chin_depth": +1}, id="chin raised"),
    ],
)
def test_a_movement_changes_its_distances_and_no_others(
    movements: list[tuple[str, tuple[float, float, float]]], expected: dict[str, int]
) -> None:
    moved = measured(face(*movements))
    change = {name: moved[name] - RELAXED[name] for name in GEOMETRY_NAMES}
    assert {name: int(np.sign(value)) for name, value in change.items() if abs(value) > SEEN} == expected
    assert all(abs(value) < UNSEEN for name, value in change.items() if name not in expected)


def test_distances_are_in_units_of_the_eye_distance() -> None:
    assert RELAXED["mouth_width"] == pytest.approx(0.76, abs=1e-3)
    assert RELAXED["nose_length"] == pytest.approx(0.76, abs=1e-3)
    assert RELAXED["eye_opening"] == pytest.approx(0.14, abs=1e-3)
    nearer = measured(face(), scale=3 * PIXELS)
    assert nearer == pytest.approx(RELAXED, abs=1e-3)


@pytest.mark.parametrize(("yaw", "pitch", "roll"), [(40, 0, 0), (0, -25, 0), (0, 0, 20), (-30, 15, -10)])
def test_a_turned_head_measures_as_a_frontal_one(yaw: float, pitch: float, roll: float) -> None:
    rotation = np.eye(3)
    for axis, degrees in ((1, yaw), (0, pitch), (2, roll)):
        cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        step = np.eye(3)
        first, second = {0: (1, 2), 1: (2, 0), 2: (0, 1)}[axis]
        step[first, first] = step[second, second] = cosine
        step[first, second], step[second, first] = -sine, sine
        rotation = rotation @ step
    smiling = face(("mouth corner", (-0.12, -0.12, 0.0)))
    assert measured(smiling, rotation) == pytest.approx(measured(smiling), abs=2e-3)


def test_a_movement_of_one_half_counts_half_whichever_half_it_is() -> None:
    smile = ("mouth corner", (-0.1, -0.1, 0.0))
    both = measured(face(smile))
    for side in (0, 1):
        one = measured(face(smile, sides=(side,)))
        for name in ("mouth_corner_place", "mouth_corner_rise", "mouth_corner_height", "mouth_width"):
            assert one[name] - RELAXED[name] == pytest.approx((both[name] - RELAXED[name]) / 2, abs=0.01), name
