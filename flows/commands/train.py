"""``mtmm-video train``: a checkpoint from a table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the ``train`` command to the command line."""
    app.command("train")(train)


def train(
    *,
    data: Annotated[Path, typer.Option("--data", help="Table from `mtmm-video mosei prepare`.")],
    out: Annotated[Path, typer.Option("--out", help="The checkpoint to write, NAME.safetensors.")],
    model: Annotated[str, typer.Option("--model", help="Training recipe: paper, table-5.")] = "paper",
    modalities: Annotated[
        str | None, typer.Option("--modalities", help="Of text,acoustic,visual; all that the table has by default.")
    ] = None,
    tasks: Annotated[
        str | None,
        typer.Option(
            "--tasks",
            help="Of sentiment,emotion,sentiment_intensity,emotion_intensity, not the recipe's; one is single-task.",
        ),
    ] = None,
    epochs: Annotated[int | None, typer.Option("--epochs", min=1, help="Instead of the recipe's.")] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed gives the same checkpoint.")] = 1,
    modality_dropout: Annotated[
        float | None, typer.Option("--modality-dropout", min=0, max=0.9, help="Instead of the recipe's.")
    ] = None,
    half: Annotated[bool, typer.Option("--half", help="Store the weights as float16.")] = False,
) -> None:
    """Train on the train split and choose epoch, calibration and thresholds on the valid split.

    A run that was stopped goes on from its last finished epoch when the same command is given again. The GPU is used
    where there is one.
    """
    from dataclasses import replace  # noqa: PLC0415 - `mtmm-video --help` answers within a second
    from typing import cast  # noqa: PLC0415

    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    from mtmm_video.foundation.errors import InputError  # noqa: PLC0415
    from mtmm_video.foundation.files import sha256_of  # noqa: PLC0415
    from mtmm_video.model.checkpoint import save_checkpoint  # noqa: PLC0415
    from mtmm_video.model.cim import Task  # noqa: PLC0415
    from mtmm_video.model.features import MODALITIES  # noqa: PLC0415
    from mtmm_video.model.recipes import recipe_named  # noqa: PLC0415
    from mtmm_video.model.table import UtteranceTable  # noqa: PLC0415
    from mtmm_video.model.training import EpochRecord  # noqa: PLC0415
    from mtmm_video.model.training import train as train_network  # noqa: PLC0415

    table = UtteranceTable.load(data)
    wanted = tuple(table.modalities) if modalities is None else tuple(modalities.split(","))
    unknown = [name for name in wanted if name not in MODALITIES]
    if unknown:
        raise InputError(f"--modalities: {', '.join(unknown)} unknown; choose from {', '.join(MODALITIES)}")
    recipe = replace(
        recipe_named(model),
        modalities=tuple(name for name in MODALITIES if name in wanted),
        seed=seed,
    )
    recipe = replace(recipe, tasks=cast("tuple[Task, ...]", tuple(tasks.split(",")))) if tasks is not None else recipe
    recipe = replace(recipe, epochs=epochs) if epochs is not None else recipe
    recipe = replace(recipe, modality_dropout=modality_dropout) if modality_dropout is not None else recipe
    state = out.with_name(f"{out.stem}.training-state.safetensors")
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("training", total=recipe.epochs)

        def advance(record: EpochRecord) -> None:
            mark = " best" if record.best else ""
            bar.update(
                task, completed=record.epoch, description=f"loss {record.loss:.3f} valid {record.score:.4f}{mark:5}"
            )

        checkpoint = train_network(
            table, recipe=recipe, state_path=state, hook=advance, provenance={"data_sha256": sha256_of(data)}
        )
    save_checkpoint(out, network=checkpoint.network, specification=checkpoint.specification, half=half)
    state.unlink(missing_ok=True)
    provenance = checkpoint.specification.provenance
    Console().print(
        f"{out}: epoch {provenance['epoch']} of {recipe.epochs}, valid score {provenance['valid_score']:.4f}",
        highlight=False,
    )
