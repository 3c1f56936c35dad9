"""The folder report: one page for many videos, with their trends, outliers and failures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from mtmm_video.foundation.files import write_text
from mtmm_video.model.labels import EMOTIONS, SENTIMENT_CLASSES
from mtmm_video.pipeline.analysis import Analysis
from mtmm_video.pipeline.reports.html.templates import render
from mtmm_video.pipeline.reports.json_reader import read_report
from mtmm_video.pipeline.reports.summary import shares_text, summarise

INDEX_NAME = "index.html"
# Modified z-score above which a value is an outlier: B. Iglewicz and D. Hoaglin, "How to Detect and Handle Outliers",
# ASQC Quality Press, 1993; 0.6745 makes the median absolute deviation comparable to a standard deviation.
OUTLIER_SCORE, MAD_SCALE = 3.5, 0.6745
LEAST_FOR_OUTLIERS = 8  # videos; with fewer, the median absolute deviation is too unreliable
TREND_POINTS = 60  # of a sparkline: the resolution of its column on the page


@dataclass(frozen=True)
class IndexRow:
    """One video of a folder: the summary of its analysis, or its error.

    Attributes
    ----------
    name : str
        Of the video.
    path : str
        Of the video, as the user gave it.
    report : str or None
        Link to its page relative to the index; None without a page.
    error : str or None
        Message of a failed analysis; all further attributes are then empty.
    duration : float
        Seconds.
    utterances : int
    shares : mapping of str to float
        Share of speaking time per sentiment label, negative first; empty where nothing was said or all is uncertain.
    trend : tuple of float
        Probability of positive minus that of negative, per utterance.
    emotions : tuple of float
        Mean probability of each of `model.labels.EMOTIONS`.
    labelled : tuple of str
        Emotions labelled at least once, most frequent first.
    face_share, voiced_share, asr_confidence : float or None
        Means over the utterances.
    flags : tuple of (str, int)
        Flags and the number of utterances that have them.
    """

    name: str
    path: str
    report: str | None
    error: str | None = None
    duration: float = 0.0
    utterances: int = 0
    shares: Mapping[str, float] = field(default_factory=dict)
    trend: tuple[float, ...] = ()
    emotions: tuple[float, ...] = ()
    labelled: tuple[str, ...] = ()
    face_share: float | None = None
    voiced_share: float | None = None
    asr_confidence: float | None = None
    flags: tuple[tuple[str, int], ...] = ()

    @property
    def positive_share(self) -> float | None:
        """Share of speaking time labelled positive; None where nothing is certain."""
        return self.shares.get("positive")


def index_row(analysis: Analysis, *, report: str | None = None) -> IndexRow:
    """Make the row of an analysed video.

    Parameters
    ----------
    analysis : Analysis
    report : str or None
        Path of its HTML report relative to the index; by default ``<name>.html`` in the same folder.
    """
    summary = summarise(analysis)
    measures = {measure.name: measure.share for measure in summary.measures}
    labelled = sorted((p for p in summary.emotions if p.labelled), key=lambda p: (-p.labelled, -p.mean))
    return IndexRow(
        name=analysis.source.name,
        path=analysis.source.path,
        report=report if report is not None else f"{analysis.source.name}.html",
        duration=analysis.source.duration,
        utterances=len(analysis.utterances),
        shares=summary.shares,
        trend=tuple(
            e.prediction.sentiment_probabilities["positive"] - e.prediction.sentiment_probabilities["negative"]
            for e in analysis.utterances
        ),
        emotions=tuple(profile.mean for profile in summary.emotions),
        labelled=tuple(profile.emotion for profile in labelled),
        face_share=measures["face"],
        voiced_share=measures["voice"],
        asr_confidence=measures["words"],
        flags=summary.flags,
    )


def failed_row(path: Path, *, error: str) -> IndexRow:
    """Make the row of a video whose analysis failed."""
    return IndexRow(name=path.stem, path=str(path), report=None, error=error)


def write_folder_index(folder: Path, *, reports: Sequence[Path], failures: Sequence[tuple[Path, str]]) -> Path:
    """Write the page for all videos with a JSON report in a folder.

    Parameters
    ----------
    folder : Path
        The folder of the reports, which the page is written to.
    reports : sequence of Path
        The JSON reports, relative to `folder`.
    failures : sequence of (Path, str)
        Videos whose analysis failed, with the error message.

    Returns
    -------
    Path
        ``folder/index.html``.

    Raises
    ------
    InputError
        If a file is not a report.
    StoreError
        If the folder cannot be written.
    """
    rows = []
    for report in reports:
        analysis = read_report(folder / report)
        page = report.with_suffix(".html")
        rows.append(index_row(analysis, report=page.as_posix() if (folder / page).is_file() else report.as_posix()))
    rows += [failed_row(path, error=error) for path, error in failures]
    return write_index(rows, folder)


def write_index(rows: Sequence[IndexRow], folder: Path, *, title: str | None = None) -> Path:
    """Write the page for many videos.

    Parameters
    ----------
    rows : sequence of IndexRow
        In the initial order of the page.
    folder : Path
        The folder of the reports.
    title : str or None
        Heading; the folder's name by default.

    Returns
    -------
    Path
        ``folder/index.html``.

    Raises
    ------
    StoreError
        If the folder cannot be written.
    """
    target = folder / INDEX_NAME
    write_text(target, index_page(rows, title=title or folder.resolve().name))
    return target


def index_page(rows: Sequence[IndexRow], *, title: str) -> str:
    """Format the page for many videos as HTML; see `write_index`."""
    done = [row for row in rows if row.error is None]
    spoken = [row for row in done if row.positive_share is not None]
    shares = np.array([row.positive_share for row in spoken], dtype=np.float64)
    return render(
        "index.html",
        styles=("report.css", "index.css"),
        scripts=("index.js",),
        title=title,
        rows=[(row, quote(row.report) if row.report else None, _sparkline(row.trend)) for row in done],
        failures=[row for row in rows if row.error is not None],
        outliers=find_outliers(done),
        duration=sum(row.duration for row in done),
        utterances=sum(row.utterances for row in done),
        tone=shares_text(_folder_shares(spoken)) if spoken else None,
        histogram=_histogram(shares),
        emotions=EMOTIONS,
    )


def _folder_shares(rows: Sequence[IndexRow]) -> dict[str, float]:
    """Return the shares of the sentiment classes over several videos, longer ones counting for more."""
    lengths = np.array([max(row.duration, 0.05) for row in rows])
    known = [name for name in SENTIMENT_CLASSES if any(name in row.shares for row in rows)]
    return {name: float(np.average([row.shares.get(name, 0.0) for row in rows], weights=lengths)) for name in known}


def find_outliers(rows: Sequence[IndexRow]) -> list[tuple[IndexRow, str]]:
    """Find the videos with an outlying value, each with an explanation.

    A value is an outlier if its modified z-score exceeds `OUTLIER_SCORE`. There are none among fewer than
    `LEAST_FOR_OUTLIERS` videos, or if most videos have the same value.
    """
    measures: list[tuple[str, list[float | None]]] = [
        *((name, [row.shares.get(name) for row in rows]) for name in SENTIMENT_CLASSES),
        *(
            (emotion, [row.emotions[n] if row.utterances else None for row in rows])
            for n, emotion in enumerate(EMOTIONS)
        ),
        ("face seen", [row.face_share for row in rows]),
        ("voiced", [row.voiced_share for row in rows]),
        ("recogniser's confidence", [row.asr_confidence for row in rows]),
    ]
    found = []
    for name, values in measures:
        known = np.array([value for value in values if value is not None])
        if len(known) < LEAST_FOR_OUTLIERS:
            continue
        median = float(np.median(known))
        spread = float(np.median(np.abs(known - median)))
        if spread == 0:
            continue
        for row, value in zip(rows, values, strict=True):
            if value is not None and abs(MAD_SCALE * (value - median) / spread) > OUTLIER_SCORE:
                found.append((row, f"{name} {100 * value:.0f} % against a median of {100 * median:.0f} %"))
    return found


def _sparkline(trend: Sequence[float]) -> dict[str, Any] | None:
    """Return the polyline of a sparkline of values in [-1, 1], 100 wide and 24 high, and its mean."""
    if not trend:
        return None
    values = np.array(trend)
    if len(values) > TREND_POINTS:
        values = np.array([part.mean() for part in np.array_split(values, TREND_POINTS)])
    if len(values) == 1:
        values = np.repeat(values, 2)
    places = np.linspace(0, 100, len(values))
    points = " ".join(f"{x:.1f},{12 - 12 * y:.1f}" for x, y in zip(places, values, strict=True))
    return {"points": points, "mean": float(np.mean(trend))}


def _histogram(shares: np.ndarray[Any, np.dtype[np.float64]]) -> list[tuple[int, float]]:
    """Count videos in ten bins of the share of positive speech: number, and share of the largest bin."""
    counts, _ = np.histogram(shares, bins=10, range=(0, 1))
    most = max(int(counts.max(initial=0)), 1)
    return [(int(count), float(count / most)) for count in counts]
