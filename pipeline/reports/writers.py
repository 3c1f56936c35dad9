"""The report formats by name, and writing them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mtmm_video.foundation.errors import InputError
from mtmm_video.foundation.files import write_bytes, write_text
from mtmm_video.pipeline.analysis import Analysis
from mtmm_video.pipeline.options import DEFAULT_FORMATS


@dataclass(frozen=True)
class ReportOptions:
    """How reports are written.

    Attributes
    ----------
    video : str or None
        Path of the media file relative to the report, with forward slashes; None where there is none to link.
    embed : Path or None
        Media file to put inside the HTML report.
    plain : bool
        Subtitles without labels.
    """

    video: str | None = None
    embed: Path | None = None
    plain: bool = False


@dataclass(frozen=True)
class Format:
    """A report format: the file's suffix and the function that writes its content."""

    suffix: str
    write: Callable[[Analysis, ReportOptions], str | bytes]


# Each format's module is imported when the format is asked for: none of them needs the libraries of another.
# ruff: noqa: PLC0415
def _csv(analysis: Analysis, _options: ReportOptions) -> str:
    from mtmm_video.pipeline.reports.csv_report import to_csv

    return to_csv(analysis)


def _json(analysis: Analysis, _options: ReportOptions) -> str:
    from mtmm_video.pipeline.reports.json_report import to_json

    return to_json(analysis)


def _html(analysis: Analysis, options: ReportOptions) -> str:
    from mtmm_video.pipeline.reports.html.page import to_html

    return to_html(analysis, video=options.video, embed=options.embed)


def _srt(analysis: Analysis, options: ReportOptions) -> str:
    from mtmm_video.pipeline.reports.subtitles import to_srt

    return to_srt(analysis, plain=options.plain)


def _vtt(analysis: Analysis, options: ReportOptions) -> str:
    from mtmm_video.pipeline.reports.subtitles import to_vtt

    return to_vtt(analysis, plain=options.plain)


def _eaf(analysis: Analysis, options: ReportOptions) -> str:
    from mtmm_video.pipeline.reports.elan import to_eaf

    return to_eaf(analysis, video=options.video)


def _textgrid(analysis: Analysis, _options: ReportOptions) -> str:
    from mtmm_video.pipeline.reports.textgrid import to_textgrid

    return to_textgrid(analysis)


def _parquet(analysis: Analysis, _options: ReportOptions) -> bytes:
    from mtmm_video.pipeline.reports.parquet import to_parquet

    return to_parquet(analysis)


FORMATS: dict[str, Format] = {
    "csv": Format(".csv", _csv),
    "json": Format(".json", _json),
    "html": Format(".html", _html),
    "srt": Format(".srt", _srt),
    "vtt": Format(".vtt", _vtt),
    "eaf": Format(".eaf", _eaf),
    "textgrid": Format(".TextGrid", _textgrid),
    "parquet": Format(".parquet", _parquet),
}


def check_formats(formats: Sequence[str]) -> None:
    """Check names of formats, so that a typing error is told before the work and not after it.

    Raises
    ------
    InputError
        If a name is none of `FORMATS`.
    """
    unknown = [name for name in formats if name not in FORMATS]
    if unknown:
        raise InputError(f"formats: {', '.join(unknown)} is not a report format; choose from {', '.join(FORMATS)}")


def write_reports(
    analysis: Analysis,
    *,
    folder: Path,
    formats: Sequence[str] = DEFAULT_FORMATS,
    video: Path | None = None,
    embed: bool = False,
    plain: bool = False,
) -> dict[str, Path]:
    """Write an analysis in some formats as ``folder/<name of the video><suffix>``.

    Parameters
    ----------
    analysis : Analysis
    folder : Path
        Created where it is missing.
    formats : sequence of str
        Names from `FORMATS`.
    video : Path or None
        The media file, for the formats that link to it.
    embed : bool
        True puts the media file inside the HTML report, which then needs no file beside it.
    plain : bool
        True leaves the labels out of subtitles.

    Returns
    -------
    dict of str to Path
        The files written, by format.

    Raises
    ------
    InputError
        If a format is unknown.
    StoreError
        If the folder cannot be written.
    """
    check_formats(formats)
    options = ReportOptions(
        video=None if video is None else relative_path(video, folder=folder),
        embed=video if embed else None,
        plain=plain,
    )
    written = {}
    for name in dict.fromkeys(formats):
        target = folder / f"{analysis.source.name}{FORMATS[name].suffix}"
        content = FORMATS[name].write(analysis, options)
        if isinstance(content, bytes):
            write_bytes(target, content)
        else:
            write_text(target, content)
        written[name] = target
    return written


def relative_path(path: Path, *, folder: Path) -> str:
    """Return `path` as seen from `folder` with forward slashes; absolute where it lies on another drive."""
    try:
        return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
    except ValueError:
        return path.resolve().as_posix()
