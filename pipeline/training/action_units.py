"""The map from measurements of a face to FACET's 20 action units, fitted on genuine FACET output.

Three MOSEI videos have their FACET files. Every frame is measured at the video's own rate; each person's mean is
subtracted; a ridge regression is fitted on two videos and evaluated on the third. The shipped one is fitted on all
three.

Three choices keep the fit from following so few people. AU4 is fitted on the six cells between the brows alone: with
all measurements its sign differed between people. The other units are first predicted one by one, then filtered with
the correlations of FACET's units (a Wiener filter; the correlations are of all FACET files but the evaluated one's), by
which a unit of low reliability is estimated from its neighbours. Ridge strengths were set once, on the leave-one-out
correlations that are reported: see docs/visual.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtmm_video.extractors.visual.measurements import MEASUREMENTS, SHAPE_NAMES, block
from mtmm_video.extractors.visual.names import ACTION_UNIT_NAMES
from mtmm_video.pipeline.training.face_measurements import VideoMeasurements

RIDGE = 0.7  # all units but AU4; in units of the variance of one standardised measurement
BROW_RIDGE = 0.3  # AU4
SHADING_WEIGHT = 0.7  # of the 128 coarse grey values, the other measurements having 1
LEAST_RELIABILITY, MOST_RELIABILITY = 0.3, 0.95
LARGEST_STANDARDISED = 4.0  # standard deviations at which a measurement is clipped in the fit
WINDOW_S, LEAST_WINDOW_FRAMES = 5, 30
MATCH_S = 0.035  # seconds: a frame and a FACET row belong together when their starts differ by less (FACET: 30 rows/s)
LEAST_SHAPE_SPREAD = 0.03  # blendshape units: bounds the gain of one that hardly moves in three people
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
WEIGHTS = np.ones(MEASUREMENTS)
WEIGHTS[block("shading")] = SHADING_WEIGHT
WEIGHTS[block("brows")] = 0.0
BROW_WEIGHTS = np.zeros(MEASUREMENTS)
BROW_WEIGHTS[block("brows")] = 1.0

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Person:
    """The frames of one video that have a FACET row, both sides with the person's mean subtracted.

    Attributes
    ----------
    name : str
        Of the video in MOSEI.
    times : ndarray, shape (n,)
        Seconds.
    measurements : ndarray, shape (n, m)
        Ours.
    units : ndarray, shape (n, 20)
        FACET's.
    """

    name: str
    times: Array
    measurements: Array
    units: Array


def facet_rows(path: Path) -> tuple[Array, Array]:
    """Return start times (n,) and units (n, 20) of the rows in which FACET saw a face (elsewhere it writes zeros)."""
    table = pd.read_csv(path)
    units = table[list(ACTION_UNIT_NAMES)].to_numpy(np.float64)
    seen = np.abs(units).sum(axis=1) > 0
    return table["StartTime"].to_numpy(np.float64)[seen], units[seen]


def person(video: VideoMeasurements, *, starts: Array, units: Array) -> Person:
    """Pair the frames of a video with FACET's rows and centre both.

    Parameters
    ----------
    video : VideoMeasurements
        Of every frame.
    starts, units : ndarray, shapes (r,) and (r, 20)
        From `facet_rows`.
    """
    nearest = np.abs(starts[:, None] - video.times[None]).argmin(axis=0)
    near = np.abs(starts[nearest] - video.times) < MATCH_S
    rows, targets = video.rows.astype(np.float64)[near], units[nearest[near]]
    return Person(video.name, video.times[near], rows - rows.mean(axis=0), targets - targets.mean(axis=0))


def ridge(people: Sequence[Person], *, strength: float, weights: Array, scaled: bool = False) -> Array:
    """Fit a ridge regression in which every person has the same weight.

    Parameters
    ----------
    people : sequence of Person
        To fit on.
    strength : float
        Of the penalty, per variance of a standardised measurement.
    weights : ndarray, shape (m,)
        Of the measurements, 0 to leave one out.
    scaled : bool
        Whether each person's units are divided by their standard deviation.

    Returns
    -------
    ndarray, shape (m, 20)
        Coefficients.
    """
    spread = np.sqrt(np.mean([(one.measurements**2).mean(axis=0) for one in people], axis=0)) + 1e-9
    products, targets = np.zeros((MEASUREMENTS, MEASUREMENTS)), np.zeros((MEASUREMENTS, len(ACTION_UNIT_NAMES)))
    for one in people:
        rows = np.clip(one.measurements / spread, -LARGEST_STANDARDISED, LARGEST_STANDARDISED) * weights
        units = one.units / one.units.std(axis=0) if scaled else one.units
        products += rows.T @ rows / len(rows) / len(people)
        targets += rows.T @ units / len(rows) / len(people)
    solution = np.linalg.solve(products + strength * np.eye(MEASUREMENTS), targets)
    return np.asarray((weights / spread)[:, None] * solution)


def correlation(first: Array, second: Array) -> Array:
    """Return Pearson's r of each column of two (n, k) arrays, shape (k,)."""
    a, b = first - first.mean(axis=0), second - second.mean(axis=0)
    return np.asarray((a * b).sum(axis=0) / np.sqrt((a**2).sum(axis=0) * (b**2).sum(axis=0) + 1e-12))


