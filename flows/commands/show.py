"""``mtmm-video show REPORT.json``: the table again, and the other formats, without analysing again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mtmm_video.flows.option_parameters import split_names

# What is slow to import is imported in the functions: `mtmm-video --help` answers within a second.
# ruff: noqa: PLC0415
if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from mtmm_video.pipeline.analysis import Analysis

TONE_WIDTH = 56  # characters beside the sparkline: its name and the shares of three classes

Reports = Annotated[list[Path], typer.Argument(metavar="REPORT...", help="NAME.json of analysed videos.")]
Rows = Annotated[int, typer.Option(min=1, help="Utterances to show per video.")]
Formats = Annotated[
    str,
    typer.Option(
        help="Also write these reports, separated by commas: "
        "csv, json, html, srt, vtt, eaf, textgrid, attention, parquet."
    ),
]
Out = Annotated[Path | None, typer.Option(help="Folder for them; by default beside the JSON.")]
Embed = Annotated[bool, typer.Option("--embed", help="Put the video inside the HTML report.")]
CsvRaw = Annotated[bool, typer.Option("--csv-raw", help="CSV texts as they are, also formulas.")]
CsvExcel = Annotated[bool, typer.Option("--csv-excel", help="CSV that Excel reads as UTF-8.")]
Plain = Annotated[bool, typer.Option("--plain", help="Subtitles without labels.")]
Video = Annotated[Path | None, typer.Option(help="The video, where it is no longer where it was.")]


def register(app: typer.Typer) -> None:
    """Add the ``show`` command to the command line."""
    app.command("show")(show)


def show(
    reports: Reports,
    *,
    rows: Rows = 40,
    formats: Formats = "",
    out: Out = None,
    video: Video = None,
    embed: Embed = False,
    plain: Plain = False,
    csv_raw: CsvRaw = False,
    csv_excel: CsvExcel = False,
) -> None:
    """Show the labels of analysed videos again, and write further reports from them.

    Everything comes from the JSON report: nothing is computed anew, and no weights are needed.
    """
    from rich.console import Console

    from mtmm_video.foundation.names import printable
    from mtmm_video.pipeline.reports.json_reader import read_report
    from mtmm_video.pipeline.reports.terminal import utterance_table
    from mtmm_video.pipeline.reports.writers import check_formats, write_reports

    wanted = split_names(formats.lower())
    check_formats(wanted)
    console = Console()
    for report in reports:
        analysis = read_report(report)
        console.print(utterance_table(analysis, rows=rows))
        if analysis.utterances:
            console.print(sentiment_line(analysis, console=console))
        if wanted:
            media = _find_video(analysis, report=report, video=video, needed=embed)
            folder = out or report.parent
            written = write_reports(
                analysis,
                folder=folder,
                formats=wanted,
                video=media,
                embed=embed,
                plain=plain,
                csv_raw=csv_raw,
                csv_excel=csv_excel,
            )
            for path in written.values():
                console.print(printable(str(path)), highlight=False, soft_wrap=True, markup=False)


def sentiment_line(analysis: Analysis, *, console: Console) -> Text:
    """Return the sparkline of sentiment, green where it leans to positive and red where to negative, and the shares."""
    from rich.text import Text

    from mtmm_video.pipeline.reports.sparkline import sparkline
    from mtmm_video.pipeline.reports.summary import shares_text, summarise
    from mtmm_video.pipeline.reports.terminal import SENTIMENT_STYLES

    classes = [entry.prediction.sentiment_probabilities for entry in analysis.utterances]
    leans = [(1 + shares["positive"] - shares["negative"]) / 2 for shares in classes]
    line = Text("sentiment ")
    if not console.options.ascii_only:  # which is what rich calls terminals of cp1252 and latin-1, too
        for block, value in sparkline(leans, width=max(console.width - TONE_WIDTH, 10)):
            line.append(block, style=SENTIMENT_STYLES["positive" if value >= 0.5 else "negative"])
        line.append(" ")
    line.append(shares_text(summarise(analysis).shares) or "every utterance is uncertain")
    return line


def _find_video(analysis: Analysis, *, report: Path, video: Path | None, needed: bool) -> Path | None:
    """Return the video that the reports shall link: the one given, or the analysed one if it is still there."""
    from mtmm_video.foundation.errors import InputError

    if video is not None:
        if not video.is_file():
            raise InputError(f"--video {video}: no such file")
        return video
    recorded = Path(analysis.source.path)
    places = (recorded, report.parent / recorded, report.parent / recorded.name)
    found = next((place for place in places if place.is_file()), None)
    if found is None and needed:
        raise InputError(f"{recorded}: the video is no longer there to embed; name it with --video")
    return found
