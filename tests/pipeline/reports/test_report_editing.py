"""A report is corrected in the browser, saved, and read by `analyze --transcript`, `compare` and `corpus prepare`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mtmm_video.flows.command_line import app
from mtmm_video.foundation.errors import DataError
from mtmm_video.pipeline.analysis import Analysis
from mtmm_video.pipeline.corpora.corrected import read_corrected
from mtmm_video.pipeline.corpora.layouts import detect_layout, read_source
from mtmm_video.pipeline.reports.json_report import to_json
from mtmm_video.pipeline.reports.writers import write_reports
from mtmm_video.pipeline.transcripts.reading import read_transcript

SAMPLE = Path(__file__).resolve().parents[3] / "sample_videos" / "good_stay.mp4"


@pytest.fixture
def page(browser: Any, analysis: Analysis, tmp_path: Path) -> Any:
    report = write_reports(analysis, folder=tmp_path, formats=("html",), video=SAMPLE)["html"]
    context = browser.new_context(viewport={"width": 1300, "height": 900}, accept_downloads=True)
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(f"{report.as_uri()}#u1")
    yield page
    assert said == []
    context.close()


def save(page: Any, target: Path) -> dict[str, Any]:
    with page.expect_download() as download:
        page.click("#edit-save")
    download.value.save_as(target)
    return json.loads(target.read_text(encoding="utf-8"))


@pytest.mark.browser
def test_a_correction_goes_round(page: Any, analysis: Analysis, tmp_path: Path) -> None:
    """The link #u1 opened the second utterance; the keyboard alone corrects it."""
    page.keyboard.press("e")
    assert page.text_content("#edit-form h3") == "Utterance 2"
    page.fill("#edit-form textarea", "Nothing of the kind.")
    page.fill("#edit-form input[name=speaker]", "Ann")
    page.check("#edit-form input[name=sentiment][value=neutral]")
    page.check("#edit-form input[name=emotion][value=sad]")
    page.fill("#edit-by", "Bob")
    page.focus("#edit-form textarea")
    page.keyboard.press("Control+Enter")
    assert page.text_content("#edit-form h3") == "Utterance 3"  # kept, and on to the next
    path = tmp_path / "talk.corrected.json"
    content = save(page, path)
    assert content["corrected"]["by"] == "Bob"
    assert [("labels" in entry) for entry in content["utterances"]].count(True) == 1

    utterances = read_transcript(path, duration=analysis.source.duration).utterances
    assert utterances[1].text == "Nothing of the kind."
    assert utterances[1].speaker == "Ann"
    bounds = analysis.utterances[1].utterance
    assert (utterances[1].start, utterances[1].end) == pytest.approx((bounds.start, bounds.end), abs=0.02)

    assert detect_layout(path) == "corrected"
    segments = read_source(path).segments
    assert len(segments) == len(analysis.utterances)
    labels = segments[1].labels
    assert (labels.polarity, {name for name, felt in labels.emotions.items() if felt}) == ("neutral", {"sad"})
    assert segments[0].labels.empty

    (tmp_path / "talk.json").write_text(to_json(analysis), encoding="utf-8")
    arguments = ["compare", str(tmp_path / "talk.json"), "--annotations", str(path), "--json"]
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    compared = json.loads(result.output)
    assert compared["annotators"] == ["Bob"]
    assert compared["questions"][0]["answered"] == 1


@pytest.mark.browser
def test_an_end_before_the_start_is_not_kept(page: Any) -> None:
    page.click("#edit-button")
    page.fill("#edit-form input[name=end]", "0")
    page.click("#edit-form button[type=submit]")
    assert "after the start" in page.text_content("#edit-problem")
    assert page.text_content("#edit-form h3") == "Utterance 2"


def test_a_file_that_is_no_correction_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text('{"utterances": []}', encoding="utf-8")
    with pytest.raises(DataError, match="corrected in the browser"):
        read_corrected(path)
