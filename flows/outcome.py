"""`Outcome`: what became of one video of a folder, and the table of them all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from mtmm_video.pipeline.reports.csv_report import BYTE_ORDER_MARK, csv_lines

Status = Literal["done", "skipped", "failed", "growing"]


@dataclass(frozen=True)
class Outcome:
    """What became of one video of a folder.

    Attributes
    ----------
    path : str
        Seen from the folder.
    status : str
        ``done``; ``skipped``, because a report of the same content and options was there; ``failed``; or ``growing``,
        because it was still being written and is left for the next pass.
    reason : str
        Why it failed.
    seconds : float
        Wall-clock time that it took.
    duration : float or None
        Of the video in seconds.
    claimed_duration : float or None
        Of its header in seconds, if the file is incomplete.
    utterances : int or None
        How many it has.
    report : str
        Its JSON report, seen from the output folder.
    notes : str
        Those of the report, separated by spaces.
    """

    path: str
    status: Status
    reason: str = ""
    seconds: float = 0.0
    duration: float | None = None
    claimed_duration: float | None = None
    utterances: int | None = None
    report: str = ""
    notes: str = ""


def summary_csv(outcomes: Sequence[Outcome], *, csv_raw: bool = False, csv_excel: bool = False) -> str:
    """Return a row per video: the fields of `Outcome`."""
    names = list(Outcome.__dataclass_fields__)
    rows = [["" if value is None else str(value) for value in asdict(outcome).values()] for outcome in outcomes]
    return (BYTE_ORDER_MARK if csv_excel else "") + csv_lines([names, *rows], csv_raw=csv_raw)
