"""One clock for sound and picture: through gaps, restarts, overlaps, damaged stamps; and what a cut file says."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest

from mtmm_video.foundation.errors import MediaError
from mtmm_video.pipeline.media.clock import build_clock
from mtmm_video.pipeline.media.presence import find_presence
from mtmm_video.pipeline.media.reading import probe, read_frames, read_waveform

RATE = 16_000
STEP = 0.02  # seconds of a packet in these tests
Make = Callable[..., Path]


@pytest.fixture(scope="session")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Make a small media file with ffmpeg: `make("name.mp4", *arguments)`."""
    folder = tmp_path_factory.mktemp("clock")

    def ffmpeg(name: str, *arguments: str) -> Path:
        path = folder / name
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *arguments, f"file:{path}"]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        return path

    return ffmpeg


def talk(pitch: int, seconds: float = 2.0) -> list[str]:
    picture = f"testsrc=size=64x48:rate=25:duration={seconds}"
    sound = f"sine=frequency={pitch}:sample_rate=16000:duration={seconds}"
    return ["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound, "-c:v", "mpeg2video", "-c:a", "mp2"]


def packets(*stretches: tuple[float, float]) -> tuple[list[int], dict[int, list[float]], dict[int, list[float]]]:
    """Packets of a sound (0) and a picture (1) in turn, from and to the given times."""
    times = [float(time) for first, last in stretches for time in np.arange(first, last, STEP)]
    order = [stream for _ in times for stream in (0, 1)]
    return order, {0: list(times), 1: list(times)}, {0: [STEP] * len(times), 1: [STEP] * len(times)}


def loud(path: Path, pitch: int) -> tuple[float, float]:
    """First and last second in which a tone is heard."""
    waveform = read_waveform(path)
    size = RATE // 20
    frames = waveform[: len(waveform) // size * size].reshape(-1, size)
    wave = np.exp(-2j * np.pi * pitch * np.arange(size) / RATE)
    heard = np.flatnonzero(np.abs(frames @ wave) / size > 0.02)
    return float(heard[0]) / 20, float(heard[-1] + 1) / 20


def test_a_gap_moves_nothing() -> None:
    clock = build_clock(*packets((0, 5), (25, 30)), start=0.0, audio=0)
    assert clock.shifts == {}
    assert clock.gaps == (pytest.approx((5.0, 25.0)),)
    assert clock.end == pytest.approx(30.0)


def test_a_clock_that_starts_again_goes_on_behind() -> None:
    clock = build_clock(*packets((0, 5), (0, 3)), start=0.0, audio=0)
    assert clock.restarts == (pytest.approx(5.0),)
    assert clock.end == pytest.approx(8.0)
    assert clock.shift(0, 300) == clock.shift(1, 300) == pytest.approx(5.0)
    assert clock.gaps == ()


def test_a_small_overlap_stays_where_the_container_has_it() -> None:
    clock = build_clock(*packets((100, 110), (108, 120)), start=100.0, audio=0)
    assert clock.shifts == {}
    assert clock.overlaps == (pytest.approx((108.0, 110.0)),)


def test_a_clock_that_was_set_forward_by_a_day_is_no_hole() -> None:
    clock = build_clock(*packets((0, 5), (86_400, 86_405)), start=0.0, audio=0)
    assert clock.end == pytest.approx(10.0)
    assert clock.restarts == (pytest.approx(5.0),)


def test_one_damaged_stamp_moves_nothing_else() -> None:
    order, times, lengths = packets((0, 5))
    times[0][100] = 7000.0
    clock = build_clock(order, times, lengths, start=0.0, audio=0)
    assert clock.end == pytest.approx(5.0)
    assert clock.gaps == clock.restarts == ()
    assert 7000.0 + clock.shift(0, 100) == pytest.approx(2.0)


def test_sound_and_picture_meet_again_after_a_hole(make: Make, tmp_path: Path) -> None:
    first = make("first.ts", *talk(500))
    second = make("second.ts", *talk(900), "-output_ts_offset", "20")
    path = tmp_path / "hole.ts"
    path.write_bytes(first.read_bytes() + second.read_bytes())
    assert loud(path, 500) == pytest.approx((0.0, 2.0), abs=0.1)
    assert loud(path, 900) == pytest.approx((20.0, 22.0), abs=0.1)
    times = [frame.time for frame in read_frames(path, rate=None)]
    assert len([time for time in times if time > 10]) == 50
    assert next(time for time in times if time > 10) == pytest.approx(20.0, abs=0.1)
    presence = find_presence(path, probe(path))
    assert "gap from 2.0 to 20.0 s" in presence.remarks[0]


def test_recordings_put_together_are_heard_and_seen_one_after_the_other(make: Make, tmp_path: Path) -> None:
    path = tmp_path / "joined.ts"
    path.write_bytes(make("first.ts", *talk(500)).read_bytes() + make("again.ts", *talk(900)).read_bytes())
    assert loud(path, 500) == pytest.approx((0.0, 2.0), abs=0.1)
    assert loud(path, 900) == pytest.approx((2.0, 4.0), abs=0.1)
    assert len(list(read_frames(path, rate=None))) == pytest.approx(100, abs=3)
    assert find_presence(path, probe(path)).duration == pytest.approx(4.0, abs=0.1)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "flv", "avi", "wav", "flac", "mp3"])
