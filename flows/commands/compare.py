"""``mtmm-video compare``: reports beside people's annotations."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

# What is slow to import is imported in the functions: `mtmm-video --help` answers within a second.
# ruff: noqa: PLC0415
if TYPE_CHECKING:
    from collections.abc import Sequence

    from mtmm_video.pipeline.analysis import Analysis
    from mtmm_video.pipeline.comparison.alignment import Alignment
    from mtmm_video.pipeline.comparison.figures import Agreement


def register(app: typer.Typer) -> None:
    """Add the ``compare`` command to the command line."""
    app.command("compare")(compare)


def compare(
    reports: Annotated[
        list[Path], typer.Argument(metavar="REPORT.json...", readable=False, help="Reports, or folders of them.")
    ],
    *,
    annotations: Annotated[
        Path,
        typer.Option("--annotations", readable=False, help="CSV, ELAN or corrected JSON file, or a folder of them."),
    ],
    tier: Annotated[
        list[str] | None, typer.Option("--tier", help="ELAN tier, as sentiment=NAME, emotion=NAME or fear=NAME.")
    ] = None,
    emotions: Annotated[
        Path | None, typer.Option("--emotions", readable=False, help="Mapping of emotion names, rows `joy,happy`.")
    ] = None,
    sentiment_range: Annotated[
        str | None, typer.Option("--sentiment-range", help="Of the numbers, such as -1,1; -3,3 by default.")
    ] = None,
    emotion_range: Annotated[
        str | None, typer.Option("--emotion-range", help="Of the intensities, such as 0,1; 0,3 by default.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", readable=False, help="Page to write, NAME.html, and NAME.json beside it.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
    bootstrap: Annotated[
        int, typer.Option("--bootstrap", min=0, help="Resamplings of the videos for intervals; 0 for none.")
    ] = 1000,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave annotations out that cannot be read, and count them.")
    ] = False,
) -> None:
    """Compare the labels of reports with people's: agreement, confusions, and where they differ.

    An annotation counts for the utterance that it overlaps longest, if the two share at least half of the shorter.
    Several annotators are taken together by majority; their agreement with each other is the ceiling.
    """
    import json

    from mtmm_video.foundation.errors import DataError
    from mtmm_video.foundation.files import write_text
    from mtmm_video.pipeline.comparison.alignment import align
    from mtmm_video.pipeline.comparison.annotations import read_annotations
    from mtmm_video.pipeline.comparison.figures import agreement, questions, to_content
    from mtmm_video.pipeline.comparison.page import comparison_page
    from mtmm_video.pipeline.corpora.elan import parse_tiers
    from mtmm_video.pipeline.corpora.label_cells import Scale
    from mtmm_video.pipeline.corpora.layouts import describe
    from mtmm_video.pipeline.corpora.taxonomy import Taxonomy

    analyses = load_reports(reports)
    found, problems = read_annotations(
        annotations,
        taxonomy=Taxonomy() if emotions is None else Taxonomy.read(emotions),
        tiers=parse_tiers(tier or []),
        sentiment_scale=None if sentiment_range is None else Scale.parse(sentiment_range, option="--sentiment-range"),
        emotion_scale=None if emotion_range is None else Scale.parse(emotion_range, option="--emotion-range"),
    )
    if problems and not skip_bad:
        raise DataError(f"{annotations}: {describe(problems)}; correct them, or leave them out with --skip-bad")
    alignment = align([analysis for _, analysis in analyses], found)
    videos = [unit.video for unit in alignment.units]
    results = [agreement(question, videos=videos, resamplings=bootstrap) for question in questions(alignment)]
    content = to_content(results, alignment) | {"skipped": [str(problem) for problem in problems]}
    if out is not None:
        pages = _pages(analyses, beside=out.parent)
        write_text(out, comparison_page(results, alignment, pages=pages))
        write_text(out.with_suffix(".json"), json.dumps(content, indent=1))
    if as_json:
        typer.echo(json.dumps(content, indent=1))
        return
    _show(results, alignment, skipped=len(problems))
    if out is not None:
        typer.echo(f"{out}, {out.with_suffix('.json')}")


def load_reports(paths: Sequence[Path]) -> list[tuple[Path, Analysis]]:
    """Read reports; of a folder all that lie in it.

    Raises
    ------
    InputError
        If there is none, or one is damaged.
    """
    from mtmm_video.foundation.errors import InputError
    from mtmm_video.pipeline.reports.json_reader import from_json

    found: list[tuple[Path, Analysis]] = []
    for path in paths:
        files = sorted(path.rglob("*.json")) if path.is_dir() else [path]
        for file in files:
            try:
                found.append((file, from_json(file.read_text(encoding="utf-8"))))
            except (OSError, UnicodeDecodeError) as error:
                raise InputError(f"{file}: cannot be read as a report ({error})") from error
            except InputError as error:
                if not path.is_dir():
                    raise InputError(f"{file}: {error}") from error
    if not found:
        raise InputError(f"{', '.join(map(str, paths))}: holds no report; make one with `mtmm-video analyze`")
    return found


def _pages(analyses: Sequence[tuple[Path, Analysis]], *, beside: Path) -> dict[str, str]:
    """Return the page of each report that has one, as seen from a folder."""
    import os

    return {
        analysis.source.name: Path(os.path.relpath(path.with_suffix(".html"), beside)).as_posix()
        for path, analysis in analyses
        if path.with_suffix(".html").is_file()
    }


def _show(results: Sequence[Agreement], alignment: Alignment, *, skipped: int) -> None:
    from mtmm_video.model.paper.tables import markdown
    from mtmm_video.pipeline.comparison.page import HEADINGS, notes_of, shown

    rows = []
    for each in results:
        rows.append([each.question.name, str(each.answered), *(shown(each.figures.get(name)) for name in HEADINGS)])
        if each.intervals:
            spans = [each.intervals.get(name) for name in HEADINGS]
            rows.append(["", "", *("" if span is None else f"{span[0]:.2f}..{span[1]:.2f}" for span in spans)])
        if each.among_people:
            rows.append(["  among people", "", *(shown(each.among_people.get(name)) for name in HEADINGS)])
    videos = len({unit.video for unit in alignment.units})
    typer.echo(
        f"{len(alignment.units)} utterances of {videos} videos, labelled by {', '.join(alignment.annotators)}.\n"
    )
    typer.echo(markdown(["question", "n", *HEADINGS.values()], rows))
    for each in results:
        if each.question.ordered:
            header = ["people \\ model", *each.question.categories]
            cells = [
                [name, *(str(int(count)) for count in row)]
                for name, row in zip(each.question.categories, each.confusion, strict=True)
            ]
            typer.echo(f"\n{each.question.name}\n\n{markdown(header, cells)}")
    notes = notes_of(alignment) + ([f"{skipped} annotations could not be read and were left out."] if skipped else [])
    typer.echo("\n" + "\n".join(notes) if notes else "")
