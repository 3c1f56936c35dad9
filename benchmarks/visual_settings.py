"""How far the map to FACET's action units carries to people it was not fitted on, and what limits it.

Usage: python benchmarks/visual_settings.py [--shared ../shared]

Four MOSEI videos have FACET output; ten frames a second are measured. Printed are, per person:

* the ceiling: correlation of a map fitted on the same person, four fifths of the video predicting the fifth; and how
  much of FACET's variance is noise, taken as half the mean square of its steps from frame to frame;
* the settings in use, fitted on the other three, and on two of them, which shows what one more person is worth;
* nested: settings chosen on the other three alone (each left out in turn), the map fitted on these three with them.

Settings: whether a person's measurements are divided by his own spread; whether his units are made normally
distributed; the share of movement faster than 1.5 s in the fit; how far the fit is drawn towards the blendshapes that
stand for a unit by name; ridge strength; one reliability for all units in a Wiener filter that draws them to how they
move together in all FACET files; whether AU4 is fitted on the cells between the brows alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import combinations, product
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.stats import norm, rankdata

from mtmm_video.extractors.visual.measurements import MEASUREMENTS, SHAPE_NAMES, block
from mtmm_video.extractors.visual.names import ACTION_UNIT_NAMES
from mtmm_video.pipeline.training.action_units import (
    BROW_UNIT,
    SHAPES_OF_UNIT,
    Array,
    Person,
    correlation,
    facet_rows,
    fit_movement,
    person,
)
from mtmm_video.pipeline.training.face_measurements import measure_video
from mtmm_video.pipeline.weights.resolution import resolve

RATE = 10.0  # frames per second
FACET_STEP_S = 1 / 30  # between FACET's rows where it saw a face in both
OWN_SHARE = 0.3  # of the others' spread, added to a person's own so that it is never near zero
CLIP = 4.0  # standard deviations
SLOW_S = 1.5  # deviation of the Gaussian whose moving mean counts as slow
GREY_WEIGHT = 0.7  # of shading and brows, as in the fit that is shipped
PARTS = 5  # of a video, for the ceiling
OWN_RIDGE = 1.0  # for the ceiling; 1 to 30 were tried


class Settings(NamedTuple):
    """One way to fit the map."""

    own_spread: bool
    normal_units: bool
    fast: float
    named: float
    ridge: float
    reliability: float
    brows_alone: bool


GRID = [
    Settings(*values)
    for values in product(
        (False, True), (False, True), (0.0, 0.5), (0.0, 0.5), (0.3, 0.7, 1.5), (0.0, 0.6, 0.8), (False, True)
    )
]
NAMED = np.zeros((MEASUREMENTS, len(ACTION_UNIT_NAMES)))
for _unit, _name in enumerate(ACTION_UNIT_NAMES):
    for _shape in SHAPES_OF_UNIT[_name]:
        NAMED[block("shapes").start + SHAPE_NAMES.index(_shape), _unit] = 1 / len(SHAPES_OF_UNIT[_name])
WEIGHTS = np.ones(MEASUREMENTS)
WEIGHTS[block("shading")] = WEIGHTS[block("brows")] = GREY_WEIGHT


def fast_part(one: Person, rows: Array) -> Array:
    """Return what is left of rows, shape (n, k), without their moving mean."""
    near = np.exp(-0.5 * ((one.times[:, None] - one.times[None]) / SLOW_S) ** 2)
    return np.asarray(rows - near / near.sum(axis=1, keepdims=True) @ rows)


def all_settings(people: Sequence[Person], held: Person, together: Array) -> dict[Settings, Array]:
    """Return the correlation of each unit, shape (20,), on a person left out, for all of `GRID`."""
    common = np.sqrt(np.mean([(one.measurements**2).mean(axis=0) for one in people], axis=0)) + 1e-9
    marks = {}
    for own_spread in (False, True):

        def scaled(one: Person, own_spread: bool = own_spread) -> Array:
            own = np.sqrt((one.measurements**2).mean(axis=0)) + OWN_SHARE * common
            return np.clip(one.measurements / (own if own_spread else common), -CLIP, CLIP) * WEIGHTS

        rows = [scaled(one) for one in people]
        fast = [fast_part(one, each) for one, each in zip(people, rows, strict=True)]
        for normal_units in (False, True):
            units = [
                norm.ppf(rankdata(one.units, axis=0) / (len(one.units) + 1))
                if normal_units
                else one.units / one.units.std(axis=0)
                for one in people
            ]
            fast_units = [fast_part(one, each) for one, each in zip(people, units, strict=True)]
            whole_moments, fast_moments = moments(rows, units), moments(fast, fast_units)
            for share in (0.0, 0.5):
                squares, targets = (
                    (1 - share) * whole + share * quick
                    for whole, quick in zip(whole_moments, fast_moments, strict=True)
                )
                for settings in GRID:
                    if settings[:3] == (own_spread, normal_units, share):
                        guess = predicted(squares, targets, rows=scaled(held), settings=settings, together=together)
                        marks[settings] = correlation(guess, held.units)
    return marks


def moments(rows: Sequence[Array], units: Sequence[Array]) -> tuple[Array, Array]:
    """Return mean products of measurements with themselves and with units, every person with the same weight."""
    pairs = list(zip(rows, units, strict=True))
    return np.mean([x.T @ x / len(x) for x, _ in pairs], axis=0), np.mean([x.T @ y / len(x) for x, y in pairs], axis=0)


def predicted(squares: Array, targets: Array, *, rows: Array, settings: Settings, together: Array) -> Array:
    """Fit on the moments of some people; return the units of another's rows, shape (n, 20)."""
    gains = np.maximum((NAMED * targets).sum(axis=0), 0) / np.einsum("mu,mk,ku->u", NAMED, squares, NAMED).clip(1e-6)
    prior = settings.named * NAMED * gains
    penalised = squares + settings.ridge * np.eye(MEASUREMENTS)
    guess = rows @ (prior + np.linalg.solve(penalised, targets - squares @ prior))
    if settings.reliability:
        share = settings.reliability**2
        noisy = share * together + (1 - share) * np.eye(len(together))
        guess = guess / (guess.std(axis=0) + 1e-9) @ np.linalg.solve(noisy, settings.reliability * together)
    if settings.brows_alone:
        part = block("brows")
        system = squares[part, part] + 0.3 * GREY_WEIGHT**2 * np.eye(part.stop - part.start)
        guess[:, BROW_UNIT] = rows[:, part] @ np.linalg.solve(system, targets[part, BROW_UNIT])
    return np.asarray(guess)


