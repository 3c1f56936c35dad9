"""A folder is searched by content, and what is still being written is left alone."""

from __future__ import annotations

import os
import shutil
import threading
import time
from pathlib import Path

import pytest

from mtmm_video.flows import folder as folder_module
from mtmm_video.flows.folder import FoundVideo, Hashes
from mtmm_video.foundation.errors import InputError, MediaError

LONG_AGO = 1_000_000_000


@pytest.fixture(autouse=True)
def short_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look twice within a moment."""
    monkeypatch.setattr(folder_module, "LOOK_AGAIN_SECONDS", 0.1)


PLACES = ("a/talk.mp4", "b/talk.mp4", "c/talk.mp4")


def find_videos(folder: Path, *, out: Path) -> tuple[list[FoundVideo], list[tuple[Path, str]]]:
    """Look through a folder for the first time."""
    return folder_module.find_videos(folder, out=out, hashes=Hashes(Path("nowhere/hashes.json")))


def put(path: Path, source: Path | bytes) -> Path:
    """Put a file that was finished long ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(source, bytes):
        path.write_bytes(source)
    else:
        shutil.copyfile(source, path)
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


def test_videos_are_told_by_content_and_broken_ones_by_suffix(tmp_path: Path, tiny_video: Path) -> None:
    put(tmp_path / "a" / "talk.mp4", tiny_video)
    put(tmp_path / "b" / "no_suffix", tiny_video)
    put(tmp_path / "misnamed.txt", tiny_video)
    put(tmp_path / "broken.MOV", b"not a video")
    put(tmp_path / "notes.txt", b"not a video")
    put(tmp_path / ".hidden.mp4", tiny_video)
    put(tmp_path / ".trash" / "old.mp4", tiny_video)
    put(tmp_path / "out" / "copy.mp4", tiny_video)
    found, unreadable = find_videos(tmp_path, out=tmp_path / "out")
    assert [str(video.relative) for video in found] == ["a/talk.mp4", "b/no_suffix", "broken.MOV", "misnamed.txt"]
    assert unreadable == []
    assert not any(video.growing for video in found)


def test_sound_files_belong_to_a_folder_as_to_analyze(tmp_path: Path) -> None:
    put(tmp_path / "interview.wav", b"not a sound")  # broken, so that it is reported
    assert [str(video.relative) for video in find_videos(tmp_path, out=tmp_path / "out")[0]] == ["interview.wav"]


def test_a_transcript_lies_at_the_place_of_its_video(tmp_path: Path) -> None:
    for name in ("a/talk.srt", "b/talk.mp4.vtt", "b/talk.srt", "c/other.srt"):
        put(tmp_path / name, b"")
    found = {name: folder_module.find_transcript(FoundVideo(Path(name), Path(name)), tmp_path) for name in PLACES}
    assert found == dict(zip(PLACES, (tmp_path / "a/talk.srt", tmp_path / "b/talk.mp4.vtt", None), strict=True))


def test_the_same_name_in_two_folders_gives_two_reports() -> None:
    names = ("a/talk.mp4", "b/talk.mp4", "a/talk.mov", "a/talk")
    reports = {FoundVideo(Path("in") / name, Path(name)).report(Path("out")) for name in names}
    assert len(reports) == len(names)


def test_a_file_that_is_being_written_is_left_for_the_next_pass(
    tmp_path: Path, tiny_video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_module, "LOOK_AGAIN_SECONDS", 0.5)  # longer than between two writes
    settled = tmp_path / "settled.mp4"
    shutil.copyfile(tiny_video, settled)  # young, but complete
    arriving = tmp_path / "arriving.mp4"
    arriving.write_bytes(b"")

    def upload() -> None:
        for _ in range(20):
            with arriving.open("ab") as file:
                file.write(b"more")
            time.sleep(0.1)

    writer = threading.Thread(target=upload)
    writer.start()
    found, _ = find_videos(tmp_path, out=tmp_path / "out")
    writer.join()
    assert {video.path.name: video.growing for video in found} == {"arriving.mp4": True, "settled.mp4": False}


