"""Comparison of finished runs: means and deviations over seeds, and tests of the multi-task network against the others.

There are two tests: for the variation over seeds a t-test, as in the paper's Table 7; for the variation over videos a
paired bootstrap of the mean over seeds.
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

FEWEST_SEEDS = 3  # for a t-test


@dataclass(frozen=True)
class EvaluatedRun:
    """The figures of one run on one split.

    Attributes
    ----------
    system, modalities, seed
        See `RunRecord`.
    epochs : mapping of str to int
        The selected epoch per trained network; empty for a system without epochs.
    cpu_seconds : float
        CPU time of the run.
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
    """The comparison of one headline figure between two systems.

    Attributes
    ----------
    system, against : str
        The two systems.
    modalities : tuple of Modality
        Inputs of both.
    figure : str
        One of `model.paper.bootstrap.HEADLINES`.
    seeds : int
        Number of common seeds, which the t-tests use.
    difference : float
        First minus second, each the mean over its seeds.
    paired_p, welch_p : float or None
        Of t-tests over the seeds, paired and unpaired; None for fewer than three seeds or without variation.
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
    """Merge evaluations figure by figure; a figure missing in one of them is None."""
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
    """Compare the paper's network with every other system of the same modalities.

    The network is `cim`, or `cim_single` for tables with one task, which have no multi-task network.

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
                    system=network,
                    against=system,
                    modalities=modalities,
                    figure=name,
                    seeds=len(shared),
                    difference=entry["difference"],
                    paired_p=paired,
                    welch_p=welch,
                    interval=entry["interval"],
                    videos_p=entry["p"],
                )
            )
    return found


def seed_tests(first: Sequence[float], second: Sequence[float]) -> tuple[float | None, float | None]:
    """Compute the p-values of a paired and of Welch's t-test; None with too few values or without variation."""
    if len(first) < FEWEST_SEEDS:
        return None, None
    if np.ptp(np.subtract(first, second)) == 0 or (np.ptp(first) == 0 and np.ptp(second) == 0):
        return None, None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of systems with little variation, such as the svm
        paired = float(ttest_rel(first, second).pvalue)
        welch = float(ttest_ind(first, second, equal_var=False).pvalue)
    return (None if math.isnan(paired) else paired), (None if math.isnan(welch) else welch)


def group_intervals(
    records: Sequence[RunRecord], part: UtteranceTable, *, split: str, resamplings: int
) -> dict[Group, dict[str, tuple[float, float]]]:
    """Compute 95 % bootstrap intervals over videos of each system's mean over seeds."""
    return {
        group: intervals(
            [(record.scores[split], record.thresholds) for record in members], part, resamplings=resamplings
        )
        for group, members in grouped(records).items()
    }
