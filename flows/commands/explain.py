"""``mtmm-video explain``: the attention behind the labels of one video, as heat maps and lists."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


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
        str | None, typer.Option("--against", help="With --data: another checkpoint, to list where the two differ.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="Folder for NAME.attention.png.")] = Path(),
) -> None:
    """Draw the attention weights N1 and N2 of every pair of modalities, and list the utterances with their labels.

    Row i, column j of a heat map is the weight of utterance j for the label of utterance i (the paper's Figure 3). The
    lists follow its Tables 6 and 8.
    """
    from foundation.errors import InputError  # noqa: PLC0415 - `mtmm-video --help` answers within a second
    from model.checkpoint import load_checkpoint, resolve_checkpoint  # noqa: PLC0415
    from model.prediction import predict  # noqa: PLC0415
    from model.table import UtteranceTable  # noqa: PLC0415
    from pipeline.evaluation_data import fit_text  # noqa: PLC0415
    from pipeline.explanation import disagreement_list, utterance_list  # noqa: PLC0415
    from pipeline.plots import plot_attention  # noqa: PLC0415
    from pipeline.report_json import from_json  # noqa: PLC0415

    if (report is None) == (data is None):
        raise InputError("explain: give either a report of an analysed video, or --data TABLE --video ID")
    if report is not None:
        if not report.is_file():
            raise InputError(f"{report}: no such report; make one with `mtmm-video analyze`")
        analysis = from_json(report.read_text(encoding="utf-8"))
        name, prediction = analysis.source.name, analysis.prediction
        typer.echo(utterance_list([entry.utterance.text for entry in analysis.utterances], prediction, labels=None))
    elif data is not None:
        table = UtteranceTable.load(data)
        if video is None or video not in table.video_ids:
            known = ", ".join(table.video_ids[:3])
            raise InputError(f"explain --video: {video!r} is not in {data}; it has {known}, ...")
        one = table.videos([table.video_ids.index(video)])
        checkpoint = load_checkpoint(resolve_checkpoint(model))
        name, prediction = video, predict(checkpoint, fit_text(one, checkpoint.specification).video(0))
        typer.echo(utterance_list(one.texts, prediction, labels=one.labels))
        if against is not None:
            other = load_checkpoint(resolve_checkpoint(against))
            second = predict(other, fit_text(one, other.specification).video(0))
            names = (checkpoint.specification.name, other.specification.name)
            if names[0] == names[1]:
                names = (model, against)
            typer.echo("\n" + disagreement_list(one.texts, one.labels, prediction, second, names=names))
    path = out / f"{name}.attention.png"
    plot_attention(prediction, path)
    typer.echo(f"\n{path}")
