"""Runs of the paper's systems: planning for a table, identification, and training."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace

from mtmm_video.foundation.errors import DataError, InputError
from mtmm_video.foundation.version import __version__
from mtmm_video.model.checkpoint import Checkpoint
from mtmm_video.model.evaluation import score_table
from mtmm_video.model.features import MODALITIES, Modality
from mtmm_video.model.fingerprint import TRAINING_VERSION, table_fingerprint
from mtmm_video.model.network_shape import Task
from mtmm_video.model.paper.results import MODALITY_COLUMNS
from mtmm_video.model.paper.systems import (
    BASELINE_RECIPE,
    CLASSIC,
    SYSTEMS,
    WORD_BY_WORD,
    NetworkFit,
    calibrated_scores,
    fit_system,
    labelled_tasks,
)
from mtmm_video.model.paper.tables import modalities_of_column
from mtmm_video.model.paper.word_by_word import WordByWordFit
from mtmm_video.model.recipes import PAPER, Recipe
from mtmm_video.model.scores import Scores
from mtmm_video.model.table import UtteranceTable
from mtmm_video.model.training import train

# In the order of Table 7. `cim_single` is two networks, one per task; `cim` is the paper's multi-task network.
RUNNABLE: tuple[str, ...] = (*(name for name in SYSTEMS if name != "cim"), "cim_single", "cim")
CIM = ("cim_single", "cim")
SEEDLESS = ("majority",)  # deterministic, so one run suffices
PAPER_TASKS: tuple[Task, ...] = ("sentiment", "emotion")
SCORED_SPLITS = ("valid", "test")


@dataclass(frozen=True)
class Run:
    """One training of one system.

    Attributes
    ----------
    system : str
        One of `RUNNABLE`.
    modalities : tuple of Modality
        Its inputs.
    recipe : Recipe
        Of the networks, with modalities, tasks and seed; the classic systems use only its seed.
    """

    system: str
    modalities: tuple[Modality, ...]
    recipe: Recipe

    @property
    def seed(self) -> int:
        """The seed."""
        return self.recipe.seed

    def __str__(self) -> str:
        return f"{self.system} on {'+'.join(self.modalities)}, seed {self.seed}"


def parse_systems(text: str) -> tuple[str, ...]:
    """Parse ``all`` or a comma-separated list of systems.

    Raises
    ------
    InputError
        If one is unknown.
    """
    if text == "all":
        return RUNNABLE
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    unknown = [name for name in names if name not in RUNNABLE]
    if unknown or not names:
        raise InputError(
            f"--systems: {', '.join(unknown) or repr(text)} unknown; choose all, or of {', '.join(RUNNABLE)}"
        )
    return names


def modality_sets(table: UtteranceTable) -> list[tuple[Modality, ...]]:
    """Return the columns of Table 4, T to T+A+V, for which a table has the modalities."""
    sets = [modalities_of_column(column) for column in MODALITY_COLUMNS]
    return [names for names in sets if set(names) <= set(table.modalities)]


def planned_runs(
    table: UtteranceTable,
    *,
    systems: Collection[str],
    tables: Collection[int],
    seeds: int,
    recipe: Recipe = PAPER,
    epochs: int | None = None,
) -> list[Run]:
    """Plan the runs for Tables 4 and 7, seed by seed, so that the tables are complete after the first seed.

    Parameters
    ----------
    table : UtteranceTable
        Its modalities determine the columns of Table 4; Table 7 uses all of them, or all that its words have.
    systems : collection of str
        Of `RUNNABLE`. For a table with labels of one task, single-task and multi-task learning are identical:
        `cim_single` is used for both. Systems that read words are left out where the table keeps none.
    tables : collection of int
        Of 4 and 7.
    seeds : int
        Number of seeds, from 1.
    recipe : Recipe
        Of `cim` and `cim_single`; the baselines have another.
    epochs : int or None
        Overrides the recipes' number of epochs.

    Raises
    ------
    InputError
        If there is nothing to run.
    DataError
        If the train split has no labels.
    """
    tasks = tuple(task for task in PAPER_TASKS if task in labelled_tasks(table))
    if not tasks:
        raise DataError("the table's train split has neither sentiment nor emotion labels, which training needs")
    chosen = [
        name
        for name in RUNNABLE
        if name in systems
        and not (name == "cim" and len(tasks) == 1)
        and not (name in WORD_BY_WORD and table.words is None)
    ]
    every = tuple(name for name in MODALITIES if name in table.modalities)
    wanted: list[tuple[str, tuple[Modality, ...]]] = []
    if 4 in tables:
        wanted += [(name, names) for names in modality_sets(table) for name in CIM if name in chosen]
    if 7 in tables:
        spoken = () if table.words is None else tuple(name for name in every if name in table.words.modalities)
        wanted += [(name, spoken if name in WORD_BY_WORD else every) for name in chosen]
    if not wanted:
        why = f"this table has labels of {tasks[0]} only, and `cim` needs two tasks: use cim_single"
        if set(systems) <= set(WORD_BY_WORD):
            why = "the table keeps no words, which tables of `mtmm-video corpus prepare` do"
        elif len(tasks) > 1:
            why = "Table 4 compares cim and cim_single"
        raise InputError(f"--systems {','.join(systems)}: nothing to run; {why}")
    runs = []
    for seed in range(1, seeds + 1):
        for name, modalities in dict.fromkeys(wanted):
            if name in SEEDLESS and seed > 1:
                continue
            base = recipe if name in CIM else BASELINE_RECIPE
            one = replace(base, name=name, modalities=modalities, tasks=tasks, seed=seed)
            runs.append(Run(name, modalities, one if epochs is None else replace(one, epochs=epochs)))
    return runs


def run_key(run: Run, fingerprint: str) -> str:
    """Hash everything that determines a run's result: system, recipe, seed, data and version of mtmm-video.

    Parameters
    ----------
    run : Run
        The run.
    fingerprint : str
        Of the table restricted to the run's modalities, see `model.fingerprint.table_fingerprint`: finished runs stay
        valid when a modality is added to the table. It covers all splits, since valid and test are scored with the run.
    """
    recipe = {"seed": run.seed} if run.system in CLASSIC else asdict(run.recipe)
    content = [__version__, TRAINING_VERSION, run.system, run.modalities, recipe, fingerprint]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Performed:
    """The result of a finished run.

    Attributes
    ----------
    scores : mapping of split to Scores
        Calibrated probabilities for ``valid`` and ``test``, if the table has them. The test scores are stored for later
        evaluation without the network; nothing is selected on them.
    thresholds : mapping of purpose to mapping of emotion to float
        Chosen on the valid split.
    checkpoints : mapping of str to Checkpoint
        The trained networks of `cim` (``cim``) and `cim_single` (one per task).
    epochs : mapping of str to int
        The selected epoch of every network.
    cpu_seconds : float
        Of this process.
    """

    scores: Mapping[str, Scores]
    thresholds: Mapping[str, Mapping[str, float]]
    checkpoints: Mapping[str, Checkpoint]
    epochs: Mapping[str, int]
    cpu_seconds: float


def perform(run: Run, table: UtteranceTable) -> Performed:
    """Train a system on the train split, select on the valid split, and score valid and test."""
    started = time.process_time()
    seen = table.with_modalities(run.modalities)
    splits = [split for split in SCORED_SPLITS if split in seen.splits]
    thresholds: dict[str, Mapping[str, float]] = {}
    scores: dict[str, Scores] = {}
    if run.system not in CIM:
        fit = fit_system(run.system, seen, recipe=run.recipe)
        for split in splits:
            scores[split], chosen = calibrated_scores(fit, seen, split=split)
            thresholds.update(chosen)
        epochs = {run.system: fit.fitted.epoch} if isinstance(fit, NetworkFit | WordByWordFit) else {}
        return Performed(scores, thresholds, {}, epochs, time.process_time() - started)
    checkpoints: dict[str, Checkpoint] = {}
    provenance = {"table_fingerprint": table_fingerprint(seen)}
    parts = {"cim": run.recipe.tasks} if run.system == "cim" else {task: (task,) for task in run.recipe.tasks}
    for name, tasks in parts.items():
        recipe = replace(run.recipe, tasks=tasks)
        checkpoints[name] = train(seen, recipe=recipe, provenance=provenance)
        thresholds.update(checkpoints[name].specification.thresholds)
    for split in splits:
        part = seen.split(split)
        found = [score_table(checkpoint, part) for checkpoint in checkpoints.values()]
        scores[split] = Scores(
            positive=next((one.positive for one in found if one.positive is not None), None),
            emotion=next((one.emotion for one in found if one.emotion is not None), None),
        )
    epochs = {name: int(one.specification.provenance["epoch"]) for name, one in checkpoints.items()}
    return Performed(scores, thresholds, checkpoints, epochs, time.process_time() - started)
