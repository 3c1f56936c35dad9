"""``mtmm-video evaluate``: every figure of the paper for a checkpoint, on a split of a table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the ``evaluate`` command to the command line."""
    app.command("evaluate")(evaluate)


def evaluate(
    *,
    data: Annotated[Path, typer.Option("--data", help="Table from `mtmm-video mosei prepare`.")],
    model: Annotated[str, typer.Option("--model", help="paper, plus, or the path of a checkpoint.")] = "plus",
    split: Annotated[str, typer.Option("--split", help="valid, or test: once per finished configuration.")] = "valid",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
    bootstrap: Annotated[
        int, typer.Option("--bootstrap", min=0, help="Resamplings of the videos for 95 % intervals; 0 for none.")
    ] = 1000,
) -> None:
    """Evaluate a checkpoint and show its figures in the paper's layout, the paper's numbers in brackets.

    Text columns that the table does not have are computed from its transcripts.
    """
    import json  # noqa: PLC0415 - `mtmm-video --help` answers within a second

    from foundation.errors import InputError  # noqa: PLC0415
    from foundation.files import sha256_of  # noqa: PLC0415
    from model.bootstrap import intervals  # noqa: PLC0415
    from model.checkpoint import load_checkpoint, resolve_checkpoint  # noqa: PLC0415
    from model.evaluation import evaluate as evaluate_scores  # noqa: PLC0415
    from model.evaluation import score_table  # noqa: PLC0415
    from model.paper_tables import Result, percent, summary, table_4, table_7  # noqa: PLC0415
    from model.table import SPLITS, UtteranceTable  # noqa: PLC0415
    from pipeline.evaluation_data import fit_text  # noqa: PLC0415

    if split not in SPLITS:
        raise InputError(f"--split: {split!r} unknown; choose one of {', '.join(SPLITS)}")
    path = resolve_checkpoint(model)
    checkpoint = load_checkpoint(path)
    specification = checkpoint.specification
    table = fit_text(UtteranceTable.load(data).split(split), specification)
    scores = score_table(checkpoint, table)
    found = evaluate_scores(scores, table, thresholds=specification.thresholds)
    spans = intervals(scores, table, thresholds=specification.thresholds, resamplings=bootstrap) if bootstrap else {}
    used = tuple(name for name in specification.columns if name in table.modalities)
    if as_json:
        report = {
            "model": {"name": specification.name, "path": str(path), "sha256": sha256_of(path)},
            "data": str(data),
            "split": split,
            "modalities": list(used),
            **found,
            "intervals_95": spans,
        }
        typer.echo(json.dumps(report, indent=1))
        return
    single = len(specification.shape.tasks) == 1
    result = Result(system="cim_single" if single else "cim", modalities=used, evaluation=found)
    typer.echo(
        f"{path.name} on {split}: {found['utterances']:,} utterances of {found['videos']:,} videos, "
        f"modalities {', '.join(used)}. In per cent; the paper's test figures in brackets.\n"
    )
    typer.echo(f"Table 4\n\n{table_4([result])}\n\nTable 7\n\n{table_7([result])}\n\n{summary(found)}")
    for name, (low, high) in spans.items():
        typer.echo(f"{name}: 95 % of resampled sets of videos between {percent(low)} and {percent(high)}")