@pytest.mark.parametrize("hours", [-5, 5])
def test_a_clock_that_is_wrong_hides_no_video_and_no_upload(tmp_path: Path, tiny_video: Path, hours: int) -> None:
    """Times of change come from the clock that wrote the file, which may be hours off in either direction."""
    stamp = time.time() + 3600 * hours
    complete, arriving = put(tmp_path / "complete.mp4", tiny_video), put(tmp_path / "arriving.mp4", b"begin")
    os.utime(complete, (stamp, stamp))
    ended = threading.Event()

    def upload() -> None:
        while not ended.wait(0.02):
            with arriving.open("ab") as file:
                file.write(b"more")
            os.utime(arriving, (stamp, stamp))

    writer = threading.Thread(target=upload)
    writer.start()
    found, _ = find_videos(tmp_path, out=tmp_path / "out")
    ended.set()
    writer.join()
    assert {video.path.name: video.growing for video in found} == {"arriving.mp4": True, "complete.mp4": False}


def test_what_an_earlier_pass_has_seen_is_not_waited_for(
    tmp_path: Path, tiny_video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(tmp_path / "in" / "talk.mp4", tiny_video)
    hashes = Hashes(tmp_path / "hashes.json")
    hashes.of(path)
    monkeypatch.setattr(time, "sleep", lambda _: pytest.fail("waited"))
    ((video,), _) = folder_module.find_videos(tmp_path / "in", out=tmp_path / "out", hashes=hashes)
    assert not video.growing


def test_a_folder_that_is_none_is_refused(tmp_path: Path, tiny_video: Path) -> None:
    with pytest.raises(InputError, match="mtmm-video analyze"):
        find_videos(tiny_video, out=tmp_path)
    with pytest.raises(InputError, match="nowhere"):
        find_videos(tmp_path / "nowhere", out=tmp_path)


def test_a_folder_that_cannot_be_listed_is_reported_and_the_rest_is_found(
    tmp_path: Path, tiny_video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "open" / "talk.mp4", tiny_video)
    locked = tmp_path / "locked"
    locked.mkdir()
    real = os.scandir

    def scandir(path: str) -> object:
        if Path(path) == locked:
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    found, unreadable = find_videos(tmp_path, out=tmp_path / "out")
    assert [video.path.name for video in found] == ["talk.mp4"]
    assert unreadable == [(locked, "cannot be listed (Permission denied)")]


def test_a_hash_is_kept_until_the_file_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(tmp_path / "talk.mp4", b"first")
    hashes = Hashes(tmp_path / "hashes.json")
    first = hashes.of(path)
    hashes.save()
    with monkeypatch.context() as patched:
        patched.setattr(folder_module, "hash_video", lambda _: pytest.fail("hashed again"))
        assert Hashes(tmp_path / "hashes.json").of(path) == first
    path.write_bytes(b"second")
    assert Hashes(tmp_path / "hashes.json").of(path) != first


def test_a_damaged_list_of_hashes_costs_only_time(tmp_path: Path) -> None:
    (tmp_path / "hashes.json").write_text("{", encoding="utf-8")
    path = put(tmp_path / "talk.mp4", b"content")
    assert len(Hashes(tmp_path / "hashes.json").of(path)) == 64
    path.unlink()
    with pytest.raises(MediaError, match=r"talk\.mp4"):
        Hashes(tmp_path / "hashes.json").of(path)


def test_a_link_to_nothing_or_a_pipe_with_the_name_of_a_video_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "gone.mp4").symlink_to("nowhere.mp4")
    (tmp_path / "loop.mov").symlink_to("loop.mov")
    (tmp_path / "notes").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe.mp4")
    os.mkfifo(tmp_path / "pipe")
    found, unreadable = find_videos(tmp_path, out=tmp_path / "out")
    assert found == []
    assert [(path.name, reason) for path, reason in unreadable] == [
        ("gone.mp4", "is a link to a file that is not there"),
        ("loop.mov", "is a link to a file that is not there"),
        ("pipe.mp4", "is a pipe, not a file"),
    ]
