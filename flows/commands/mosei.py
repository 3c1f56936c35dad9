"""``mtmm-video mosei prepare``: the corpus as one compact table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

SHOWN = 5  # missing segments listed on the terminal; --missing writes them all


def register(app: typer.Typer) -> None:
    """Add the ``mosei`` commands to the command line."""
    commands = typer.Typer(no_args_is_help=True, help="Prepare CMU-MOSEI and CMU-MOSI for training and evaluation.")
    commands.callback()(lambda: None)  # keeps ``prepare`` a subcommand although it is the only one
    commands.command("prepare")(prepare)
    app.add_typer(commands, name="mosei")


def prepare(
    *,
    out: Annotated[Path, typer.Option("--out", help="The table to write, NAME.safetensors.")],
    csd: Annotated[
        Path | None, typer.Option("--csd", help="Folder of the CMU-MultimodalSDK's .csd files.", metavar="DIR")
    ] = None,
    labels_csv: Annotated[
        Path | None,
        typer.Option(
            "--labels-csv",
            help="Folder with {train,valid,test}.csv.gz (MOSEI) or utterances.csv.gz (MOSI).",
            metavar="DIR",
        ),
    ] = None,
    missing: Annotated[
        Path | None, typer.Option("--missing", help="Write the list of missing segments here, as JSON.")
    ] = None,
) -> None:
    """Average the corpus over words and utterances, apply the official folds, and write one table."""
    import json  # noqa: PLC0415 - `mtmm-video --help` answers within a second

    from rich.console import Console  # noqa: PLC0415

    from mtmm_video.extractors.text.glove import GloveVectors  # noqa: PLC0415
    from mtmm_video.foundation.errors import InputError  # noqa: PLC0415
    from mtmm_video.foundation.files import write_text  # noqa: PLC0415
    from mtmm_video.pipeline.corpora.mosei_csd import prepare_sequences  # noqa: PLC0415
    from mtmm_video.pipeline.corpora.mosei_labels import prepare_labels  # noqa: PLC0415
    from mtmm_video.pipeline.corpora.mosi import FILE, prepare_mosi  # noqa: PLC0415
    from mtmm_video.pipeline.corpora.paper_counts import render_tables  # noqa: PLC0415
    from mtmm_video.pipeline.weights import resolution  # noqa: PLC0415

    if (csd is None) == (labels_csv is None):
        raise InputError("mosei prepare: give either --csd DIR or --labels-csv DIR")
    console = Console()
    glove = GloveVectors.load(resolution.resolve("glove-6b-50d"))
    lost: dict[str, list[str]] = {}
    if csd is not None:
        table, gaps = prepare_sequences(csd, glove=glove)
        lost = {modality: list(segments) for modality, segments in gaps.segments.items()}
        lost["videos in no fold"] = list(gaps.no_fold)
        for reason in gaps.left_out:
            console.print(f"left out: {reason}", highlight=False, markup=False)
        for modality, count in gaps.not_finite.items():
            console.print(f"{modality}: {count:,} values were NaN or infinite and are marked as not measured")
    elif labels_csv is not None and (labels_csv / FILE).is_file():
        table = prepare_mosi(labels_csv / FILE, glove=glove)
    elif labels_csv is not None:
        table = prepare_labels(labels_csv, glove=glove)
    for modality, features in table.modalities.items():
        lost.setdefault(modality, [table.segments[row] for row in (~features.present).nonzero()[0]])
    table.save(out)
    if table.corpora[0] == "mosei":
        for rendered in render_tables(table):
            console.print(rendered)
    for what, entries in lost.items():
        if entries:
            names = ", ".join(entries[:SHOWN]) + (", ..." if len(entries) > SHOWN else "")
            console.print(f"missing, {what}: {len(entries):,} ({names})", highlight=False, markup=False)
    if missing is not None:
        write_text(missing, json.dumps(lost, indent=1))
    modalities = ", ".join(f"{name} {len(features.names)}" for name, features in table.modalities.items())
    console.print(f"{out}: {len(table):,} utterances of {len(table.video_ids):,} videos; {modalities}", highlight=False)
