"""``mtmm-video corpus prepare``: somebody's own labelled recordings as a table to train on."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mtmm_video.flows.commands.batch import Jobs, Memory
from mtmm_video.flows.option_parameters import with_options
from mtmm_video.flows.sizes import parse_size
from mtmm_video.pipeline.options import AnalyzeOptions

# What is slow to import is imported in the functions: `mtmm-video --help` answers within a second.
# ruff: noqa: PLC0415
if TYPE_CHECKING:
    from collections.abc import Sequence

    from mtmm_video.flows.corpus_pass import CorpusPass
    from mtmm_video.flows.outcome import Outcome
    from mtmm_video.pipeline.corpora.labelled_table import MeasuredSegment
    from mtmm_video.pipeline.corpora.layouts import ReadingOptions
    from mtmm_video.pipeline.corpora.measuring import MeasuredFile
    from mtmm_video.pipeline.corpora.segment import LabelledSegment, Problem

SHOWN = 10  # reasons for what was left out on the terminal; the data card has more


def register(app: typer.Typer) -> None:
    """Add the ``corpus`` commands to the command line."""
    commands = typer.Typer(no_args_is_help=True, help="Prepare your own labelled recordings for training.")
    commands.callback()(lambda: None)  # keeps ``prepare`` a subcommand although it is the only one
    commands.command("prepare")(prepare)
    app.add_typer(commands, name="corpus")


@with_options(
    single=False, leave_out=("formats", "embed", "plain", "csv_raw", "csv_excel", "speakers", "speaker_names")
)
def prepare(
    source: Annotated[Path, typer.Argument(readable=False, help="Label file, ELAN document, or folder of a corpus.")],
    *,
    out: Annotated[Path, typer.Option("--out", readable=False, help="The table to write, NAME.safetensors.")],
    layout: Annotated[
        str, typer.Option("--layout", help="auto, csv, mmsa, meld, ravdess, crema-d, eaf, corrected.")
    ] = "auto",
    tier: Annotated[
        list[str] | None,
        typer.Option("--tier", help="ELAN tier, as text=NAME, sentiment=NAME, emotion=NAME or fear=NAME."),
    ] = None,
    emotions: Annotated[
        Path | None,
        typer.Option("--emotions", readable=False, help="Mapping of emotion names, rows such as `joy,happy`."),
    ] = None,
    sentiment_range: Annotated[
        str | None, typer.Option("--sentiment-range", help="Of the numbers, such as -1,1; -3,3 by default.")
    ] = None,
    emotion_range: Annotated[
        str | None, typer.Option("--emotion-range", help="Of the intensities, such as 0,1; 0,3 by default.")
    ] = None,
    videos: Annotated[
        Path | None,
        typer.Option("--videos", readable=False, help="Folder of the videos of corrected reports; beside them if not."),
    ] = None,
    split_by: Annotated[
        str, typer.Option("--split-by", help="Where the corpus has no splits: speaker, or video.")
    ] = "speaker",
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the splits that are made.")] = 1,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave rows and files out that cannot be used, and list them.")
    ] = False,
    jobs: Jobs = None,
    memory: Memory = None,
    options: AnalyzeOptions,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show what Prefect logs.")] = False,
) -> None:
    """Measure a labelled corpus: the table that `train`, `evaluate` and `explain` take, with a data card beside it.

    The features are those of `analyze --model`, measured in the annotators' utterances. Words are recognised where the
    corpus gives none. A run that was stopped goes on where it was; a file that cannot be read stops no other.
    """
    from dataclasses import replace

    from rich.console import Console

    from mtmm_video.foundation.errors import DataError, InputError
    from mtmm_video.foundation.files import write_text
    from mtmm_video.pipeline.corpora.data_card import Preparation, data_card
    from mtmm_video.pipeline.corpora.labelled_table import make_table, segments_by_file
    from mtmm_video.pipeline.corpora.layouts import describe, read_corpus
    from mtmm_video.pipeline.corpora.paper_counts import render_tables
    from mtmm_video.pipeline.corpora.splitting import BY, split_segments

    if split_by not in BY:
        raise InputError(f"--split-by {split_by!r}: choose one of {', '.join(BY)}")
    reading = _reading(layout, tier=tier, emotions=emotions, sentiment=sentiment_range, emotion=emotion_range)
    reading = replace(reading, videos=videos)
    corpus = read_corpus(source, reading, skip_bad=skip_bad)
    segments = split_segments(corpus.segments, seed=seed, by=split_by)
    made = "Splits are those of the corpus."
    if corpus.segments[0].split is None:
        made = f"Splits were made by {split_by}, seed {seed}."
    files = segments_by_file(segments)
    budget = None if memory is None else parse_size(memory) / 1e9
    work = _measure(files, corpus.name, options, jobs=jobs, memory_gb=budget, verbose=verbose)
    measured, failures = _assemble(files, work.outcomes, work.measured)
    if failures and not measured:
        raise DataError(f"{source}: no file could be measured: {describe(failures)}")
    table = make_table(measured, corpus=corpus.name)
    table.save(out)
    card = out.with_suffix(".md")
    write_text(card, data_card(table, measured, Preparation(corpus, made, tuple(failures))))
    console = Console()
    for rendered in render_tables(table):
        console.print(rendered)
    for problem in [*corpus.problems, *failures][:SHOWN]:
        console.print(f"left out: {problem}", highlight=False, markup=False)
    modalities = ", ".join(f"{name} {len(features.names)}" for name, features in table.modalities.items())
    console.print(
        f"{out}: {len(table):,} utterances of {len(table.video_ids):,} videos; {modalities}. {len(corpus.problems):,} "
        f"rows and {len(failures):,} utterances of unreadable files left out. Data card: {card}",
        highlight=False,
        markup=False,
    )
    if failures and not skip_bad:
        raise typer.Exit(1)


def _reading(
    layout: str, *, tier: list[str] | None, emotions: Path | None, sentiment: str | None, emotion: str | None
) -> ReadingOptions:
    from mtmm_video.pipeline.corpora.elan import parse_tiers
    from mtmm_video.pipeline.corpora.label_cells import Scale
    from mtmm_video.pipeline.corpora.layouts import ReadingOptions
    from mtmm_video.pipeline.corpora.taxonomy import Taxonomy

    return ReadingOptions(
        layout=layout,
        taxonomy=Taxonomy() if emotions is None else Taxonomy.read(emotions),
        sentiment_scale=None if sentiment is None else Scale.parse(sentiment, option="--sentiment-range"),
        emotion_scale=None if emotion is None else Scale.parse(emotion, option="--emotion-range"),
        tiers=parse_tiers(tier or []),
    )


def _measure(
    files: dict[Path, list[LabelledSegment]],
    corpus: str,
    options: AnalyzeOptions,
    *,
    jobs: int | None,
    memory_gb: float | None,
    verbose: bool,
) -> CorpusPass:
    from mtmm_video.flows.commands.batch import LiveView
    from mtmm_video.flows.corpus_pass import FileRequest, measure_corpus_here
    from mtmm_video.flows.folder_pass import WATCHER
    from mtmm_video.flows.native_log import without_native_log
    from mtmm_video.flows.prefect_api import has_own_server, start_api
    from mtmm_video.pipeline.corpora.labelled_table import segment_of

    requests = [FileRequest(file, tuple(segment_of(each) for each in own)) for file, own in files.items()]
    with ExitStack() as stack:
        if not verbose:
            stack.enter_context(without_native_log())
        if not verbose and not has_own_server():  # nobody would see a flow
            WATCHER.set(stack.enter_context(LiveView()))
            return measure_corpus_here(
                requests, options, jobs=jobs, memory=None if memory_gb is None else memory_gb * 1e9
            )
        enter = start_api(stack, verbose=verbose)
        from mtmm_video.flows.corpus_flow import REQUESTS, measure_corpus

        enter()
        WATCHER.set(stack.enter_context(LiveView()))
        REQUESTS.set((requests, options))
        return measure_corpus(corpus, jobs=jobs, memory_gb=memory_gb)


def _assemble(
    files: dict[Path, list[LabelledSegment]], outcomes: Sequence[Outcome], measured_files: dict[Path, MeasuredFile]
) -> tuple[list[MeasuredSegment], list[Problem]]:
    """Return the segments that were measured, and one problem for each that was not."""
    from mtmm_video.pipeline.corpora.labelled_table import MeasuredSegment
    from mtmm_video.pipeline.corpora.segment import Problem

    measured, failures = [], []
    for (file, segments), outcome in zip(files.items(), outcomes, strict=True):
        for row, segment in enumerate(segments):
            if file in measured_files:
                measured.append(MeasuredSegment(segment, measured_files[file], row))
            else:
                failures.append(Problem(segment.origin, outcome.reason))
    return measured, failures
