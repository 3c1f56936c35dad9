from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from mtmm_video.foundation.errors import InputError, StoreError
from mtmm_video.pipeline.analysis import Analysis
from mtmm_video.pipeline.reports.json_reader import from_json
from mtmm_video.pipeline.reports.writers import FORMATS, relative_path, write_reports


def test_every_format_becomes_a_file_named_after_the_video(analysis: Analysis, tmp_path: Path) -> None:
    written = write_reports(analysis, folder=tmp_path / "out", formats=tuple(FORMATS))
    assert set(written) == set(FORMATS)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(path.name for path in written.values())
    assert all(path.name.startswith("talk.") and path.stat().st_size > 0 for path in written.values())


def test_every_format_can_say_that_nothing_was_said(empty_analysis: Analysis, tmp_path: Path) -> None:
    assert set(write_reports(empty_analysis, folder=tmp_path, formats=tuple(FORMATS))) == set(FORMATS)


def test_the_json_report_reads_back_to_the_same_formats(analysis: Analysis, tmp_path: Path) -> None:
    written = write_reports(analysis, folder=tmp_path, formats=tuple(FORMATS))
    again = from_json(written["json"].read_text(encoding="utf-8"))
    second = write_reports(again, folder=tmp_path / "again", formats=tuple(FORMATS))
    for name in set(FORMATS) - {"parquet"}:
        assert second[name].read_bytes() == written[name].read_bytes(), name


def test_the_attention_file_has_every_weight(analysis: Analysis, tmp_path: Path) -> None:
    written = write_reports(analysis, folder=tmp_path, formats=("attention",))
    arrays = load_file(written["attention"])
    for (x, y), (first, second) in analysis.prediction.attention.items():
        np.testing.assert_array_equal(arrays[f"{x}.{y}.n1"], first)
        np.testing.assert_array_equal(arrays[f"{x}.{y}.n2"], second)


def test_an_unknown_format_is_refused_before_anything_is_written(analysis: Analysis, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="docx is not a report format; choose from csv"):
        write_reports(analysis, folder=tmp_path, formats=("csv", "docx"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["talk.csv", "talk.json"])
def test_all_reports_are_written_or_none(analysis: Analysis, tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()  # in the way of the first or the last one
    with pytest.raises(StoreError, match=rf"{name}: cannot be written \(Is a directory\)"):
        write_reports(analysis, folder=tmp_path, formats=("csv", "html", "json"))
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_the_video_is_linked_relative_to_the_report(tmp_path: Path) -> None:
    assert relative_path(tmp_path / "clips" / "a b.mp4", folder=tmp_path / "out") == "../clips/a b.mp4"
