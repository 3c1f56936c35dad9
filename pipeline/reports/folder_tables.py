"""The tables of a folder: the utterances of all its videos in one CSV and one Parquet file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mtmm_video.foundation.files import atomic_path
from mtmm_video.pipeline.reports.csv_report import csv_header, csv_rows
from mtmm_video.pipeline.reports.frame import to_frame
from mtmm_video.pipeline.reports.json_reader import read_report
from mtmm_video.pipeline.reports.parquet import table_of

NAME = "utterances"


def write_folder_tables(
    folder: Path, *, reports: Sequence[Path], formats: Sequence[str], csv_raw: bool = False, csv_excel: bool = False
) -> dict[str, Path]:
    """Write ``utterances.csv`` and ``utterances.parquet`` over many videos, one video in memory at a time.

    Parameters
    ----------
    folder : Path
        Where the tables go.
    reports : sequence of Path
        JSON reports, seen from `folder`.
    formats : sequence of str
        Those of ``csv`` and ``parquet`` that are wanted; others are left out.
    csv_raw, csv_excel : bool
        See `pipeline.reports.csv_report.to_csv`.

    Returns
    -------
    dict of str to Path
        By format.

    Raises
    ------
    InputError
        If one of the reports cannot be read.
    StoreError
        If the folder cannot be written.
    """
    written: dict[str, Path] = {}
    if "csv" in formats:
        written["csv"] = folder / f"{NAME}.csv"
        with atomic_path(written["csv"]) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
            file.write(csv_header(csv_excel=csv_excel))
            for report in reports:
                file.write(csv_rows(read_report(folder / report), csv_raw=csv_raw))
    if "parquet" in formats and reports:
        import pyarrow.parquet as pq  # noqa: PLC0415 (slow, and not always wanted)

        written["parquet"] = folder / f"{NAME}.parquet"
        with atomic_path(written["parquet"]) as temporary:
            first = table_of(to_frame(read_report(folder / reports[0])))
            with pq.ParquetWriter(temporary, first.schema, compression="zstd") as writer:
                writer.write_table(first)
                for report in reports[1:]:
                    writer.write_table(table_of(to_frame(read_report(folder / report))).cast(first.schema))
    return written
