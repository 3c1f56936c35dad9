"""Fit FACET's action units on genuine FACET output, and say how close they come on people left out.

Usage: python benchmarks/visual_calibration.py [--shared ../shared] [--write] [--keep FILE.npz]

Three MOSEI videos have their FACET files beside them. Every frame is measured at the video's own rate; each person's
mean is taken out; a ridge regression is fitted on two videos and tried on the third. With ``--write`` the regression
on all three is stored where `extractors.visual.calibration` reads it. ``--keep`` stores the measurements, so that a
second run need not look at the videos again.

Three choices keep the fit honest with so few people. AU4 sees only the six cells between the brows: with all
measurements its sign turned from one person to the next. The other units are first predicted one by one, then drawn
towards how FACET's units move together (a Wiener filter with the correlations of all the FACET files whose video is not
being judged; a unit that is predicted poorly borrows from its neighbours). Ridge strengths were set once, on the same
leave-one-out marks that are printed.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from safetensors.numpy import save_file
from visual_expressions import photographs

from mtmm_video.extractors.visual.calibration import ACTION_UNITS_FILE, ActionUnitMap
from mtmm_video.extractors.visual.landmarker import open_landmarker
from mtmm_video.extractors.visual.measurements import MEASUREMENTS, SHAPE_NAMES, block, measure_face
from mtmm_video.extractors.visual.names import ACTION_UNIT_NAMES
from mtmm_video.foundation.files import atomic_path
from mtmm_video.pipeline.media.reading import read_frames
from mtmm_video.pipeline.weights.resolution import resolve

RIDGE = 0.7  # all units but AU4; in units of the variance of one standardised measurement
BROW_RIDGE = 0.3  # AU4
SHADING_WEIGHT = 0.7  # the 128 coarse grey values count for less than the rest
LEAST_RELIABILITY, MOST_RELIABILITY = 0.3, 0.95
WINDOW_S, LEAST_WINDOW_FRAMES = 5, 30
MATCH_S = 0.035  # seconds: a frame and a FACET row belong together when their starts differ by less (FACET: 30 rows/s)
LEAST_SHAPE_SPREAD = 0.03  # blendshape units: one that hardly moves in three people is not given a large gain
# Blendshapes that stand for a unit by name, for the level of a person
SHAPES_OF_UNIT: dict[str, tuple[str, ...]] = {
    "AU1": ("browInnerUp",),
    "AU2": ("browOuterUp",),
    "AU4": ("browDown",),
    "AU5": ("eyeWide",),
    "AU6": ("cheekSquint", "mouthSmile"),
    "AU7": ("eyeSquint",),
    "AU9": ("noseSneer",),
    "AU10": ("mouthUpperUp",),
    "AU12": ("mouthSmile",),
    "AU14": ("mouthDimple",),
    "AU15": ("mouthFrown",),
    "AU17": ("mouthShrugLower",),
    "AU18": ("mouthPucker",),
    "AU20": ("mouthStretch",),
    "AU23": ("mouthPress",),
    "AU24": ("mouthPress",),
    "AU25": ("mouthLowerDown", "jawOpen", "mouthUpperUp"),
    "AU26": ("jawOpen",),
    "AU28": ("mouthRollLower", "mouthRollUpper"),
    "AU43": ("eyeBlink",),
}
BROW_UNIT = ACTION_UNIT_NAMES.index("AU4")

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Person:
    """One video: times (n,), measurements (n, m) and FACET units (n, 20), both with the person's mean taken out."""

    name: str
    times: Array
    measurements: Array
    units: Array


WEIGHTS = np.ones(MEASUREMENTS)
WEIGHTS[block("shading")] = SHADING_WEIGHT
WEIGHTS[block("brows")] = 0.0
BROW_WEIGHTS = np.zeros(MEASUREMENTS)
BROW_WEIGHTS[block("brows")] = 1.0


def measured(video: Path) -> tuple[Array, Array]:
    """Return times (n,) and measurements (n, m) of every frame with a face."""
    times, rows = [], []
    with open_landmarker(resolve("face-landmarker"), faces=1) as landmarker:
        for frame in read_frames(video, rate=None):
            for face in landmarker.detect(frame):
                times.append(frame.time)
                rows.append(measure_face(face, cv2.cvtColor(frame.image, cv2.COLOR_RGB2GRAY)))
    return np.array(times), np.array(rows, np.float64)