def ceiling(one: Person) -> Array:
    """Correlation of each unit, shape (20,), with a map fitted on the other parts of the same video."""
    rows = np.clip(one.measurements / (one.measurements.std(axis=0) + 1e-6), -CLIP, CLIP)
    part = np.arange(len(rows)) * PARTS // len(rows)
    guess = np.zeros(one.units.shape)
    for number in range(PARTS):
        rest = part != number
        centre, level = rows[rest].mean(axis=0), one.units[rest].mean(axis=0)
        squares, targets = moments([rows[rest] - centre], [one.units[rest] - level])
        guess[~rest] = (rows[~rest] - centre) @ np.linalg.solve(squares + OWN_RIDGE * np.eye(MEASUREMENTS), targets)
        guess[~rest] += level
    return correlation(guess, one.units)


def noise_share(starts: Array, units: Array) -> Array:
    """Half the mean square step between neighbouring rows of FACET over the variance, shape (20,)."""
    neighbours = np.diff(starts) < 1.2 * FACET_STEP_S
    steps = np.diff(units, axis=0)[neighbours]
    return np.asarray((steps**2).mean(axis=0) / 2 / units.var(axis=0))


def together_of(facet: dict[str, tuple[Array, Array]], *without: Person) -> Array:
    """Return the correlations between units, mean over the FACET files of all but some people, shape (20, 20)."""
    names = {one.name for one in without}
    return np.asarray(np.mean([np.corrcoef(rows.T) for name, (_, rows) in facet.items() if name not in names], axis=0))


def by_unit(values: Array) -> dict[str, float]:
    """Name the values of the 20 units."""
    return dict(zip(ACTION_UNIT_NAMES, values.round(2).tolist(), strict=True))


def main() -> None:
    """Print the figures of each person, and the means."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    mosei = parser.parse_args().shared / "data/mosei"
    facet = {path.name.removesuffix(".csv.gz"): facet_rows(path) for path in sorted((mosei / "facet").glob("*.gz"))}
    videos = [
        measure_video(path, landmarker=resolve("face-landmarker"), rate=RATE)
        for path in sorted((mosei / "video").glob("*.mp4"))
    ]
    people = [person(video, starts=facet[video.name][0], units=facet[video.name][1]) for video in videos]

    def used(fitted: Sequence[Person], held: Person) -> float:
        rows = [units for name, (_, units) in facet.items() if name != held.name]
        return float(correlation(held.measurements @ fit_movement(fitted, rows), held.units).mean())

    marks = []
    for held in people:
        rest = [one for one in people if one is not held]
        own = ceiling(held)
        print(f"{held.name}: own ceiling {own.mean():.3f}, noise {noise_share(*facet[held.name]).mean():.3f}")
        print(f"    ceiling {by_unit(own)}")
        pairs = {f"{a.name} {b.name}": round(used([a, b], held), 3) for a, b in combinations(rest, 2)}
        print(f"    in use: {used(rest, held):.3f}; fitted on two: {pairs}", flush=True)
        inner = [
            all_settings([one for one in rest if one is not judged], judged, together_of(facet, judged, held))
            for judged in rest
        ]
        means = {settings: float(np.mean([each[settings].mean() for each in inner])) for settings in GRID}
        chosen = max(means, key=means.__getitem__)
        marks.append(all_settings(rest, held, together_of(facet, held))[chosen])
        print(f"    nested: {marks[-1].mean():.3f} with {chosen}", flush=True)
    print(f"nested mean {np.mean(marks):.3f}; {by_unit(np.mean(marks, axis=0))}")


if __name__ == "__main__":
    main()