def test_a_file_that_breaks_off_says_what_it_claims(make: Make, tmp_path: Path, suffix: str) -> None:
    codecs = {"flv": ["-c:v", "flv", "-c:a", "mp3", "-ar", "44100"]}.get(suffix, [])
    only_sound = ["-vn"] if suffix in ("wav", "flac", "mp3") else []
    quiet = ["-c:a", {"wav": "pcm_s16le", "flac": "flac"}.get(suffix, "mp3")] if not codecs else []
    extra = ["-movflags", "+faststart"] if suffix == "mp4" else []
    whole = make(f"whole.{suffix}", *talk(500, 6.0), *codecs, *quiet, *only_sound, *extra)
    assert find_presence(whole, probe(whole)).claimed_duration is None
    cut = tmp_path / f"cut.{suffix}"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    presence = find_presence(cut, probe(cut))
    assert presence.claimed_duration == pytest.approx(6.0, abs=0.2)
    assert 1.5 < presence.duration < 4.8
    assert "is incomplete" in presence.remarks[0]


def test_a_recording_without_its_index_is_named(make: Make, tmp_path: Path) -> None:
    whole = make("late_index.mp4", *talk(500))
    path = tmp_path / "cut.mp4"
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(MediaError, match=r"cut\.mp4: is an MP4 or MOV file without its index"):
        probe(path)


@pytest.mark.parametrize(("suffix", "kind"), [("jpg", "JPEG"), ("png", "PNG"), ("webp", "WebP")])
def test_a_picture_with_the_name_of_a_video_is_named(make: Make, tmp_path: Path, suffix: str, kind: str) -> None:
    picture = make(f"picture.{suffix}", "-f", "lavfi", "-i", "testsrc=size=64x48:duration=1", "-frames:v", "1")
    path = tmp_path / "photo.mp4"
    path.write_bytes(picture.read_bytes())
    with pytest.raises(MediaError, match=f"still image .*{kind}") as caught:
        probe(path)
    assert "photo.mp4" in str(caught.value)


@pytest.mark.reference
@pytest.mark.parametrize(
    ("name", "last", "pieces"),
    [
        ("gap_20s.ts", 29.9, [(0.0, 5.0), (25.0, 29.8)]),
        ("audio_delay_4s.mkv", 9.0, [(4.0, 9.0)]),
        ("start_582s.ts", 5.0, [(0.0, 5.0)]),
        ("pts_wrap.ts", 5.0, [(0.0, 5.0)]),
        ("cut_negative_start.mkv", 13.4, [(0.0, 13.2)]),
        ("three_audio.mkv", 5.0, [(0.0, 5.0)]),
    ],
)
def test_real_clocks(shared: Path, name: str, last: float, pieces: list[tuple[float, float]]) -> None:
    path = shared / "cases" / "containers" / name
    assert find_presence(path, probe(path)).duration == pytest.approx(last, abs=0.1)
    waveform = read_waveform(path)
    silent = waveform.copy()
    for start, end in pieces:
        assert np.abs(waveform[round(start * RATE) : round(end * RATE)]).max() > 0.1
        silent[round(max(start - 0.05, 0) * RATE) : round((end + 0.3) * RATE)] = 0.0
    assert np.abs(silent).max() < 0.01


@pytest.mark.reference
@pytest.mark.parametrize(("name", "there"), [("truncated_faststart.mp4", 2.9), ("frag_truncated.mp4", 1.0)])
def test_real_files_that_break_off(shared: Path, name: str, there: float) -> None:
    path = shared / "cases" / "containers" / name
    info = probe(path)
    presence = find_presence(path, info)
    assert presence.duration == pytest.approx(there, abs=0.1)
    assert presence.claimed_duration == pytest.approx(5.0, abs=0.1)
    assert info.empty_tracks == (("audio",) if name == "frag_truncated.mp4" else ())


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "flv"])
def test_a_hole_is_told_in_every_container(make: Make, suffix: str) -> None:
    hole = ["-vf", r"setpts=PTS+gte(T\,1)*20/TB", "-af", r"asetpts=PTS+gte(T\,1)*20/TB", "-fps_mode", "passthrough"]
    path = make(f"hole.{suffix}", *talk(440)[:-4], *hole, "-c:v", "libx264", "-c:a", "aac")
    first, last = loud(path, 440)
    assert (first, last) == (pytest.approx(0.0, abs=0.1), pytest.approx(22.0, abs=0.2))
    assert any(re.fullmatch(r"The audio has a gap from (?:0|1)\.\d to 2[01]\.\d s\.", text) for text in remarks(path))


@pytest.mark.parametrize("suffix", ["mkv", "flv", "mp4"])
def test_a_file_that_starts_late_is_complete(make: Make, suffix: str) -> None:
    offset = ["-output_ts_offset", "582", "-c:v", "libx264", "-c:a", "aac"]
    assert remarks(make(f"late.{suffix}", *talk(440)[:-4], *offset)) == ()


@pytest.mark.parametrize(
    ("name", "codecs"),
    [
        ("fragments.mp4", ["libx264", "aac", "-movflags", "+frag_keyframe+empty_moov", "-g", "10"]),
        ("cut.wmv", ["wmv2", "wmav2"]),
        ("cut.avi", ["mpeg4", "mp2"]),
        ("cut.w64", ["", "pcm_s16le"]),
    ],
)
def test_a_file_that_is_smaller_than_it_announces(make: Make, tmp_path: Path, name: str, codecs: list[str]) -> None:
    video, audio, *more = codecs
    picture = ["-c:v", video] if video else ["-vn"]
    whole = make(name, *talk(440, 4.0)[:-4], *picture, "-c:a", audio, *more)
    assert remarks(whole) == ()
    path = tmp_path / name
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size * 6 // 10])
    assert "is incomplete" in remarks(path)[0]


def remarks(path: Path) -> tuple[str, ...]:
    return find_presence(path, probe(path)).remarks
