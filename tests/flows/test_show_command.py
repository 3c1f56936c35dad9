"""`mtmm-video show` and `mtmm-video doctor`."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from mtmm_video.extractors.speech.words import Word
from mtmm_video.flows.command_line import app
from mtmm_video.flows.commands.show import sentiment_line
from mtmm_video.foundation.errors import InputError
from mtmm_video.model.features import VideoFeatures
from mtmm_video.model.labels import EMOTION_CLASSES
from mtmm_video.model.prediction_types import UtterancePrediction, VideoPrediction
from mtmm_video.pipeline import doctor
from mtmm_video.pipeline.analysis import Analysis, LabelledUtterance
from mtmm_video.pipeline.doctor import Check
from mtmm_video.pipeline.provenance import Provenance
from mtmm_video.pipeline.quality import Quality
from mtmm_video.pipeline.reports.json_reader import read_report
from mtmm_video.pipeline.source import Source
from mtmm_video.pipeline.utterance import Utterance

run = CliRunner()


def labelled(index: int, text: str, *, positive: float) -> LabelledUtterance:
    words = tuple(Word(piece, index + 0.1 * n, index + 0.1 * n + 0.1) for n, piece in enumerate(text.split()))
    prediction = UtterancePrediction(
        sentiment="positive" if positive >= 0.5 else "negative",
        sentiment_probabilities={"negative": 1 - positive, "positive": positive},
        sentiment_intensity=None,
        emotions=(),
        emotion_probabilities=dict.fromkeys(EMOTION_CLASSES, 0.1),
        emotion_intensities=None,
        modalities_used=("text",),
    )
    return LabelledUtterance(Utterance(index, words[0].start, words[-1].end, text, words), prediction, (), Quality())


@pytest.fixture
def report(tmp_path: Path) -> Path:
    entries = (labelled(0, "I love this film", positive=0.9), labelled(1, "The end was bad", positive=0.25))
    analysis = Analysis(
        source=Source("talk", "talk.mp4", "0" * 64, 3.0, has_audio=True, has_video=True),
        utterances=entries,
        features=VideoFeatures("talk", {}),
        prediction=VideoPrediction(tuple(entry.prediction for entry in entries), {}),
        provenance=Provenance("0.1.0", "2026-11-22T12:00:00+00:00", {}, {}, {}, {}, ()),
    )
    path = tmp_path / "talk.json"
    path.write_text(analysis.to_json(), encoding="utf-8")
    return path


def test_a_terminal_without_block_characters_has_the_shares_alone(report: Path) -> None:
    console = Console(file=io.TextIOWrapper(io.BytesIO(), encoding="cp1252"))
    line = sentiment_line(read_report(report), console=console).plain
    assert line.encode("cp1252").startswith(b"sentiment ")
    assert "% positive" in line


def test_show_takes_names_of_formats_in_capitals(report: Path) -> None:
    assert run.invoke(app, ["show", str(report), "--formats", "CSV,Srt"]).exit_code == 0
    assert {path.suffix for path in report.parent.iterdir()} >= {".csv", ".srt"}


def test_show_prints_the_table_and_the_trend(report: Path) -> None:
    result = run.invoke(app, ["show", str(report)], env={"COLUMNS": "120"})
    assert result.exit_code == 0
    assert "I love this film" in result.output
    assert "sentiment █▃ 50 % negative, 50 % positive" in result.output
    assert list(report.parent.iterdir()) == [report]


def test_show_writes_other_formats_beside_the_report(report: Path) -> None:
    result = run.invoke(app, ["show", str(report), "--formats", "srt,vtt", "--plain"])
    assert result.exit_code == 0
    assert "[positive" not in (report.parent / "talk.srt").read_text()
    assert (report.parent / "talk.vtt").is_file()


def test_show_links_the_video_that_lies_beside_the_report(report: Path) -> None:
    (report.parent / "talk.mp4").write_bytes(b"video")
    done = run.invoke(app, ["show", str(report), "--formats", "html"])
    assert done.exit_code == 0, done.output + repr(done.exception)
    assert 'src="talk.mp4"' in (report.parent / "talk.html").read_text()


@pytest.mark.parametrize(
    ("content", "arguments", "message"),
    [
        (None, [], "no such report"),
        ("{}", [], "not a report of mtmm-video"),
        ("keep", ["--formats", "docx"], "docx is not a report format"),
        ("keep", ["--formats", "html", "--embed"], "no longer there to embed"),
        ("keep", ["--formats", "html", "--video", "gone.mp4"], "no such file"),
    ],
)
def test_show_says_what_is_wrong(report: Path, content: str | None, arguments: list[str], message: str) -> None:
    if content is None:
        report.unlink()
    elif content != "keep":
        report.write_text(content)
    result = run.invoke(app, ["show", str(report), *arguments])
    assert isinstance(result.exception, InputError)
    assert message in str(result.exception)


def test_show_refuses_a_report_of_another_layout(report: Path) -> None:
    content = json.loads(report.read_text())
    content["schema_version"] = "9.0"
    report.write_text(json.dumps(content))
    assert "schema version 9.0" in str(run.invoke(app, ["show", str(report)]).exception)


@pytest.mark.parametrize(("state", "code"), [("ok", 0), ("note", 0), ("problem", 1)])
def test_doctor_fails_only_where_an_analysis_would(state: str, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    check = Check("disk", state, "1.0 GiB free", "free some [disk]")  # type: ignore[arg-type]
    monkeypatch.setattr(doctor, "examine", lambda: iter([check]))
    result = run.invoke(app, ["doctor"])
    assert result.exit_code == code
    assert "free some [disk]" in result.output