def facet_rows(path: Path) -> tuple[Array, Array]:
    """Start times (n,) and units (n, 20) of the rows in which FACET saw a face (elsewhere it writes zeros)."""
    table = pd.read_csv(path)
    units = table[list(ACTION_UNIT_NAMES)].to_numpy(np.float64)
    seen = np.abs(units).sum(axis=1) > 0
    return table["StartTime"].to_numpy(np.float64)[seen], units[seen]


def person(name: str, times: Array, measurements: Array, facet: Path) -> Person:
    """Pair the frames of a video with FACET's rows and centre both."""
    starts, units = facet_rows(facet)
    nearest = np.abs(starts[:, None] - times[None]).argmin(axis=0)
    near = np.abs(starts[nearest] - times) < MATCH_S
    rows, targets = measurements[near], units[nearest[near]]
    return Person(name, times[near], rows - rows.mean(axis=0), targets - targets.mean(axis=0))


def ridge(people: list[Person], *, strength: float, weights: Array, scaled: bool = False) -> Array:
    """Coefficients (m, 20); every person counts the same; `scaled` takes out how strongly each one moves."""
    spread = np.sqrt(np.mean([(one.measurements**2).mean(axis=0) for one in people], axis=0)) + 1e-9
    products, targets = np.zeros((MEASUREMENTS, MEASUREMENTS)), np.zeros((MEASUREMENTS, len(ACTION_UNIT_NAMES)))
    for one in people:
        rows = np.clip(one.measurements / spread, -4, 4) * weights
        units = one.units / one.units.std(axis=0) if scaled else one.units
        products += rows.T @ rows / len(rows) / len(people)
        targets += rows.T @ units / len(rows) / len(people)
    solution = np.linalg.solve(products + strength * np.eye(MEASUREMENTS), targets)
    return np.asarray((weights / spread)[:, None] * solution)


def correlation(first: Array, second: Array) -> Array:
    """Pearson's r of each column of two (n, k) arrays, shape (k,)."""
    a, b = first - first.mean(axis=0), second - second.mean(axis=0)
    return np.asarray((a * b).sum(axis=0) / np.sqrt((a**2).sum(axis=0) * (b**2).sum(axis=0) + 1e-12))


def fit(people: list[Person], others: list[Array]) -> Array:
    """Coefficients (m, 20) from several people, and from FACET's rows of others for how the units move together."""
    plain = ridge(people, strength=RIDGE, weights=WEIGHTS)
    reliability = np.mean(
        [
            correlation(
                one.measurements @ ridge([p for p in people if p is not one], strength=RIDGE, weights=WEIGHTS),
                one.units,
            )
            for one in people
        ],
        axis=0,
    ).clip(LEAST_RELIABILITY, MOST_RELIABILITY)
    together = np.mean([np.corrcoef(rows.T) for rows in others], axis=0)
    spread = np.sqrt(np.mean([(one.measurements @ plain).var(axis=0) for one in people], axis=0))
    noisy = reliability[:, None] * together * reliability + np.diag(1 - reliability**2)
    filtered = plain / spread @ np.linalg.solve(noisy, (together * reliability).T)
    filtered *= np.sqrt(np.mean([one.units.var(axis=0) for one in people], axis=0))
    brows = ridge(people, strength=BROW_RIDGE, weights=BROW_WEIGHTS, scaled=True)[:, BROW_UNIT]
    filtered[:, BROW_UNIT] = brows * np.sqrt(np.mean([one.units[:, BROW_UNIT].var() for one in people]))
    return filtered


def windows(times: Array, rows: Array) -> Array:
    """Means over whole windows of five seconds, shape (windows, 20)."""
    number = times // WINDOW_S
    return np.array(
        [rows[number == n].mean(axis=0) for n in np.unique(number) if (number == n).sum() >= LEAST_WINDOW_FRAMES]
    )