def fit_movement(people: Sequence[Person], facet: Sequence[Array]) -> Array:
    """Fit the coefficients from measurements to units.

    Parameters
    ----------
    people : sequence of Person
        At least two, since each one's reliability is measured with a fit on the others.
    facet : sequence of ndarray, each of shape (rows, 20)
        FACET's rows of one video each, for the correlations between units.

    Returns
    -------
    ndarray, shape (m, 20)
        FACET units per unit of measurement.
    """
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
    together = np.mean([np.corrcoef(rows.T) for rows in facet], axis=0)
    spread = np.sqrt(np.mean([(one.measurements @ plain).var(axis=0) for one in people], axis=0))
    noisy = reliability[:, None] * together * reliability + np.diag(1 - reliability**2)
    filtered = plain / spread @ np.linalg.solve(noisy, (together * reliability).T)
    filtered *= np.sqrt(np.mean([one.units.var(axis=0) for one in people], axis=0))
    brows = ridge(people, strength=BROW_RIDGE, weights=BROW_WEIGHTS, scaled=True)[:, BROW_UNIT]
    filtered[:, BROW_UNIT] = brows * np.sqrt(np.mean([one.units[:, BROW_UNIT].var() for one in people]))
    return np.asarray(filtered)


def fit_level(people: Sequence[Person]) -> Array:
    """Fit a person's level: one gain per unit, never negative, on the blendshapes of its name; shape (shapes, 20)."""
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


def windows(times: Array, rows: Array) -> Array:
    """Return means over whole windows of five seconds, shape (windows, 20)."""
    number = times // WINDOW_S
    return np.array(
        [rows[number == n].mean(axis=0) for n in np.unique(number) if (number == n).sum() >= LEAST_WINDOW_FRAMES]
    )


def left_out_correlations(people: Sequence[Person], facet: dict[str, Array]) -> pd.DataFrame:
    """Return the correlation with FACET on each person, fitted on the others.

    Parameters
    ----------
    people : sequence of Person
        Three, here.
    facet : dict of str to ndarray, each of shape (rows, 20)
        FACET's rows by video; the left-out person's are not used in the fit.

    Returns
    -------
    DataFrame
        Rows: the 20 units and their mean. Columns: ``frame`` and ``5 s``, means over the people; and a frame's
        correlation per person.
    """
    frames, means = [], []
    for held in people:
        rest = [one for one in people if one is not held]
        predicted = held.measurements @ fit_movement(rest, [rows for name, rows in facet.items() if name != held.name])
        frames.append(correlation(predicted, held.units))
        means.append(correlation(windows(held.times, predicted), windows(held.times, held.units)))
    table = pd.DataFrame(
        {
            "frame": np.mean(frames, axis=0),
            "5 s": np.mean(means, axis=0),
            **{f"frame {one.name}": values for one, values in zip(people, frames, strict=True)},
        },
        index=list(ACTION_UNIT_NAMES),
    )
    table.loc["mean"] = table.mean()
    return table
