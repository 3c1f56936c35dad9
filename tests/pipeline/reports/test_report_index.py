"""The page over many videos."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mtmm_video.pipeline.analysis import Analysis
from mtmm_video.pipeline.reports.index import (
    IndexRow,
    failed_row,
    find_outliers,
    index_page,
    index_row,
    write_folder_index,
    write_index,
)
from mtmm_video.pipeline.reports.writers import write_reports

MakeAnalysis = Callable[..., Analysis]


@pytest.fixture(scope="module")
def rows(make_analysis: MakeAnalysis) -> list[IndexRow]:
    done = [index_row(make_analysis(count=4 + i, name=f"talk {i}", seed=i)) for i in range(10)]
    return [*done, failed_row(Path("broken.mp4"), error="broken.mp4: <b>damaged</b>")]


def test_every_video_is_a_linked_row_and_failures_are_told(rows: list[IndexRow]) -> None:
    text = index_page(rows, title="interviews")
    for row in rows[:-1]:
        assert f'<a href="{row.name.replace(" ", "%20")}.html">{row.name}</a>' in text
    assert "broken.mp4: &lt;b&gt;damaged&lt;/b&gt;" in text
    assert "<dt>Failed</dt><dd>1</dd>" in text


def test_a_folder_without_any_result_is_still_a_page(empty_analysis: Analysis, tmp_path: Path) -> None:
    assert "<dt>Videos</dt><dd>0</dd>" in write_index([], tmp_path).read_text()
    assert "nothing said" in index_page([index_row(empty_analysis)], title="silence")


def test_a_folder_of_reports_becomes_a_page_that_links_them(make_analysis: MakeAnalysis, tmp_path: Path) -> None:
    for name, formats in (("a", ("json", "html")), ("b", ("json",))):
        write_reports(make_analysis(name=name), folder=tmp_path / "deep", formats=formats)
    reports = [Path("deep/a.json"), Path("deep/b.json")]
    text = write_folder_index(tmp_path, reports=reports, failures=[(Path("c.mp4"), "c.mp4: empty")]).read_text()
    assert 'href="deep/a.html"' in text
    assert 'href="deep/b.json"' in text
    assert "c.mp4: empty" in text


def test_only_the_video_that_differs_stands_out(rows: list[IndexRow]) -> None:
    shares = [0.60, 0.61, 0.62, 0.63, 0.64, 0.65, 0.66, 0.67, 0.68, 0.05]
    same = {"emotions": (0.1,) * 6, "face_share": 0.9, "voiced_share": 0.5, "asr_confidence": 0.9}
    folder = [
        dataclasses.replace(r, shares={"negative": 1 - s, "positive": s}, **same)
        for r, s in zip(rows, shares, strict=False)
    ]
    found = find_outliers(folder)
    assert [(row.name, reason) for row, reason in found] == [
        ("talk 9", "negative 95 % against a median of 36 %"),
        ("talk 9", "positive 5 % against a median of 64 %"),
    ]


def test_among_a_few_videos_nothing_stands_out(rows: list[IndexRow]) -> None:
    assert find_outliers(rows[:7]) == []


@pytest.mark.browser
def test_columns_sort_and_names_filter(browser: Any, rows: list[IndexRow], tmp_path: Path) -> None:
    page = browser.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(write_index(rows, tmp_path).as_uri())
    page.click("#videos th:nth-child(4) button")

    def names() -> list[str]:
        return page.eval_on_selector_all(
            "#videos tbody tr", "rows => rows.filter(r => !r.hidden).map(r => r.cells[0].innerText)"
        )

    done = [row for row in rows if row.error is None]
    shares = {row.name: row.positive_share for row in done}
    assert [shares[name] for name in names()] == sorted(shares.values(), reverse=True)
    page.click("#videos th:nth-child(1) button")
    assert names() == [f"talk {i}" for i in range(10)]
    page.fill("#search", "talk 3")
    assert names() == ["talk 3"]
    assert said == []
    page.close()
