"""``mtmm-video train table``: from scratch, from a trained model, or its calibration alone; with the model card."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from mtmm_video.foundation.errors import InputError
from mtmm_video.foundation.files import sha256_of, write_text
from mtmm_video.model.adaptation import FINE_TUNING, fine_tune, recalibrate, teach
from mtmm_video.model.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from mtmm_video.model.checkpoint_file import resolve_checkpoint
from mtmm_video.model.features import MODALITIES
from mtmm_video.model.network_shape import Task
from mtmm_video.model.paper.systems import labelled_tasks
from mtmm_video.model.recipes import Recipe, recipe_named
from mtmm_video.model.table import UtteranceTable
from mtmm_video.model.training import EpochHook, EpochRecord, train
from mtmm_video.pipeline.training.own_corpus import headline, judge, model_card, sized, verdicts, with_neutral
from mtmm_video.pipeline.training.table_columns import fit_table

DEFAULT_RECIPE = "paper"
DEFAULT_BASE = "plus"


@dataclass(frozen=True)
class TableRequest:
    """What the command line asks for; see `flows.commands.train`."""

    data: Path
    out: Path
    recipe: str | None
    modalities: str | None
    tasks: str | None
    epochs: int | None
    seed: int
    modality_dropout: float | None
    half: bool
    base: str | None
    calibrate_only: bool
    teacher: str | None


def train_table(request: TableRequest, *, command: str) -> str:
    """Train as asked, write checkpoint and card, and return what the terminal shows.

    Raises
    ------
    InputError
        If options do not go together.
    """
    if request.recipe is not None and (request.base is not None or request.calibrate_only):
        raise InputError("--recipe trains from scratch; leave it out with --from and --calibrate-only")
    if request.calibrate_only and request.teacher is not None:
        raise InputError("--calibrate-only needs people's labels; --teacher makes labels for training")
    rows = _shown(UtteranceTable.load(request.data), request.modalities)
    made: list[str] = []
    provenance: dict[str, Any] = {"data_sha256": sha256_of(request.data)}
    taught = rows
    if request.teacher is not None:
        taught, line = _taught(rows, request.teacher)
        made.append(line)
        provenance["teacher_sha256"] = sha256_of(resolve_checkpoint(request.teacher))
    if request.base is not None or request.calibrate_only:
        checkpoint, own = _adapted(request, rows, taught, made=made, provenance=provenance)
    else:
        checkpoint, own = _from_scratch(request, taught, made=made, provenance=provenance), rows
    save_checkpoint(request.out, network=checkpoint.network, specification=checkpoint.specification, half=request.half)
    lines = [f"{request.out}: {made[-1]}"]
    split = "test" if "test" in rows.splits else "valid"
    if own.split(split).labels.known.any() and (
        len(own.modalities) > 1 or request.base is not None or request.calibrate_only
    ):
        judged = judge(checkpoint, own, split=split)
        card = request.out.with_suffix(".md")
        write_text(card, model_card(checkpoint, judged, command=command, made=made))
        lines += [headline(judged), *verdicts(judged, checkpoint), f"Model card: {card}"]
    elif request.teacher is not None:
        lines.append(f"No utterance of {split} is labelled by people: what was learnt cannot be judged on this table.")
    return "\n".join(lines)


def _shown(table: UtteranceTable, modalities: str | None) -> UtteranceTable:
    wanted = tuple(table.modalities) if modalities is None else tuple(modalities.split(","))
    unknown = [name for name in wanted if name not in MODALITIES]
    if unknown:
        raise InputError(f"--modalities: {', '.join(unknown)} unknown; choose from {', '.join(MODALITIES)}")
    return table.with_modalities([name for name in MODALITIES if name in wanted])


def _taught(rows: UtteranceTable, name: str) -> tuple[UtteranceTable, str]:
    teacher = load_checkpoint(resolve_checkpoint(name))
    fitted = fit_table(rows, teacher.specification)
    found = teach(teacher, fitted)
    judges = "people's labels of valid" if found.judged_by_people else "its labels: people labelled too little of valid"
    line = (
        f"{found.count:,} utterances that nobody labelled were labelled by {teacher.specification.name} from their "
        f"words: what voice and face learn from them is to agree with the words. Choices were made on {judges}."
    )
    return replace(rows, labels=found.table.labels), line


def _adapted(
    request: TableRequest, rows: UtteranceTable, taught: UtteranceTable, *, made: list[str], provenance: dict[str, Any]
) -> tuple[Checkpoint, UtteranceTable]:
    path = resolve_checkpoint(request.base or DEFAULT_BASE)
    base = load_checkpoint(path)
    provenance["base_sha256"] = sha256_of(path)
    fitted = fit_table(taught, base.specification)
    own = replace(fitted, labels=rows.labels)
    if request.calibrate_only:
        learnt = [index for index, split in enumerate(fitted.splits) if split != "test"]
        part = own.videos(learnt)
        checkpoint = recalibrate(base, part, name=request.out.stem, provenance=provenance)
        made.append(f"calibration and thresholds of {base.specification.name} fitted on {len(part):,} utterances")
        return checkpoint, own
    recipe = sized(replace(FINE_TUNING, name=request.out.stem, seed=request.seed), fitted)
    recipe = replace(recipe, epochs=request.epochs or FINE_TUNING.epochs)
    if request.modality_dropout is not None:
        recipe = replace(recipe, modality_dropout=request.modality_dropout)
    with _Bar(recipe.epochs) as bar:
        checkpoint = fine_tune(base, fitted, recipe=recipe, hook=bar.advance, provenance=provenance)
    epoch = checkpoint.specification.provenance["epoch"]
    made.append(
        f"{base.specification.name} trained on, epoch {epoch} of {recipe.epochs} chosen on valid"
        + ("; no epoch was better than the model as it came" if epoch == 0 else "")
    )
    return checkpoint, own


def _from_scratch(
    request: TableRequest, rows: UtteranceTable, *, made: list[str], provenance: dict[str, Any]
) -> Checkpoint:
    recipe = replace(
        recipe_named(request.recipe or DEFAULT_RECIPE), modalities=tuple(rows.modalities), seed=request.seed
    )
    recipe = _with_options(recipe, request, rows)
    state = request.out.with_name(f"{request.out.stem}.training-state.safetensors")
    with _Bar(recipe.epochs) as bar:
        checkpoint = train(rows, recipe=recipe, state_path=state, hook=bar.advance, provenance=provenance)
    state.unlink(missing_ok=True)
    if recipe.name == "mtmm-es":
        checkpoint = with_neutral(checkpoint, rows.split("valid"))
    found = checkpoint.specification.provenance
    made.append(
        f"recipe {recipe.name}: epoch {found['epoch']} of {recipe.epochs}, valid score {found['valid_score']:.4f}"
    )
    return checkpoint


def _with_options(recipe: Recipe, request: TableRequest, rows: UtteranceTable) -> Recipe:
    """Return the recipe with what the user chose, and the tasks that the table has labels for."""
    if request.tasks is not None:
        recipe = replace(recipe, tasks=cast("tuple[Task, ...]", tuple(request.tasks.split(","))))
    else:
        labelled = labelled_tasks(rows)
        recipe = replace(recipe, tasks=tuple(task for task in recipe.tasks if task in labelled))
        if not recipe.tasks:
            raise InputError(f"{request.data}: the train split has no labels; add some, or take --teacher plus")
    if recipe.name == "mtmm-es":
        recipe = sized(recipe, rows)
    if request.epochs is not None:
        recipe = replace(recipe, epochs=request.epochs)
    if request.modality_dropout is not None:
        recipe = replace(recipe, modality_dropout=request.modality_dropout)
    return recipe


class _Bar:
    """A progress bar on standard error that `train` and `fine_tune` advance."""

    def __init__(self, epochs: int) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._progress = Progress(*columns, console=Console(stderr=True))
        self._task = self._progress.add_task("training", total=epochs)
        self.advance: EpochHook = self._advance

    def _advance(self, record: EpochRecord) -> None:
        mark = " best" if record.best else ""
        description = f"loss {record.loss:.3f} valid {record.score:.4f}{mark:5}"
        self._progress.update(self._task, completed=record.epoch, description=description)

    def __enter__(self) -> _Bar:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()
