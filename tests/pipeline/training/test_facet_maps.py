"""The fits of the maps to FACET's columns find relations that were put into made-up measurements."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mtmm_video.extractors.visual.calibration import EXPRESSIONS
from mtmm_video.extractors.visual.measurements import MEASUREMENTS, SHAPE_NAMES, block
from mtmm_video.extractors.visual.names import ACTION_UNIT_NAMES
from mtmm_video.pipeline.training.action_units import (
    Person,
    facet_rows,
    fit_level,
    fit_movement,
    left_out_correlations,
    person,
    windows,
)
from mtmm_video.pipeline.training.expressions import LABELS, fit_regression, labelled, left_out_figures
from mtmm_video.pipeline.training.face_measurements import (
    Photographs,
    VideoMeasurements,
    read_video_measurements,
    save_videos,
)

FRAMES = 400
SMILE = SHAPE_NAMES.index("mouthDimple")


def made_up_person(name: str, *, seed: int) -> Person:
    """A person whose units follow sixty measurements in the same way as everybody's, with a little noise."""
    shared = np.random.default_rng(0)
    relation = np.zeros((MEASUREMENTS, len(ACTION_UNIT_NAMES)))
    relation[:60] = shared.normal(size=(60, len(ACTION_UNIT_NAMES)))
    relation[block("brows"), ACTION_UNIT_NAMES.index("AU4")] = 5.0
    generator = np.random.default_rng(seed)
    measurements = generator.normal(size=(FRAMES, MEASUREMENTS))
    measurements -= measurements.mean(axis=0)
    units = measurements @ relation + generator.normal(scale=0.5, size=(FRAMES, len(ACTION_UNIT_NAMES)))
    return Person(name, np.arange(FRAMES) / 30, measurements, units - units.mean(axis=0))


def test_units_of_a_person_left_out_are_found_again() -> None:
    people = [made_up_person(name, seed=seed) for seed, name in enumerate(("a", "b", "c"), start=1)]
    facet = {one.name: one.units for one in people}
    found = left_out_correlations(people, facet)
    assert found.loc["mean", "frame"] > 0.5
    assert found.loc["AU4", "frame"] > 0.5, "from the cells between the brows"
    strangers = {name: np.random.default_rng(7).permutation(rows) for name, rows in facet.items()}
    shuffled = [Person(one.name, one.times, one.measurements, strangers[one.name]) for one in people]
    assert abs(left_out_correlations(shuffled, strangers).loc["mean", "frame"]) < 0.1, (
        "nothing is found where nothing is"
    )
    assert fit_movement(people, list(facet.values())).shape == (MEASUREMENTS, len(ACTION_UNIT_NAMES))


def test_a_level_has_no_negative_gain() -> None:
    one = made_up_person("a", seed=1)
    shapes = one.measurements[:, block("shapes")][:, SMILE]
    unit = ACTION_UNIT_NAMES.index("AU14")
    for sign in (1.0, -1.0):
        units = one.units.copy()
        units[:, unit] = sign * 2 * shapes
        gain = fit_level([Person("a", one.times, one.measurements, units)])[SMILE, unit]
        assert gain == pytest.approx(2.0, rel=0.01) if sign > 0 else gain == 0


def test_frames_are_paired_with_the_nearest_facet_row(tmp_path: Path) -> None:
    header = "StartTime," + ",".join(ACTION_UNIT_NAMES)
    rows = [f"{time}," + ",".join([str(value)] * len(ACTION_UNIT_NAMES)) for time, value in ((0, 1), (1, 0), (2, 3))]
    path = tmp_path / "video.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    starts, units = facet_rows(path)
    assert starts.tolist() == [0, 2], "zeros: no face was seen"
    video = VideoMeasurements("v", np.array([0.01, 1.0, 2.03]), np.ones((3, MEASUREMENTS), np.float32))
    paired = person(video, starts=starts, units=units)
    assert paired.times.tolist() == [0.01, 2.03]
    assert paired.units[:, 0].tolist() == [-1, 1], "centred"


def test_windows_are_whole_and_five_seconds_long() -> None:
    times = np.arange(0, 12, 0.1)
    found = windows(times, np.repeat((times // 5)[:, None], 2, axis=1))
    assert found.tolist() == [[0, 0], [1, 1]], "the third has twenty frames, too few"


def photographs_of(*, people: int, seed: int) -> Photographs:
    """Seven expressions of each person, told apart by one measurement each."""
    generator = np.random.default_rng(seed)
    emotions = [*LABELS, "contempt"] * people
    persons = [f"p{index}" for index in range(people) for _ in range(len(LABELS) + 1)]
    sharp = generator.normal(scale=0.3, size=(len(emotions), MEASUREMENTS)).astype(np.float32)
    for row, emotion in enumerate(emotions):
        if emotion in LABELS:
            sharp[row, LABELS.index(emotion)] += 3
    rough = sharp + generator.normal(scale=0.1, size=sharp.shape).astype(np.float32)
    return Photographs(sharp, rough, tuple(emotions), tuple(persons))


def test_expressions_of_people_never_seen_are_recognised() -> None:
    photographs = photographs_of(people=60, seed=1)
    kept, labels = labelled(photographs)
    assert "contempt" not in kept.emotions
    found = left_out_figures(photographs)
    assert found.loc["photograph", "accuracy"] > 0.95
    assert list(found.index) == ["photograph", "as in a video"]
    model = fit_regression(kept.sharp, labels)
    happy = kept.sharp[labels == LABELS.index("happy")]
    assert (model.logits(happy).argmax(axis=1) == EXPRESSIONS.index("Joy")).all()


def test_measurements_are_read_as_they_were_written(tmp_path: Path) -> None:
    videos = [VideoMeasurements(name, np.array([0.0, 0.5]), np.full((2, 3), 7, np.float32)) for name in ("b", "a")]
    save_videos(tmp_path / "videos.safetensors", videos)
    again = read_video_measurements(tmp_path / "videos.safetensors")
    assert [video.name for video in again] == ["b", "a"]
    np.testing.assert_array_equal(again[1].rows, videos[1].rows)
