"""The CSV report: one row per utterance, with the columns of `pipeline.reports.columns`."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from mtmm_video.pipeline.analysis import Analysis
from mtmm_video.pipeline.reports.columns import COLUMNS, Column

# A spreadsheet takes a cell that begins so for a formula and runs it (OWASP, "CSV Injection").
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
BYTE_ORDER_MARK = "\ufeff"  # without it Excel reads UTF-8 as the machine's legacy encoding


def to_csv(analysis: Analysis, *, csv_raw: bool = False, csv_excel: bool = False) -> str:
    """Format an analysis as CSV (RFC 4180 quoting, newline endings).

    Parameters
    ----------
    analysis : Analysis
    csv_raw : bool
        Write texts as they are, also those that a spreadsheet would run as formulas.
    csv_excel : bool
        Begin with a byte order mark, for Excel.

    Returns
    -------
    str
        The header and a row per utterance; times in seconds with three decimals, probabilities with four.
    """
    return csv_header(csv_excel=csv_excel) + csv_rows(analysis, csv_raw=csv_raw)


def csv_header(*, csv_excel: bool = False) -> str:
    """Return the header line, with a byte order mark where Excel is to read it."""
    return (BYTE_ORDER_MARK if csv_excel else "") + ",".join(column.name for column in COLUMNS) + "\n"


def csv_rows(analysis: Analysis, *, csv_raw: bool = False) -> str:
    """Return a line per utterance."""
    rows = ([column.value(analysis, entry) for column in COLUMNS] for entry in analysis.utterances)
    return csv_lines(
        ([_cell(column, value) for column, value in zip(COLUMNS, row, strict=True)] for row in rows), csv_raw=csv_raw
    )


def csv_lines(rows: Iterable[Sequence[str]], *, csv_raw: bool = False) -> str:
    """Return rows of cells as CSV; cells that a spreadsheet would run get an apostrophe unless `csv_raw`."""
    text = io.StringIO()
    minimal, full = (csv.writer(text, lineterminator="\n", quoting=rule) for rule in (csv.QUOTE_MINIMAL, csv.QUOTE_ALL))
    for row in rows:
        cells = row if csv_raw else [neutral(cell) for cell in row]
        # Python does not quote a carriage return by itself where lines end in a newline, and readers split there.
        (full if any("\r" in cell for cell in cells) else minimal).writerow(cells)
    return text.getvalue()


def neutral(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula; numbers stay numbers.

    >>> [neutral(cell) for cell in ("=1+1", "-0.5", "- no", "plain")]
    ["'=1+1", '-0.5', "'- no", 'plain']
    """
    if not cell.startswith(FORMULA_STARTS):
        return cell
    try:
        float(cell)
    except ValueError:
        return f"'{cell}"
    return cell


def _cell(column: Column, value: object) -> str:
    if value is None:
        return ""
    if column.type == "list":
        assert isinstance(value, tuple)
        return ";".join(value)
    if isinstance(value, float):
        return f"{value:.{column.decimals}f}"
    return str(value)
