"""The command line: one line and exit code 1 for what cannot be used, and no half-written output."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest
from small_videos import write_video

from mtmm_video.flows import cli


def mtmm(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> int:
    """Run the command line in this process and return its exit code."""
    monkeypatch.setattr(sys, "argv", ["mtmm-video", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache with the user's weights."""
    from mtmm_video.foundation.folders import cache_folder

    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "weights").symlink_to(cache_folder() / "weights")
    monkeypatch.setenv("MTMM_CACHE_DIR", str(cache))
    return cache


PROGRESS_LINE = re.compile(r".*: \d+%, ")  # every 30 s, so on a busy machine alone


def one_line(error: str, *names: str) -> None:
    """Check that an error is one line that names what is wrong; a log's lines about progress stand beside it."""
    error = "".join(line for line in error.splitlines(keepends=True) if not PROGRESS_LINE.match(line))
    assert error.count("\n") == 1, error
    assert error.startswith("mtmm-video: error: ")
    for name in names:
        assert name in error


@pytest.mark.parametrize(
    "arguments",
    [
        ("analyze", "{long}.mp4"),
        ("analyze", "{video}", "--transcript", "{long}.srt"),
        ("batch", "{long}"),
        ("show", "{long}.json"),
        ("compare", "{long}.json", "--annotations", "{long}.csv"),
        ("extract", "{long}.mp4"),
    ],
    ids=" ".join,
)
def test_a_name_longer_than_file_systems_take_is_one_line(
    arguments: tuple[str, ...],
    tmp_path: Path,
    tiny_video: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    names = [argument.format(long="x" * 300, video=tiny_video) for argument in arguments]
    assert mtmm(monkeypatch, *names) == 1
    one_line(capfd.readouterr().err, "x" * 300)


@pytest.mark.usefixtures("own_server", "empty_cache")
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("missing.mp4", None),
        ("empty.mp4", b""),
        ("text.mp4", b"hello world\n"),
        ("random.mp4", bytes(range(256)) * 80),
    ],
)
def test_what_is_no_video_is_refused_by_name(
    name: str,
    content: bytes | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert mtmm(monkeypatch, "analyze", tmp_path / name, "--out", tmp_path / "out") == 1
    one_line(capfd.readouterr().err, name)
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.usefixtures("own_server", "empty_cache")
def test_an_address_is_told_as_it_was_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert mtmm(monkeypatch, "analyze", "https://example.com/talk.mp4", "--out", tmp_path / "out") == 1
    one_line(capfd.readouterr().err, " https://example.com/talk.mp4: is an address", "fetch")


def test_a_folder_is_pointed_to_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert mtmm(monkeypatch, "analyze", tmp_path, "--out", tmp_path / "out") == 1
    one_line(capfd.readouterr().err, str(tmp_path), "mtmm-video batch")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("analyze", "a/talk.mp4", "b/talk.mp4"), ("a/talk.mp4", "b/talk.mp4")),
        (("analyze", "a.mp4", "b.mp4", "--transcript", "t.srt"), ("--transcript",)),
        (("analyze", "a.mp4", "--formats", "doc"), ("doc", "json")),
        (("analyze", "a.mp4", "--visual", "eyes"), ("eyes", "mediapipe")),
        (("analyze", "a.mp4", "--asr", "huge"), ("huge", "choose one of base, tiny.en")),
        (("batch", ".", "--memory", "much"), ("much", "20GB")),
        (("serve", ".", "--every", "15m", "--cron", "* * * * *"), ("--every", "--cron")),
        (("serve", ".", "--every", "15m"), ("prefect server start",)),
        (("cache", "prune"), ("--older-than",)),
        (("cache", "prune", "--older-than", "soon"), ("soon", "30d")),
    ],
)
def test_options_that_make_no_sense_say_which(
    arguments: tuple[str, ...],
    named: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert mtmm(monkeypatch, *arguments) == 1
    one_line(capfd.readouterr().err, *named)


@pytest.mark.usefixtures("own_server", "empty_cache")
def test_one_bad_file_does_not_stop_the_others(
    tiny_video: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    quiet = tmp_path / "quiet.mp4"
    write_video(quiet, seconds=0.5)
    out = tmp_path / "out"
    code = mtmm(
        monkeypatch, "analyze", tmp_path / "no.mp4", quiet, "--visual", "none", "--formats", "json,csv", "--out", out
    )
    assert code == 1
    captured = capfd.readouterr()
    one_line(captured.err, "no.mp4")
    assert "quiet" in captured.out
    content = json.loads((out / "quiet.json").read_text(encoding="utf-8"))
    assert content["utterances"] == []
    assert any("nothing to label" in note for note in content["notes"])


def test_an_output_folder_that_cannot_be_made_is_named_before_any_work(
    tiny_video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    assert mtmm(monkeypatch, "analyze", tiny_video, "--out", tmp_path / "file" / "out") == 1
    one_line(capfd.readouterr().err, str(tmp_path / "file" / "out"), "--out")


@pytest.mark.usefixtures("empty_cache")
def test_a_prefect_server_that_does_not_answer_is_named(
    tiny_video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    address = "http://127.0.0.1:9/api"  # the discard port: nobody listens
    monkeypatch.setenv("PREFECT_API_URL", address)
    with temporary_settings({PREFECT_API_URL: address}):
        assert mtmm(monkeypatch, "analyze", tiny_video, "--visual", "none", "--out", tmp_path / "out") == 1
    one_line(capfd.readouterr().err, address)
