"""The CSV report: a row per utterance that any reader of CSV takes apart again."""

from __future__ import annotations

import csv
import io

from mtmm_video.pipeline.analysis import Analysis
from mtmm_video.pipeline.reports.csv_report import COLUMNS, to_csv


def test_every_utterance_is_a_row_with_its_labels(short_analysis: Analysis) -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(short_analysis))))
    assert len(rows) == len(short_analysis.utterances)
    happy, faceless = rows
    assert tuple(happy) == COLUMNS
    assert (happy["sentiment"], happy["sentiment_probability"], happy["emotions"]) == (
        "positive",
        "0.8750",
        "happy;surprise",
    )
    assert faceless["sentiment_probability"] == "0.7500"  # of the label, which is negative
    assert faceless["flags"] == "no_face;interpolated_times;unknown_words"
    assert faceless["modalities"] == "text;acoustic"
    assert faceless["speaker"] == "2"


def test_quotes_commas_and_umlauts_survive(short_analysis: Analysis) -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(short_analysis))))
    assert [row["text"] for row in rows] == [entry.utterance.text for entry in short_analysis.utterances]
