"""``mtmm-video train``: the shipped models from the corpora, and a checkpoint from a table of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

if TYPE_CHECKING:
    from rich.console import Console

    from mtmm_video.pipeline.training.stages import StageGraph

DEFAULT = "table"
ADAPTING = "Starting from a trained model"
CORPORA_HELP = "Folder of the corpora: mosei, mosi, ravdess, faces."
OUT_HELP = "Folder of the outputs, kept between calls."
STAGE_HELP = "Only this stage and those it needs."
LIST_HELP = "List the stages, their outputs and which are out of date, and make nothing."

CorporaOption = Annotated[Path, typer.Option("--data", help=CORPORA_HELP, metavar="DIR")]
FolderOption = Annotated[Path, typer.Option("--out", help=OUT_HELP, metavar="DIR")]
StageOption = Annotated[str | None, typer.Option("--stage", help=STAGE_HELP, metavar="NAME")]
SeedsOption = Annotated[str, typer.Option("--seeds", help="Seeds of the checkpoints, separated by commas.")]
ListOption = Annotated[bool, typer.Option("--list", help=LIST_HELP)]


class DefaultTableGroup(TyperGroup):
    """A group whose command is `table` where none is named: ``train --data TABLE --out FILE``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the default command before options that belong to it."""
        if args and args[0].startswith("-") and args[0] not in ctx.help_option_names:
            args = [DEFAULT, *args]
        return super().parse_args(ctx, args)


def register(app: typer.Typer) -> None:
    """Add the ``train`` commands to the command line."""
    commands = typer.Typer(
        cls=DefaultTableGroup,
        no_args_is_help=True,
        help="Train the shipped models from the corpora, or a checkpoint on a table of yours (`table`, the default).",
    )
    commands.command("plus")(plus)
    commands.command("paper")(paper)
    commands.command("facet")(facet)
    commands.command(DEFAULT)(table)
    app.add_typer(commands, name="train")


def plus(
    *,
    data: CorporaOption,
    out: FolderOption,
    stage: StageOption = None,
    seeds: SeedsOption = "1,2,3,4,5",
    listing: ListOption = False,
) -> None:
    """Make plus.safetensors and sentence_delta.safetensors, the default model and its sentence encoder.

    The stages and their outputs are described in docs/plus.md. A stage is run again only where its code version, its
    settings, or the content of what it reads changed; an interrupted training resumes after its last finished epoch.
    """
    make("plus", data=data, out=out, stage=stage, seeds=seeds, listing=listing)


def paper(
    *,
    data: CorporaOption,
    out: FolderOption,
    stage: StageOption = None,
    seeds: SeedsOption = "1,2,3,4,5",
    listing: ListOption = False,
) -> None:
    """Make paper.safetensors, the network of the paper on MOSEI's transcripts, and its model card."""
    make("paper", data=data, out=out, stage=stage, seeds=seeds, listing=listing)


def facet(*, data: CorporaOption, out: FolderOption, stage: StageOption = None, listing: ListOption = False) -> None:
    """Make action_units.safetensors and expressions.safetensors, the maps from faces to FACET's columns."""
    make("facet", data=data, out=out, stage=stage, seeds=None, listing=listing)


def parse_seeds(text: str) -> tuple[int, ...]:
    """Return the seeds in a list separated by commas.

    Raises
    ------
    InputError
        If one is not a whole number from 0, or none is given.
    """
    from mtmm_video.foundation.errors import InputError  # noqa: PLC0415

    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() for part in parts):
        raise InputError(f"--seeds {text}: give whole numbers from 0, separated by commas, for instance 1,2,3")
    return tuple(dict.fromkeys(int(part) for part in parts))


def make(model: str, *, data: Path, out: Path, stage: str | None, seeds: str | None, listing: bool) -> None:
    """Run the stages of a model that are out of date, with a progress bar each."""
    from rich.console import Console  # noqa: PLC0415 - `mtmm-video --help` answers within a second
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    from mtmm_video.pipeline.training.models import stages_of  # noqa: PLC0415
    from mtmm_video.pipeline.training.stages import StageGraph  # noqa: PLC0415

    stages = stages_of(model, data=data, seeds=None if seeds is None else parse_seeds(seeds))
    graph = StageGraph(stages, folder=out)
    console = Console()
    if listing:
        list_stages(graph, stage, console=console)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[text]}"),
    )
    shown = Console(stderr=True)
    wanted = graph.upto(stage)
    for number, one in enumerate(wanted, start=1):
        title = f"{number}/{len(wanted)} {one.name}"
        with Progress(*columns, console=shown, transient=True, disable=not shown.is_terminal) as bar:
            task = bar.add_task(title, total=None, text="")

            def advance(done: int, total: int, text: str) -> None:
                bar.update(task, completed=done, total=total, text=text)  # noqa: B023 - called within the iteration

            made = graph.run(one.name, progress=advance)
        state = "made" if made else "is current"
        console.print(f"{title}: {graph.output(one.name)} {state}", highlight=False, markup=False)


def list_stages(graph: StageGraph, stage: str | None, *, console: Console) -> None:
    """Print the stages, what each needs, and whether its output is current."""
    from rich.table import Table  # noqa: PLC0415

    outdated = {one.name for one in graph.outdated(stage)}
    listed = Table("stage", "output", "needs", "")
    for one in graph.upto(stage):
        listed.add_row(one.name, one.output, ", ".join(one.needs), "to be made" if one.name in outdated else "current")
    console.print(listed)


def table(
    *,
    data: Annotated[Path, typer.Option("--data", help="Table from `mtmm-video corpus prepare` or `mosei prepare`.")],
    out: Annotated[Path, typer.Option("--out", help="The checkpoint to write, NAME.safetensors.")],
    model: Annotated[
        str | None,
        typer.Option("--recipe", "--model", help="Training recipe: paper (by default), table-5, mtmm-es."),
    ] = None,
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
    base: Annotated[
        str | None,
        typer.Option("--from", help="Train this on: plus, paper, or a checkpoint.", rich_help_panel=ADAPTING),
    ] = None,
    calibrate_only: Annotated[
        bool,
        typer.Option(
            "--calibrate-only",
            help="Leave the network of --from (plus by default) and fit calibration and thresholds on all but test.",
            rich_help_panel=ADAPTING,
        ),
    ] = False,
    teacher: Annotated[
        str | None,
        typer.Option(
            "--teacher",
            help="What this knows from the words labels the utterances that nobody did: plus, paper, or a checkpoint.",
            rich_help_panel=ADAPTING,
        ),
    ] = None,
) -> None:
    """Train a checkpoint on a table; epoch, calibration and thresholds are chosen on its valid split.

    An interrupted training resumes after its last finished epoch when the same command is given again, unless the table
    or the recipe changed. The GPU is used where there is one. A model card lies beside a checkpoint of several
    modalities: Table 4 on this corpus, and whether voice and face help.
    """
    import sys  # noqa: PLC0415 - `mtmm-video --help` answers within a second

    from rich.console import Console  # noqa: PLC0415

    from mtmm_video.flows.table_training import TableRequest, train_table  # noqa: PLC0415

    request = TableRequest(
        data=data,
        out=out,
        recipe=model,
        modalities=modalities,
        tasks=tasks,
        epochs=epochs,
        seed=seed,
        modality_dropout=modality_dropout,
        half=half,
        base=base,
        calibrate_only=calibrate_only,
        teacher=teacher,
    )
    Console().print(train_table(request, command=" ".join(["mtmm-video", *sys.argv[1:]])), highlight=False)
