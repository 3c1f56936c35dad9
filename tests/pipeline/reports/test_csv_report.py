"""The CSV report: a row per utterance that any reader of CSV takes apart again, and no spreadsheet runs."""

from __future__ import annotations

import csv
import dataclasses
import io
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from mtmm_video.model.features import VideoFeatures
from mtmm_video.model.prediction_types import VideoPrediction
from mtmm_video.pipeline.analysis import Analysis
from mtmm_video.pipeline.reports.columns import COLUMNS, codebook
from mtmm_video.pipeline.reports.csv_report import to_csv
from mtmm_video.pipeline.reports.folder_tables import write_folder_tables
from mtmm_video.pipeline.reports.parquet import to_parquet
from mtmm_video.pipeline.reports.writers import write_reports

ROOT = Path(__file__).resolve().parents[3]


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def with_text(analysis: Analysis, text: str) -> Analysis:
    first = analysis.utterances[0]
    changed = dataclasses.replace(first, utterance=dataclasses.replace(first.utterance, text=text))
    return dataclasses.replace(analysis, utterances=(changed, *analysis.utterances[1:]))


def test_every_utterance_is_a_row_with_its_labels(short_analysis: Analysis) -> None:
    happy, faceless = rows_of(to_csv(short_analysis))
    assert (happy["video"], happy["path"]) == ("talk", "videos/talk.mp4")
    assert (happy["sentiment"], happy["positive"], happy["emotions"]) == ("positive", "0.8750", "happy;surprise")
    assert (happy["happy_intensity"], happy["none"]) == ("1.5000", "0.1250")
    assert float(happy["negative"]) + float(happy["neutral"]) + float(happy["positive"]) == pytest.approx(1.0)
    assert float(happy["duration"]) == pytest.approx(float(happy["end"]) - float(happy["start"]), abs=2e-3)
    assert [faceless[name] for name in ("negative", "neutral", "positive")] == ["0.7500", "0.1250", "0.1250"]
    assert (faceless["sentiment_binary"], faceless["positive_binary"]) == ("negative", "0.2500")  # neutral counts
    assert faceless["uncertain"] == "0"
    assert faceless["flags"] == "no_face;interpolated_times;unknown_words"
    assert faceless["modalities"] == "text;acoustic"
    assert faceless["speaker"] == "2"
    assert faceless["quality_face_height"] == ""  # not measured is no zero


def test_quotes_commas_and_umlauts_survive(short_analysis: Analysis) -> None:
    assert [row["text"] for row in rows_of(to_csv(short_analysis))] == [
        entry.utterance.text for entry in short_analysis.utterances
    ]


@pytest.mark.parametrize("text", ["=1+1", "+49 30 1234", "-cmd|' /C calc'!A0", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_is_run_by_a_spreadsheet_unless_the_user_wants_it_raw(short_analysis: Analysis, text: str) -> None:
    analysis = with_text(short_analysis, text)
    read = [csv.DictReader(io.StringIO(to_csv(analysis, csv_raw=raw), newline="")) for raw in (False, True)]
    assert [next(rows)["text"] for rows in read] == [f"'{text}", text]


def test_negative_numbers_stay_numbers(short_analysis: Analysis) -> None:
    first = short_analysis.utterances[0]
    sad = dataclasses.replace(first, prediction=dataclasses.replace(first.prediction, sentiment_intensity=-2.5))
    (row,) = rows_of(to_csv(dataclasses.replace(short_analysis, utterances=(sad,))))
    assert row["sentiment_intensity"] == "-2.5000"


def test_excel_is_told_that_it_is_utf_8(short_analysis: Analysis) -> None:
    assert to_csv(short_analysis, csv_excel=True).encode().startswith(b"\xef\xbb\xbf")
    assert not to_csv(short_analysis).encode().startswith(b"\xef")


def test_csv_parquet_and_frame_have_the_same_columns(short_analysis: Analysis) -> None:
    names = [column.name for column in COLUMNS]
    assert to_csv(short_analysis).splitlines()[0].split(",") == names
    assert list(short_analysis.to_frame()) == names
    parquet = pq.read_table(io.BytesIO(to_parquet(short_analysis))).column_names
    assert [name for name in parquet if "." not in name] == names


def test_a_folder_has_the_rows_of_all_its_videos(short_analysis: Analysis, tmp_path: Path) -> None:
    silent = dataclasses.replace(
        short_analysis,
        source=dataclasses.replace(short_analysis.source, name="silent"),
        utterances=(),
        features=VideoFeatures("silent", {}),
        prediction=VideoPrediction((), {}),
    )
    again = dataclasses.replace(short_analysis, source=dataclasses.replace(short_analysis.source, name="again"))
    for analysis in (silent, short_analysis, again):
        write_reports(analysis, folder=tmp_path, formats=("json",))
    reports = [Path("silent.json"), Path("talk.json"), Path("again.json")]
    written = write_folder_tables(tmp_path, reports=reports, formats=("csv", "parquet", "html"))
    rows = rows_of(written["csv"].read_text(encoding="utf-8"))
    assert [row["video"] for row in rows] == ["talk", "talk", "again", "again"]
    assert pq.read_table(written["parquet"]).column("video").to_pylist() == ["talk", "talk", "again", "again"]


def test_the_codebook_is_current_and_explains_every_column() -> None:
    assert (ROOT / "docs" / "columns.md").read_text(encoding="utf-8") == codebook(), (
        "run: mtmm-video columns --markdown > docs/columns.md"
    )
    assert all(column.description for column in COLUMNS)


def test_a_checkpoint_of_two_classes_leaves_neutral_empty(short_analysis: Analysis) -> None:
    first, *rest = short_analysis.utterances
    prediction = dataclasses.replace(first.prediction, sentiment_probabilities={"negative": 0.25, "positive": 0.75})
    two = dataclasses.replace(first, prediction=prediction, uncertain=True)
    row = rows_of(to_csv(dataclasses.replace(short_analysis, utterances=(two, *rest))))[0]
    assert (row["negative"], row["neutral"], row["positive"]) == ("0.2500", "", "0.7500")
    assert (row["positive_binary"], row["uncertain"]) == ("0.7500", "1")
