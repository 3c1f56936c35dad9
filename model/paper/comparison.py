"""What finished runs say: means and deviations over seeds, and tests of the multi-task network against the others.

Two questions, two tests. Would other seeds give the same order? A t-test over seeds, as the paper's Table 7. Would
other videos? A paired bootstrap over videos, on the mean over seeds.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import ttest_ind, ttest_rel

from mtmm_video.model.evaluation import evaluate
from mtmm_video.model.features import Modality
from mtmm_video.model.paper.bootstrap import HEADLINES, intervals, paired_difference
from mtmm_video.model.paper.run_record import RunRecord
from mtmm_video.model.paper.runs import RUNNABLE
from mtmm_video.model.table import UtteranceTable

FEWEST_SEEDS = 3  # below that a t-test says nothing


@dataclass(frozen=True)
class EvaluatedRun:
    """The figures of one run on one split.

    Attributes
    ----------
    system, modalities, seed
        See `RunRecord`.
    epochs : mapping of str to int
        The chosen epoch per trained network; empty where the system has none to tell.
    cpu_seconds : float
        What the run took.
    evaluation : mapping
        From `model.evaluation.evaluate`.
    """

    system: str
    modalities: tuple[Modality, ...]
    seed: int
    epochs: Mapping[str, int]
    cpu_seconds: float
    evaluation: Mapping[str, Any]


@dataclass(frozen=True)
class Comparison:
    """One headline figure of a system against another's.

    Attributes
    ----------
    system, against : str
        The two.
    modalities : tuple of Modality
        What both saw.
    figure : str
        One of `model.paper.bootstrap.HEADLINES`.
    seeds : int
        How many both have: what the t-tests compare.
    difference : float
        First minus second, each the mean over its seeds.
    paired_p, welch_p : float or None
        Of t-tests over the seeds, paired by seed and not; None for fewer than three, or where nothing varies.
    interval : tuple of float
        95 % over resampled videos.
    videos_p : float
        Of the bootstrap over videos.
    """

    system: str
    against: str
    modalities: tuple[Modality, ...]
    figure: str
    seeds: int
    difference: float
    paired_p: float | None
    welch_p: float | None
    interval: tuple[float, float]
    videos_p: float


def evaluate_runs(records: Iterable[RunRecord], part: UtteranceTable, *, split: str) -> list[EvaluatedRun]:
    """Evaluate finished runs on the rows of a split."""
    return [
        EvaluatedRun(
            system=record.system,
            modalities=record.modalities,
            seed=record.seed,
            epochs=record.provenance["epochs"],
            cpu_seconds=record.cpu_seconds,
            evaluation=evaluate(record.scores[split], part, thresholds=record.thresholds),
        )
        for record in records
    ]


Group = tuple[str, tuple[Modality, ...]]


def grouped(entries: Sequence[Any]) -> dict[Group, list[Any]]:
    """Group runs or records by system and modalities, in the order of Table 7, then by number of modalities."""
    groups: dict[Group, list[Any]] = {}
    for entry in sorted(entries, key=lambda one: (RUNNABLE.index(one.system), len(one.modalities))):
        groups.setdefault((entry.system, entry.modalities), []).append(entry)
    return groups


def over_seeds(
    evaluations: Sequence[Mapping[str, Any]], statistic: Callable[[Sequence[float]], float]
) -> dict[str, Any]:
    """Merge evaluations number by number; what one of them lacks is None."""
    merged: dict[str, Any] = {}
    for key, first in evaluations[0].items():
        values = [evaluation.get(key) for evaluation in evaluations]
        if isinstance(first, Mapping):
            merged[key] = over_seeds([value for value in values if isinstance(value, Mapping)], statistic)
        elif all(isinstance(value, int | float) for value in values):
            merged[key] = statistic([float(value) for value in values if value is not None])
        else:
            merged[key] = None
    return merged


def mean(values: Sequence[float]) -> float:
    """Return the arithmetic mean."""
    return float(np.mean(values))


def spread(values: Sequence[float]) -> float:
    """Return the standard deviation of a sample."""
    return float(np.std(values, ddof=1))


def compare(records: Sequence[RunRecord], part: UtteranceTable, *, split: str, resamplings: int) -> list[Comparison]:
    """Compare the paper's network with every other system that saw the same modalities.

    The network is `cim`, or `cim_single` where there is no multi-task one: on tables with one task.

    Parameters
    ----------
    records : sequence of RunRecord
        Finished runs.
    part : UtteranceTable
        The rows of the split.
    split : str
        Its name.
    resamplings : int
        Of the videos.
    """
    groups = grouped(records)
    found = []
    network = "cim" if any(system == "cim" for system, _ in groups) else "cim_single"
    for (system, modalities), others in groups.items():
        ours = groups.get((network, modalities))
        if system == network or ours is None:
            continue
        first, second = ([(record.scores[split], record.thresholds) for record in group] for group in (ours, others))
        by_videos = paired_difference(first, second, part, resamplings=resamplings)
        shared = sorted({record.seed for record in ours} & {record.seed for record in others})
        values = [
            [
                evaluate(record.scores[split], part, thresholds=record.thresholds)
                for record in group
                if record.seed in shared
            ]
            for group in (ours, others)
        ]
        for name in HEADLINES:
            if name not in by_videos:
                continue
            task, figure = name.split(".")
            a, b = ([one[task][figure] for one in group] for group in values)
            paired, welch = seed_tests(a, b)
            entry = by_videos[name]
            found.append(
                Comparison(
                    *(network, system, modalities, name, len(shared), entry["difference"], paired, welch),
                    *(entry["interval"], entry["p"]),
                )
            )
    return found


def seed_tests(first: Sequence[float], second: Sequence[float]) -> tuple[float | None, float | None]:
    """Return the p-values of a paired and of Welch's t-test; None where there are too few values or none varies."""
    if len(first) < FEWEST_SEEDS:
        return None, None
    if np.ptp(np.subtract(first, second)) == 0 or (np.ptp(first) == 0 and np.ptp(second) == 0):
        return None, None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a system that hardly varies, such as the svm, is no fault
        paired = float(ttest_rel(first, second).pvalue)
        welch = float(ttest_ind(first, second, equal_var=False).pvalue)
    return (None if math.isnan(paired) else paired), (None if math.isnan(welch) else welch)


def group_intervals(
    records: Sequence[RunRecord], part: UtteranceTable, *, split: str, resamplings: int
) -> dict[Group, dict[str, tuple[float, float]]]:
    """Return 95 % intervals over resampled videos of each system's mean over seeds."""
    return {
        group: intervals(
            [(record.scores[split], record.thresholds) for record in members], part, resamplings=resamplings
        )
        for group, members in grouped(records).items()
    }
