"""Whether other settings of the map to FACET's action units do better on a person that they were not chosen on.

Usage: python benchmarks/visual_settings.py [--shared ../shared]

For each of the four MOSEI videos with FACET output, the settings are chosen on the other three (each left out in turn),
the map is fitted on these three with the chosen settings, and tried on the fourth, ten frames a second. Settings: ridge
strength; weights of texture and shading; how far the fit is drawn towards the blendshapes that stand for a unit by
name; whether every person's measurements, or units, are scaled by his own spread; whether a Wiener filter of one
reliability draws the units to how they move together in all FACET files.
"""

from __future__ import annotations

import argparse
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mtmm_video.extractors.visual.measurements import MEASUREMENTS, SHAPE_NAMES, block
from mtmm_video.extractors.visual.names import ACTION_UNIT_NAMES
from mtmm_video.pipeline.training.action_units import SHAPES_OF_UNIT, Array, Person, correlation, facet_rows, person
from mtmm_video.pipeline.training.face_measurements import measure_video
from mtmm_video.pipeline.weights.resolution import resolve

RATE = 10.0  # frames per second
OWN_SHARE = 0.3  # of the others' spread, added to a person's own so that it is never near zero
CLIP = 4.0  # standard deviations


class Settings(NamedTuple):
    """One way to fit the map."""

    own_units: bool
    own_measurements: bool
    texture: float
    shading: float
    ridge: float
    named: float
    reliability: float


GRID = [
    Settings(*values)
    for values in product(
        (False, True), (False, True), (0.0, 0.5, 1.0), (0.35, 0.7), (0.3, 0.7, 1.5, 4.0), (0, 0.5), (0, 0.6)
    )
]
NAMED = np.zeros((MEASUREMENTS, len(ACTION_UNIT_NAMES)))
for _unit, _name in enumerate(ACTION_UNIT_NAMES):
    for _shape in SHAPES_OF_UNIT[_name]:
        NAMED[block("shapes").start + SHAPE_NAMES.index(_shape), _unit] = 1 / len(SHAPES_OF_UNIT[_name])


def left_out(people: list[Person], held: Person, settings: Settings, together: Array) -> Array:
    """Correlation of each unit on a person whom the map was not fitted on, shape (20,)."""
    common = np.sqrt(np.mean([(one.measurements**2).mean(axis=0) for one in people], axis=0)) + 1e-9

    def rows(one: Person) -> Array:
        own = np.sqrt((one.measurements**2).mean(axis=0)) + OWN_SHARE * common
        return np.clip(one.measurements / (own if settings.own_measurements else common), -CLIP, CLIP)

    weights = np.ones(MEASUREMENTS)
    weights[block("texture")] = settings.texture
    weights[block("shading")] = weights[block("brows")] = settings.shading
    squares, targets = np.zeros((MEASUREMENTS, MEASUREMENTS)), np.zeros(NAMED.shape)
    for one in people:
        measured, units = rows(one), one.units / one.units.std(axis=0) if settings.own_units else one.units
        squares += measured.T @ measured / len(measured) / len(people)
        targets += measured.T @ units / len(measured) / len(people)
    gains = np.maximum((NAMED * targets).sum(axis=0), 0) / np.einsum("mu,mk,ku->u", NAMED, squares, NAMED).clip(1e-6)
    prior = settings.named * NAMED * gains
    system = squares * weights[:, None] * weights + settings.ridge * np.eye(MEASUREMENTS)
    map_ = prior + weights[:, None] * np.linalg.solve(system, weights[:, None] * (targets - squares @ prior))
    guess = rows(held) @ map_
    if settings.reliability:
        share = settings.reliability**2
        noisy = share * together + (1 - share) * np.eye(len(together))
        guess = guess / (guess.std(axis=0) + 1e-9) @ np.linalg.solve(noisy, settings.reliability * together)
    return correlation(guess, held.units)


def main() -> None:
    """Print what was chosen for each person, and the correlation on it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    mosei = parser.parse_args().shared / "data/mosei"
    facet = {path.name.removesuffix(".csv.gz"): facet_rows(path) for path in sorted((mosei / "facet").glob("*.gz"))}
    videos = [
        measure_video(path, landmarker=resolve("face-landmarker"), rate=RATE)
        for path in sorted((mosei / "video").glob("*.mp4"))
    ]
    people = [person(video, starts=facet[video.name][0], units=facet[video.name][1]) for video in videos]
    marks = []
    for judged in people:
        rest = [one for one in people if one is not judged]
        together = np.mean([np.corrcoef(rows.T) for name, (_, rows) in facet.items() if name != judged.name], axis=0)

        def inner(settings: Settings, rest: list[Person] = rest, together: Array = together) -> float:
            return float(
                np.mean([left_out([one for one in rest if one is not held], held, settings, together) for held in rest])
            )

        chosen = max(GRID, key=inner)
        marks.append(left_out(rest, judged, chosen, together))
        print(f"{judged.name}: r {marks[-1].mean():.3f} with {chosen}, {inner(chosen):.3f} where it was chosen")
    units = dict(zip(ACTION_UNIT_NAMES, np.mean(marks, axis=0).round(2).tolist(), strict=True))
    print(f"mean {np.mean(marks):.3f}; {units}")


if __name__ == "__main__":
    main()
