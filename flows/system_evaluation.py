"""``mtmm-video evaluate --systems``: train what is missing, show progress, print the paper's tables."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from mtmm_video.model.evaluation import evaluate
from mtmm_video.model.paper.comparison import Comparison, EvaluatedRun, compare, evaluate_runs, group_intervals
from mtmm_video.model.paper.figures import plot_learning
from mtmm_video.model.paper.run_record import RunRecord
from mtmm_video.model.paper.runs import parse_systems, planned_runs
from mtmm_video.model.paper.system_tables import document, results_of
from mtmm_video.model.paper.systems import WORD_BY_WORD
from mtmm_video.model.paper.tables import of_the_paper, percent
from mtmm_video.model.recipes import recipe_named
from mtmm_video.model.table import UtteranceTable
from mtmm_video.pipeline.training.systems import Place, places, train_missing

SPEED_SECONDS = 3600.0  # over which the time left is estimated: a run takes minutes


@dataclass(frozen=True)
class SystemsRequest:
    """What the command line asks for; see `flows.commands.evaluate`."""

    data: Path
    systems: str
    results: Path
    split: str
    tables: tuple[int, ...]
    seeds: int
    jobs: int
    recipe: str
    epochs: int | None
    resamplings: int
    as_json: bool
    width: int | None


def evaluate_systems(request: SystemsRequest) -> None:
    """Train the runs that are missing and print the tables of all."""
    table = UtteranceTable.load(request.data)
    part = table.split(request.split)
    runs = planned_runs(
        table,
        systems=parse_systems(request.systems),
        tables=request.tables,
        seeds=request.seeds,
        recipe=recipe_named(request.recipe),
        epochs=request.epochs,
    )
    wanted = places(runs, table, folder=request.results)
    records = train_shown(wanted, table, jobs=request.jobs)
    evaluated = evaluate_runs(records, part, split=request.split)
    comparisons = (
        compare(records, part, split=request.split, resamplings=request.resamplings) if request.resamplings else []
    )
    paper = of_the_paper(part)
    figure = request.results / f"figure_2-{request.split}.png"
    if 4 in request.tables:
        plot_learning(results_of(evaluated), figure, paper=paper)
    if request.as_json:
        report = systems_report(request, part, records, evaluated, comparisons)
        typer.echo(json.dumps(report, indent=1))
        return
    beside = "the paper's MOSEI test figures in brackets" if paper else "the paper has none for this corpus"
    typer.echo(
        f"{len(records)} runs on {request.split}: {len(part):,} utterances of {len(part.video_ids):,} videos. In per "
        f"cent, means over seeds; {beside}.\n"
    )
    if note := reading_note(table, [run.system for run in runs]):
        typer.echo(f"{note}\n")
    typer.echo(document(evaluated, comparisons, tables=request.tables, paper=paper, width=request.width))
    if 4 in request.tables:
        typer.echo(f"\nFigure 2: {figure}")


def reading_note(table: UtteranceTable, systems: Sequence[str]) -> str:
    """Say what the systems read whose originals read words; nothing where none of them ran."""
    means = [name for name in systems if f"{name}_words" in WORD_BY_WORD]
    words = [name for name in systems if name in WORD_BY_WORD]
    parts = [f"{', '.join(dict.fromkeys(means))}: utterance means along a video"] if means else []
    if words:
        assert table.words is not None
        columns = ", ".join(f"{name} {len(block.names)}" for name, block in table.words.modalities.items())
        parts.append(f"{', '.join(dict.fromkeys(words))}: the words of each utterance ({columns})")
    elif means:
        parts.append("the table keeps no words, which the originals read")
    return f"Read by {'; '.join(parts)}." if parts else ""


def train_shown(wanted: Sequence[Place], table: UtteranceTable, *, jobs: int) -> list[RunRecord]:
    """Train the missing runs with a bar and the time left, and a line per finished run, on standard error."""
    console = Console(stderr=True)
    done = [place for place in wanted if place.path.is_file()]
    valid = table.split("valid")
    if wanted:
        folder = wanted[0].path.parent
        others = set(folder.glob("*-seed*-????????????.safetensors")) - {place.path for place in wanted}
        left = f"; {len(others)} other runs in {folder} are left alone" if others else ""
        console.print(f"{len(done)} of {len(wanted)} runs are finished{left}", highlight=False, markup=False)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[count]} of {task.fields[of]} runs"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, speed_estimate_period=SPEED_SECONDS, transient=True) as bar:
        total = sum(place.length for place in wanted if not place.path.is_file())
        task = bar.add_task("training", total=total, count=len(done), of=len(wanted))
        finished = len(done)

        def advance(place: Place, record: RunRecord) -> None:
            nonlocal finished
            finished += 1
            bar.update(task, advance=place.length, count=finished)
            found = evaluate(record.scores["valid"], valid, thresholds=record.thresholds)
            shown = [
                f"{name} {percent(found[name][key])}"
                for name, key in (("sentiment", "accuracy"), ("emotion", "weighted_accuracy"))
                if found[name]
            ]
            console.print(f"{place.run}: valid {', '.join(shown)} ({record.cpu_seconds:.0f} s)", highlight=False)

        return train_missing(wanted, table, jobs=jobs, hook=advance)


def systems_report(
    request: SystemsRequest,
    part: UtteranceTable,
    records: Sequence[RunRecord],
    evaluated: Sequence[EvaluatedRun],
    comparisons: Sequence[Comparison],
) -> dict[str, Any]:
    """Return what ``--json`` prints: every run, the means and deviations, and the comparisons."""
    spans = (
        group_intervals(records, part, split=request.split, resamplings=request.resamplings)
        if request.resamplings
        else {}
    )
    return {
        "data": str(request.data),
        "corpora": sorted(set(part.corpora)),
        "split": request.split,
        "videos": len(part.video_ids),
        "utterances": len(part),
        "words": part.words is not None,
        "systems": [
            {**asdict(result), "intervals_95": spans.get((result.system, result.modalities), {})}
            for result in results_of(evaluated)
        ],
        "runs": [asdict(run) for run in evaluated],
        "comparisons": [asdict(comparison) for comparison in comparisons],
    }
