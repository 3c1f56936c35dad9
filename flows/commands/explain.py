"""``mtmm-video explain``: the attention behind the labels of a video as heat maps, and lists of examples."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

# What is slow to import is imported in the functions: `mtmm-video --help` answers within a second.
# ruff: noqa: PLC0415
if TYPE_CHECKING:
    from mtmm_video.model.prediction_types import VideoPrediction
    from mtmm_video.model.table import UtteranceTable

DEFAULT_SPLIT = "valid"
DEFAULT_ROWS = 9  # as many as the paper's Table 8


def register(app: typer.Typer) -> None:
    """Add the ``explain`` command to the command line."""
    app.command("explain")(explain)


def explain(
    *,
    report: Annotated[
        Path | None, typer.Argument(help="Report of an analysed video, NAME.json.", metavar="[REPORT]")
    ] = None,
    data: Annotated[Path | None, typer.Option("--data", help="Or: a table from `mtmm-video mosei prepare`.")] = None,
    video: Annotated[str | None, typer.Option("--video", help="Which of the table's videos.")] = None,
    model: Annotated[str, typer.Option("--model", help="With --data: paper, plus, or a path.")] = "plus",
    against: Annotated[
        list[str] | None,
        typer.Option(
            "--against",
            help="With --data: another checkpoint, to list where the two differ. Two single-task ones count as one.",
        ),
    ] = None,
    split: Annotated[
        str | None, typer.Option("--split", help="With --against, without --video: the whole split; valid by default.")
    ] = None,
    rows: Annotated[int, typer.Option("--rows", min=1, help="Examples of a split to list, of each type.")] = (
        DEFAULT_ROWS
    ),
    out: Annotated[Path, typer.Option("--out", help="Folder for NAME.attention.png.")] = Path(),
) -> None:
    """Draw the attention weights N1 and N2 of every pair of modalities, and list the utterances with their labels.

    Row i, column j of a heat map is the weight of utterance j for the label of utterance i (the paper's Figure 3). The
    list follows its Table 6. With ``--against`` a list like its Table 8 shows where two models differ: of one video, or
    without ``--video`` of a whole split, where either is closer to the annotations.
    """
    from mtmm_video.foundation.errors import InputError
    from mtmm_video.model.paper.examples import comparison_lists, example_list, examples_of, utterance_list
    from mtmm_video.model.paper.figures import plot_attention
    from mtmm_video.model.table import UtteranceTable
    from mtmm_video.pipeline.reports.json_reader import read_report

    if (report is None) == (data is None):
        raise InputError("explain: give either a report of an analysed video, or --data TABLE --video ID")
    if report is not None:
        stray = {"--video": video, "--against": against, "--split": split}
        if any(value is not None for value in stray.values()):
            raise InputError(f"explain: {', '.join(name for name, value in stray.items() if value)} go with --data")
        analysis = read_report(report)
        name, prediction = analysis.source.name, analysis.prediction
        typer.echo(utterance_list([entry.utterance.text for entry in analysis.utterances], prediction, labels=None))
    else:
        assert data is not None
        table = UtteranceTable.load(data)
        if video is None and against:
            part = table.split(split or DEFAULT_SPLIT)
            first, second, names, _ = _two_systems(part, model, against)
            typer.echo(comparison_lists(examples_of(part, first, second), names=names, rows=rows))
            return
        if split is not None:
            raise InputError("explain --split: goes with --against and without --video")
        if video is None or video not in table.video_ids:
            known = ", ".join(table.video_ids[:3])
            raise InputError(f"explain --video: {video!r} is not in {data}; it has {known}, ...")
        name, one = video, table.videos([table.video_ids.index(video)])
        if against:
            (prediction,), second, names, tasks = _two_systems(one, model, against)
        else:
            (prediction,), _, tasks = _predictions(one, model)
        typer.echo(utterance_list(one.texts, prediction, labels=one.labels, tasks=tasks))
        if against:
            differing = [example for example in examples_of(one, [prediction], second) if example.differs]
            title = f"Where {names[0]} and {names[1]} differ"
            typer.echo(f"\n{title}\n\n{example_list(differing, names=names)}" if differing else f"\n{title}: nowhere")
    path = out / f"{name}.attention.png"
    plot_attention(prediction, path)
    typer.echo(f"\n{path}")


def _predictions(part: UtteranceTable, model: str) -> tuple[list[VideoPrediction], str, tuple[str, ...]]:
    """Return what a checkpoint says about every video of a table, its name, and its tasks."""
    from mtmm_video.model.checkpoint import load_checkpoint
    from mtmm_video.model.checkpoint_file import resolve_checkpoint
    from mtmm_video.model.prediction import predict
    from mtmm_video.pipeline.training.systems import one_thread
    from mtmm_video.pipeline.training.table_columns import fit_table

    checkpoint = load_checkpoint(resolve_checkpoint(model))
    specification = checkpoint.specification
    fitted = fit_table(part, specification)
    with one_thread():  # a video is too small for more than one
        found = [predict(checkpoint, fitted.video(index)) for index in range(len(fitted.video_ids))]
    return found, specification.name, specification.shape.tasks


def _two_systems(
    part: UtteranceTable, model: str, against: list[str]
) -> tuple[list[VideoPrediction], list[VideoPrediction], tuple[str, str], tuple[str, ...]]:
    """Return the predictions of a checkpoint and of one or two others taken together, both names, and the tasks."""
    from mtmm_video.model.paper.examples import joined

    first, name, tasks = _predictions(part, model)
    others = [_predictions(part, other) for other in against]
    second = [joined([(entry[2], entry[0][index]) for entry in others]) for index in range(len(part.video_ids))]
    names = (name, others[0][1])
    if names[0] == names[1]:
        names = (Path(model).stem, "+".join(Path(other).stem for other in against))
    return [joined([(tasks, video)]) for video in first], second, names, tasks