def level_map(people: list[Person]) -> Array:
    """Coefficients (shapes, 20) for a person's level: one gain per unit, never negative, on its own blendshapes."""
    gains = np.zeros((len(SHAPE_NAMES), len(ACTION_UNIT_NAMES)))
    for unit, name in enumerate(ACTION_UNIT_NAMES):
        rows = [SHAPE_NAMES.index(shape) for shape in SHAPES_OF_UNIT[name]]
        scores = [one.measurements[:, block("shapes")][:, rows].mean(axis=1) for one in people]
        together = np.mean(
            [((x - x.mean()) * one.units[:, unit]).mean() for x, one in zip(scores, people, strict=True)]
        )
        spread = np.mean([x.var() for x in scores])
        gains[rows, unit] = max(together / (spread + LEAST_SHAPE_SPREAD**2), 0.0) / len(rows)
    return gains


def neutral_shapes(folder: Path) -> Array:
    """Median blendshapes, halves averaged, of the photographs labelled neutral, shape (shapes,)."""
    measurements, _, emotions, _ = photographs(folder)
    return np.asarray(np.median(measurements[np.array(emotions) == "neutral"][:, block("shapes")], axis=0))


def main() -> None:
    """Print the table of the people left out; write the coefficients when asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--keep", type=Path, help="npz of measurements, written on the first run and read afterwards")
    arguments = parser.parse_args()
    mosei = arguments.shared / "data/mosei"
    videos = sorted((mosei / "video").glob("*.mp4"))
    names = [video.stem.removeprefix("mosei_") for video in videos]
    if arguments.keep and arguments.keep.is_file():
        stored = np.load(arguments.keep, allow_pickle=False)
        looked = [(stored[f"times{i}"], stored[f"rows{i}"]) for i in range(len(videos))]
    else:
        looked = [measured(video) for video in videos]
        if arguments.keep:
            parts = {f"times{i}": one[0] for i, one in enumerate(looked)}
            np.savez(arguments.keep, **parts, **{f"rows{i}": one[1] for i, one in enumerate(looked)})
    people = [person(name, *seen, mosei / "facet" / f"{name}.csv.gz") for name, seen in zip(names, looked, strict=True)]
    facet = {path.name.removesuffix(".csv.gz"): facet_rows(path)[1] for path in sorted((mosei / "facet").glob("*.gz"))}

    frame_marks, window_marks = [], []
    for held in people:
        rest = [one for one in people if one is not held]
        guess = held.measurements @ fit(rest, [rows for name, rows in facet.items() if name != held.name])
        frame_marks.append(correlation(guess, held.units))
        window_marks.append(correlation(windows(held.times, guess), windows(held.times, held.units)))
    table = pd.DataFrame(
        {
            "frame": np.mean(frame_marks, axis=0),
            "5 s": np.mean(window_marks, axis=0),
            **{f"frame {one.name}": marks for one, marks in zip(people, frame_marks, strict=True)},
        },
        index=list(ACTION_UNIT_NAMES),
    )
    table.loc["mean"] = table.mean()
    print("Correlation with FACET 4.2 on the person left out, mean of three")
    print(table.round(2).to_string())

    if arguments.write:
        columns = pd.read_csv(mosei / "feature_names_mean_std.csv").set_index("name").loc[list(ACTION_UNIT_NAMES)]
        coefficients = ActionUnitMap(
            movement=fit(people, list(facet.values())).astype(np.float32),
            level=level_map(people).astype(np.float32),
            neutral=neutral_shapes(arguments.shared / "data/faces").astype(np.float32),
            mean=columns["mean"].to_numpy(np.float32),
            deviation=columns["std"].to_numpy(np.float32),
        )
        metadata = {
            "command": "python benchmarks/visual_calibration.py --write",
            "data": f"CMU-MOSEI videos {', '.join(names)} with FACET 4.2; neutral photographs of data/faces",
            "left_out_r": json.dumps(
                {"frame": round(table.loc["mean", "frame"], 3), "5 s": round(table.loc["mean", "5 s"], 3)}
            ),
        }
        with atomic_path(ACTION_UNITS_FILE) as temporary:
            save_file(
                {name: np.ascontiguousarray(array) for name, array in vars(coefficients).items()}, temporary, metadata
            )
        print(f"wrote {ACTION_UNITS_FILE}")


if __name__ == "__main__":
    main()
