"""The flow does what the plain pipeline does, reuses what is stored, and gives up at once on bad input."""

from __future__ import annotations

import errno
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import get_client
from prefect.states import Failed

from mtmm_video.flows.analyze_flow import analyze_video, worth_retrying
from mtmm_video.foundation.errors import MediaError
from mtmm_video.pipeline import graph
from mtmm_video.pipeline.analysis import Analysis
from mtmm_video.pipeline.options import AnalyzeOptions
from mtmm_video.pipeline.run import analyze
from mtmm_video.pipeline.store.local import Store


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """An empty store that flows use by default; weights stay the user's."""
    found = Store(tmp_path / "artefacts")
    monkeypatch.setattr(Store, "default", classmethod(lambda cls: found))
    return found


def comparable(report: Path) -> dict[str, Any]:
    """Return a report without what differs between runs by nature: when it was made and how long it took."""
    content: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
    del content["provenance"]["created"]
    for step in content["provenance"]["steps"]:
        del step["seconds"], step["reused"]
    return content


def rerun(analysis: Analysis) -> set[str]:
    """Return the steps that were not taken from the store."""
    return {step.name for step in analysis.provenance.steps if not step.reused}


def run(video: Path, transcript: Path, out: Path, **options: Any) -> Analysis:
    chosen = AnalyzeOptions(transcript=transcript, formats=("json", "csv"), **options)
    return analyze_video(str(video), out=str(out), options=chosen)


@pytest.mark.usefixtures("prefect_url")
def test_the_flow_reports_what_the_plain_pipeline_reports(
    tiny_video: Path, tiny_transcript: Path, store: Store, tmp_path: Path
) -> None:
    run(tiny_video, tiny_transcript, tmp_path / "flow", visual="none")
    options = AnalyzeOptions(transcript=tiny_transcript, visual="none", formats=("json", "csv"))
    analyze(tiny_video, out=tmp_path / "plain", options=options, store=Store(tmp_path / "other"))
    assert comparable(tmp_path / "flow" / "tiny.json") == comparable(tmp_path / "plain" / "tiny.json")
    assert (tmp_path / "flow" / "tiny.csv").read_bytes() == (tmp_path / "plain" / "tiny.csv").read_bytes()


@pytest.mark.usefixtures("prefect_url", "store")
def test_a_change_of_one_option_reruns_only_what_depends_on_it(
    tiny_video: Path, tiny_transcript: Path, tmp_path: Path
) -> None:
    first = run(tiny_video, tiny_transcript, tmp_path, visual="none")
    assert rerun(first) == {step.name for step in graph.STEPS} - {"transcript", "visual"}
    again = run(tiny_video, tiny_transcript, tmp_path, visual="none")
    assert rerun(again) == set()
    with_faces = run(tiny_video, tiny_transcript, tmp_path, visual="mediapipe")
    assert rerun(with_faces) == {"visual", "features", "prediction"}
    assert with_faces.utterances[0].flags == ("no_face",)
    other_words = tmp_path / "other.srt"
    other_words.write_text("1\n00:00:00,100 --> 00:00:00,900\nAwful film.\n", encoding="utf-8")
    other = run(tiny_video, other_words, tmp_path, visual="mediapipe")
    assert rerun(other) == {"utterances", "voice", "text", "features", "prediction"}
    anew = run(tiny_video, other_words, tmp_path, visual="none", cache=False)
    assert rerun(anew) == rerun(first)


@pytest.mark.usefixtures("prefect_url", "store")
def test_a_page_to_send_holds_the_video_and_plain_subtitles_hold_words_alone(
    tiny_video: Path, tiny_transcript: Path, tmp_path: Path
) -> None:
    linked = AnalyzeOptions(transcript=tiny_transcript, visual="none", formats=("html", "srt"))
    analyze_video(str(tiny_video), out=str(tmp_path / "linked"), options=linked)
    analyze_video(str(tiny_video), out=str(tmp_path / "sent"), options=replace(linked, embed=True, plain=True))
    assert "data:video/mp4;base64," in (tmp_path / "sent" / "tiny.html").read_text(encoding="utf-8")
    assert "data:video/mp4;base64," not in (tmp_path / "linked" / "tiny.html").read_text(encoding="utf-8")
    assert "positive" not in (tmp_path / "sent" / "tiny.srt").read_text(encoding="utf-8")
    assert "positive" in (tmp_path / "linked" / "tiny.srt").read_text(encoding="utf-8")


@pytest.mark.usefixtures("own_server", "store")
def test_a_server_of_the_users_own_shows_utterances_report_and_progress(
    tiny_video: Path, tiny_transcript: Path, tmp_path: Path
) -> None:
    analysis = run(tiny_video, tiny_transcript, tmp_path, visual="none")
    key = analysis.source.sha256[:12]
    with get_client(sync_client=True) as client:
        shown = {entry.key: entry for entry in client.read_artifacts()}
    assert json.loads(str(shown[f"utterances-{key}"].data))[0]["text"] == "Wonderful film."
    assert "tiny.json" in str(shown[f"report-{key}"].data)
    assert (shown[f"progress-{key}"].type, shown[f"progress-{key}"].data) == ("progress", 100.0)  # no step is left


@pytest.mark.usefixtures("prefect_url", "store")
def test_bad_input_fails_at_once_and_names_the_file(tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"this is no video" * 100)
    with pytest.raises(MediaError, match=r"broken\.mp4"):
        analyze_video(str(broken), out=str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (OSError(errno.EIO, "Input/output error"), True),
        (OSError(errno.ESTALE, "Stale file handle"), True),
        (TimeoutError(), True),
        (MemoryError(), True),
        (OSError(errno.ENOENT, "No such file"), False),
        (MediaError("talk.mp4: the file is empty"), False),
        (ValueError("a bug"), False),
    ],
)
def test_hiccups_are_tried_again_and_bad_input_is_not(error: Exception, again: bool) -> None:
    state = Failed(data=error)
    assert worth_retrying(None, None, state) is again  # type: ignore[arg-type]
