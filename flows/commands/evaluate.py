"""``mtmm-video evaluate``: the paper's figures for a checkpoint, or for every system of the paper."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

# What is slow to import is imported in the functions: `mtmm-video --help` answers within a second.
# ruff: noqa: PLC0415

EVERY = "Every system of the paper"
DEFAULT_SEEDS = 5
MOST_DEFAULT_JOBS = 8  # each takes about half a gigabyte


def register(app: typer.Typer) -> None:
    """Add the ``evaluate`` command to the command line."""
    app.command("evaluate")(evaluate)


def evaluate(
    *,
    data: Annotated[Path, typer.Option("--data", help="Table from `mtmm-video mosei prepare`.")],
    model: Annotated[
        str | None, typer.Option("--model", help="paper, plus, or the path of a checkpoint; plus by default.")
    ] = None,
    split: Annotated[str, typer.Option("--split", help="valid, or test: once per finished configuration.")] = "valid",
    table: Annotated[int | None, typer.Option("--table", help="4 or 7; both by default.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
    bootstrap: Annotated[
        int, typer.Option("--bootstrap", min=0, help="Resamplings of the videos for intervals and tests; 0 for none.")
    ] = 1000,
    systems: Annotated[
        str | None,
        typer.Option(
            "--systems",
            help="Instead of --model: train and evaluate all, or a list such as cim,cim_single,bc_lstm.",
            rich_help_panel=EVERY,
        ),
    ] = None,
    results: Annotated[
        Path | None,
        typer.Option("--results", help="Folder for finished runs, networks and Figure 2.", rich_help_panel=EVERY),
    ] = None,
    seeds: Annotated[
        int | None, typer.Option("--seeds", min=1, help="Runs per system; 5 by default.", rich_help_panel=EVERY)
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs",
            min=1,
            help="Runs at a time, one thread each; one per core by default, at most 8.",
            rich_help_panel=EVERY,
        ),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option("--recipe", help="Of cim: paper (by default) or table-5.", rich_help_panel=EVERY),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option("--epochs", min=1, help="Instead of the recipes', for a quick try.", rich_help_panel=EVERY),
    ] = None,
) -> None:
    """Show the figures of a checkpoint in the paper's layout, the paper's numbers in brackets.

    Text columns that the table does not have are computed from its transcripts.

    With ``--systems all --results DIR`` every system of Tables 4 and 7 is trained on the table, with every set of its
    modalities, and the tables are printed from them with standard deviations over seeds and paired tests; Figure 2 lies
    in DIR. What is finished stays in DIR, so the same command goes on where it was stopped. Epochs, calibration and
    thresholds are chosen on the valid split whatever ``--split`` is.
    """
    from mtmm_video.foundation.errors import InputError
    from mtmm_video.model.table import SPLITS

    if split not in SPLITS:
        raise InputError(f"--split: {split!r} unknown; choose one of {', '.join(SPLITS)}")
    if table not in (None, 4, 7):
        raise InputError(f"--table: {table} is not one that can be made; choose 4 or 7")
    tables = (4, 7) if table is None else (table,)
    if systems is None:
        given = {"--results": results, "--seeds": seeds, "--jobs": jobs, "--recipe": recipe, "--epochs": epochs}
        stray = [name for name, value in given.items() if value is not None]
        if stray:
            raise InputError(f"{', '.join(stray)}: only together with --systems")
        _evaluate_checkpoint(
            data, model=model or "plus", split=split, tables=tables, as_json=as_json, resamplings=bootstrap
        )
        return
    if model is not None:
        raise InputError("--model and --systems: give one of them; --systems trains its own networks")
    if results is None:
        raise InputError("--systems: needs --results DIR, the folder that keeps finished runs")

    import os

    from mtmm_video.flows.system_evaluation import SystemsRequest, evaluate_systems

    evaluate_systems(
        SystemsRequest(
            data=data,
            systems=systems,
            results=results,
            split=split,
            tables=tables,
            seeds=seeds or DEFAULT_SEEDS,
            jobs=jobs or min(os.cpu_count() or 1, MOST_DEFAULT_JOBS),
            recipe=recipe or "paper",
            epochs=epochs,
            resamplings=bootstrap,
            as_json=as_json,
            width=_width(),
        )
    )


def _width() -> int | None:
    """Return the columns of the terminal; None where the output is none and nothing needs to fit."""
    import shutil
    import sys

    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _evaluate_checkpoint(
    data: Path, *, model: str, split: str, tables: tuple[int, ...], as_json: bool, resamplings: int
) -> None:
    import json

    from mtmm_video.foundation.files import sha256_of
    from mtmm_video.model.checkpoint import load_checkpoint
    from mtmm_video.model.checkpoint_file import resolve_checkpoint
    from mtmm_video.model.evaluation import evaluate as evaluate_scores
    from mtmm_video.model.evaluation import score_table
    from mtmm_video.model.paper.bootstrap import FEWEST_VIDEOS, intervals
    from mtmm_video.model.paper.tables import PROTOCOL, Result, of_the_paper, percent, summary, table_4, table_7
    from mtmm_video.model.table import UtteranceTable
    from mtmm_video.pipeline.quality import absent_columns
    from mtmm_video.pipeline.training.table_columns import fit_table

    path = resolve_checkpoint(model)
    checkpoint = load_checkpoint(path)
    specification = checkpoint.specification
    part = fit_table(UtteranceTable.load(data).split(split), specification)
    scores = score_table(checkpoint, part)
    found = evaluate_scores(scores, part, thresholds=specification.thresholds)
    spans = intervals([(scores, specification.thresholds)], part, resamplings=resamplings) if resamplings else {}
    used = tuple(name for name in specification.columns if name in part.modalities)
    absent: list[str] = []
    for modality in used:
        have, taken = part.modalities[modality], specification.columns[modality].names
        places = [have.names.index(name) for name in taken]
        absent += absent_columns(taken, have.valid[:, places])
    if as_json:
        report = {
            "model": {"name": specification.name, "path": str(path), "sha256": sha256_of(path)},
            "data": str(data),
            "split": split,
            "modalities": list(used),
            "not_measured": absent,
            **found,
            "intervals_95": spans,
        }
        typer.echo(json.dumps(report, indent=1))
        return
    paper = of_the_paper(part)
    single = len(specification.shape.tasks) == 1
    result = Result(system="cim_single" if single else "cim", modalities=used, evaluation=found)
    beside = "the paper's MOSEI test figures in brackets" if paper else "the paper has none for this corpus"
    typer.echo(
        f"{path.name} on {split}: {found['utterances']:,} utterances of {found['videos']:,} videos, modalities "
        f"{', '.join(used)}. In per cent; {beside}.\n"
    )
    if absent:
        typer.echo(f"Columns the checkpoint takes and the table lacks: {', '.join(absent)}.\n")
    if paper:
        typer.echo(f"{PROTOCOL}\n")
    if 4 in tables:
        typer.echo(f"Table 4\n\n{table_4([result], paper=paper)}\n")
    if 7 in tables:
        typer.echo(f"Table 7\n\n{table_7([result], paper=paper, width=_width())}\n")
    typer.echo(summary(found))
    for name, (low, high) in spans.items():
        typer.echo(f"{name}: 95 % of resampled sets of videos between {percent(low)} and {percent(high)}")
    if resamplings and not spans:
        typer.echo(f"No intervals: there are fewer than {FEWEST_VIDEOS} videos, or no labels.")
