"""People's annotations beside a report: by overlap in time, several people by majority, each figure what it is."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from mtmm_video.flows.command_line import app
from mtmm_video.foundation.errors import InputError
from mtmm_video.model.metrics import area_under_roc
from mtmm_video.pipeline.comparison.alignment import align
from mtmm_video.pipeline.comparison.figures import Question, agreement, questions
from mtmm_video.pipeline.corpora.segment import LabelledSegment, SegmentLabels
from mtmm_video.pipeline.reports.json_report import to_json


def said(start: float | None, end: float | None, polarity: str, *, by: str = "ann", video: str = "talk"):
    return LabelledSegment(
        video=video,
        name=f"{by} at {start}",
        file=Path(f"{video}.mp4"),
        labels=SegmentLabels(polarity=polarity),
        start=start,
        end=end,
        annotator=by,
        origin=f"labels.csv, {start} s",
    )


@pytest.fixture
def talk(short_analysis):
    """Two utterances, 0.1 to 1.05 s (said to be positive) and from 2.5 s (said to be negative)."""
    return replace(short_analysis, source=replace(short_analysis.source, name="talk"))


def test_an_annotation_counts_for_the_utterance_it_overlaps_longest(talk):
    second = talk.utterances[1].utterance
    found = align([talk], [said(0.0, 1.0, "positive"), said(1.0, second.end, "neutral"), said(1.2, 1.9, "negative")])
    assert [unit.people["ann"].polarity for unit in found.units] == ["positive", "neutral"]
    assert found.unmatched == ("labels.csv, 1.2 s",)


def test_less_than_half_of_the_shorter_is_no_match(talk):
    assert align([talk], [said(0.8, 2.4, "negative")]).unmatched == ("labels.csv, 0.8 s",)


def test_annotations_of_other_videos_are_named(talk):
    found = align([talk], [said(0.0, 1.0, "positive"), said(0.0, 1.0, "positive", video="other")])
    assert found.other_videos == ("other",)
    with pytest.raises(InputError, match="no name in common"):
        align([talk], [said(0.0, 1.0, "positive", video="other")])


def question(people: list[list[float]], said: list[float], **more) -> Question:
    categories = ("negative", "neutral", "positive") if more.get("ordered") else ("absent", "present")
    return Question("asked", categories, np.array(people, dtype=float), np.array(said, dtype=float), **more)


def test_the_majority_decides_and_a_tie_of_three_is_no_answer():
    assert question([[0, 2, 0], [0, 2, 2], [2, 2, np.nan]], [0, 0, 0], ordered=True).majority[:2].tolist() == [0, 2]
    assert np.isnan(question([[0, 2, 0], [0, 2, 2]], [0, 0, 0], ordered=True).majority[2])
    assert question([[0], [1]], [0]).majority.tolist() == [1]  # half of the people felt it


def test_people_among_themselves_are_the_ceiling():
    people = [[0, 0, 1, 1, 0, 1], [0, 0, 1, 1, 1, 1], [0, 0, 1, 1, 0, 0]]
    found = agreement(question(people, [1, 1, 0, 0, 1, 0]), videos=["v"] * 6, resamplings=0)
    assert found.figures["accuracy"] == 0.0
    assert found.figures["kappa"] < 0
    assert found.among_people["alpha_nominal"] > 0.4
    assert found.among_people["accuracy"] > 0.75
    assert found.intervals == {}


def test_intervals_hold_the_figure_and_narrow_with_more_videos():
    random = np.random.default_rng(0)

    def width(videos: int) -> float:
        truth = random.integers(0, 2, 4 * videos).astype(float)
        scores = np.clip(0.5 + 0.3 * (truth - 0.5) + 0.3 * random.normal(size=len(truth)), 0, 1)
        asked = question([truth.tolist()], (scores >= 0.5).tolist(), scores=scores)
        found = agreement(asked, videos=[f"v{row // 4}" for row in range(len(truth))], resamplings=200)
        assert found.figures["auroc"] == pytest.approx(area_under_roc(truth >= 0.5, scores))
        for name, (low, high) in found.intervals.items():
            assert low <= found.figures[name] <= high
        low, high = found.intervals["auroc"]
        return high - low

    assert width(200) < width(20)


def test_weakly_positive_numbers_are_neutral_as_for_the_model(talk):
    """A mean of 1/3 on [-3, 3] is positive by its sign, and neutral by what the model learnt to call so."""
    weak, strong = said(0.0, 1.0, "positive"), said(2.4, 3.9, "positive")
    weak, strong = (
        replace(each, labels=replace(each.labels, sentiment=number)) for each, number in ((weak, 1 / 3), (strong, 2.0))
    )
    asked = {question.name: question for question in questions(align([talk], [weak, strong]))}
    assert asked["sentiment, three-way"].majority.tolist() == [1, 2]
    assert asked["sentiment, neutral as positive"].majority.tolist() == [1, 1]


def test_both_conventions_for_neutral_are_asked(talk):
    found = align([talk], [said(0.0, 1.0, "neutral"), said(2.4, 3.9, "negative")])
    asked = {each.name: each for each in questions(found)}
    assert asked["sentiment, neutral as positive"].majority.tolist() == [1, 0]
    assert np.isnan(asked["sentiment, neutral left out"].majority[0])
    assert asked["sentiment, three-way"].majority.tolist() == [1, 0]


def test_the_command_writes_a_page_with_links_and_the_same_figures_as_json(talk, tmp_path):
    (tmp_path / "talk.json").write_text(to_json(talk), encoding="utf-8")
    (tmp_path / "talk.html").write_text("the report", encoding="utf-8")
    rows = ["video,start,end,annotator,sentiment,emotion"]
    rows += ["talk,0.1,1.0,ann,negative,joy", "talk,2.5,3.5,ann,negative,none", "talk,2.5,3.4,bob,-2,anger"]
    (tmp_path / "labels.csv").write_text("\n".join(rows), encoding="utf-8")
    page = tmp_path / "compare" / "page.html"
    arguments = [str(tmp_path / "talk.json"), "--annotations", str(tmp_path / "labels.csv"), "--out", str(page)]
    result = CliRunner().invoke(app, ["compare", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    content = json.loads(page.with_suffix(".json").read_text(encoding="utf-8"))
    sentiment = content["questions"][0]
    assert (sentiment["name"], sentiment["answered"], sentiment["figures"]["accuracy"]) == (
        "sentiment, three-way",
        2,
        0.5,
    )
    html = page.read_text(encoding="utf-8")
    assert 'href="../talk.html#u0"' in html
    assert 'data-question="sentiment, three-way"' in html
    assert "<td>negative</td><td>positive</td>" in html


def test_a_bad_annotation_names_its_row(talk, tmp_path):
    (tmp_path / "talk.json").write_text(to_json(talk), encoding="utf-8")
    (tmp_path / "labels.csv").write_text("video,start,end,sentiment\ntalk,0,1,7\n", encoding="utf-8")
    arguments = ["compare", str(tmp_path / "talk.json"), "--annotations", str(tmp_path / "labels.csv")]
    result = CliRunner().invoke(app, arguments)
    assert "labels.csv, row 2" in str(result.exception)


def test_our_own_elan_export_agrees_with_the_report(talk, tmp_path):
    from mtmm_video.pipeline.reports.elan import to_eaf

    (tmp_path / "talk.json").write_text(to_json(talk), encoding="utf-8")
    (tmp_path / "talk.eaf").write_text(to_eaf(talk, video="talk.mp4"), encoding="utf-8")
    arguments = ["compare", str(tmp_path / "talk.json"), "--annotations", str(tmp_path / "talk.eaf"), "--json"]
    content = json.loads(CliRunner().invoke(app, arguments, catch_exceptions=False).output)
    for each in content["questions"]:
        assert each["figures"]["accuracy"] == 1.0, each["name"]
