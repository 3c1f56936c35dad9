"""Writing of reports: the table of formats, and `write_reports`."""

from __future__ import annotations

import importlib
import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from mtmm_video.foundation.errors import InputError
from mtmm_video.foundation.files import atomic_path
from mtmm_video.model.attention import DENSE_LIMIT
from mtmm_video.pipeline.analysis import Analysis
from mtmm_video.pipeline.options import DEFAULT_FORMATS


@dataclass(frozen=True)
class ReportOptions:
    """Options of the report formats.

    Attributes
    ----------
    video : str or None
        Path of the media file relative to the report, with forward slashes; None without a file to link.
    embed : Path or None
        Media file to embed in the HTML report.
    preview : str or None
        Relative path of a copy that browsers play, where they do not play `video`.
    plain : bool
        Subtitles without labels.
    csv_raw, csv_excel : bool
        See `pipeline.reports.csv_report.to_csv`.
    """

    video: str | None = None
    embed: Path | None = None
    preview: str | None = None
    plain: bool = False
    csv_raw: bool = False
    csv_excel: bool = False


@dataclass(frozen=True)
class Format:
    """A report format.

    Attributes
    ----------
    suffix : str
        Of the file.
    module : str
        Module of `pipeline.reports`, imported on first use: no format needs the libraries of another.
    function : str
        Function of the module that takes an `Analysis` and returns the file's content.
    options : tuple of str
        The fields of `ReportOptions` that the function takes as keyword arguments.
    """

    suffix: str
    module: str
    function: str
    options: tuple[str, ...] = ()

    def write(self, analysis: Analysis, options: ReportOptions) -> str | bytes:
        """Return the content of the file."""
        module = importlib.import_module(f"mtmm_video.pipeline.reports.{self.module}")
        arguments = {name: getattr(options, name) for name in self.options}
        return cast(str | bytes, getattr(module, self.function)(analysis, **arguments))


FORMATS: dict[str, Format] = {
    "csv": Format(".csv", "csv_report", "to_csv", ("csv_raw", "csv_excel")),
    "json": Format(".json", "json_report", "to_json"),
    "html": Format(".html", "html.page", "to_html", ("video", "embed", "preview")),
    "srt": Format(".srt", "subtitles", "to_srt", ("plain",)),
    "vtt": Format(".vtt", "subtitles", "to_vtt", ("plain",)),
    "eaf": Format(".eaf", "elan", "to_eaf", ("video",)),
    "textgrid": Format(".TextGrid", "textgrid", "to_textgrid"),
    "attention": Format(".attention.safetensors", "attention_arrays", "to_attention"),
    "parquet": Format(".parquet", "parquet", "to_parquet"),
}


def check_formats(formats: Sequence[str]) -> None:
    """Check names of formats, so that a misspelt one is reported before the analysis.

    Raises
    ------
    InputError
        If a name is not in `FORMATS`.
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
    preview: Path | None = None,
    plain: bool = False,
    csv_raw: bool = False,
    csv_excel: bool = False,
) -> dict[str, Path]:
    """Write an analysis in one or more formats to ``folder/<name of the video><suffix>``.

    Parameters
    ----------
    analysis : Analysis
    folder : Path
        Created if it is missing.
    formats : sequence of str
        Names from `FORMATS`.
    video : Path or None
        The media file, for the formats that link to it.
    embed : bool
        True embeds the media file in the HTML report, which is then self-contained.
    preview : Path or None
        A copy of the media file that browsers play, for the HTML report.
    plain : bool
        True omits the labels in subtitles.
    csv_raw, csv_excel : bool
        See `pipeline.reports.csv_report.to_csv`.

    Returns
    -------
    dict of str to Path
        The files written, by format.

    Raises
    ------
    InputError
        If a format is unknown, or all attention weights are asked for of an analysis that has the largest only.
    StoreError
        If the folder cannot be written.
    """
    check_formats(formats)
    if "attention" in formats and not analysis.prediction.attention_is_whole:
        raise InputError(
            f"{analysis.source.name}: formats: the report of a video with more than {DENSE_LIMIT} utterances has the "
            "largest attention weights only; `mtmm-video analyze --formats json,attention` writes all of them"
        )
    options = ReportOptions(
        video=None if video is None else relative_path(video, folder=folder),
        embed=(preview or video) if embed else None,
        preview=None if preview is None else relative_path(preview, folder=folder),
        plain=plain,
        csv_raw=csv_raw,
        csv_excel=csv_excel,
    )
    written = {}
    with ExitStack() as stack:  # all of them or, where one cannot be written, none
        for name in dict.fromkeys(formats):
            target = folder / f"{analysis.source.name}{FORMATS[name].suffix}"
            content = FORMATS[name].write(analysis, options)
            # Lone surrogates, of names that are not UTF-8, as escapes.
            encoded = content if isinstance(content, bytes) else content.encode("utf-8", "backslashreplace")
            stack.enter_context(atomic_path(target)).write_bytes(encoded)
            written[name] = target
    return written


def relative_path(path: Path, *, folder: Path) -> str:
    """Return `path` relative to `folder`, with forward slashes; absolute if it is on another drive."""
    try:
        return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
    except ValueError:
        return path.resolve().as_posix()
