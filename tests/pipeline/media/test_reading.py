"""Media: true times, one clock for picture and sound, upright pictures, sensible tracks, and clear errors."""

from __future__ import annotations

import gc
import os
import subprocess
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import imageio_ffmpeg
import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from mtmm_video.foundation.errors import InputError, MediaError
from mtmm_video.pipeline.media import pictures
from mtmm_video.pipeline.media.reading import probe, read_frames, read_waveform

RATE = 16_000
Make = Callable[..., Path]


@pytest.fixture(scope="session")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Make a small media file with ffmpeg: `make("name.mp4", *arguments)`."""
    folder = tmp_path_factory.mktemp("media")

    def ffmpeg(name: str, *arguments: str) -> Path:
        path = folder / name
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *arguments, f"file:{path}"]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        return path

    return ffmpeg


def lavfi(source: str) -> list[str]:
    return ["-f", "lavfi", "-i", source]


PICTURE = lavfi("testsrc=size=64x48:rate=10:duration=1")
TONE = lavfi("sine=frequency=440:sample_rate=16000:duration=1")  # peak 1/8


def level(waveform: NDArray[np.float32], start: float, end: float) -> float:
    part = waveform[round(start * RATE) : round(end * RATE)].astype(float)
    return float(np.sqrt(np.mean(part**2)))


def pitch(waveform: NDArray[np.float32]) -> float:
    spectrum = np.abs(np.fft.rfft(waveform))
    return float(np.argmax(spectrum) * RATE / len(waveform))


def write_video(path: Path, times: list[float], image: Callable[[int], NDArray[np.uint8]], rotation: int = 0) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=Fraction(100))
        stream.height, stream.width = image(0).shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        if rotation:
            stream.set_display_rotation(rotation)
        for index, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(image(index), format="rgb24")
            frame.pts, frame.time_base = round(time * 1000), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def red_left_blue_right(index: int = 0) -> NDArray[np.uint8]:
    image = np.zeros((48, 64, 3), dtype=np.uint8)
    image[:, :32, 0], image[:, 32:, 2] = 255, 255
    return image


# ------------------------------------------------------------------------------------------------------------ the clock


def test_sound_that_starts_late_is_preceded_by_silence(make: Make) -> None:
    path = make("late.mp4", *PICTURE, "-itsoffset", "0.5", *TONE)
    waveform = read_waveform(path)
    assert level(waveform, 0.0, 0.48) < 1e-4
    assert level(waveform, 0.55, 1.4) == pytest.approx(0.125 / np.sqrt(2), rel=0.05)


def test_pictures_that_start_late_keep_their_distance_to_the_sound(make: Make) -> None:
    path = make("late_picture.mkv", *TONE, "-itsoffset", "0.5", *PICTURE, "-map", "0", "-map", "1")
    times = [frame.time for frame in read_frames(path, rate=None)]
    assert times[0] == pytest.approx(0.5, abs=0.03)
    assert level(read_waveform(path), 0.1, 0.4) > 0.05


def test_a_clock_that_starts_at_ten_seconds_is_brought_to_zero(make: Make) -> None:
    path = make("ts.ts", *PICTURE, *TONE, "-output_ts_offset", "10")
    info = probe(path)
    assert info.start > 9.0
    assert next(iter(read_frames(path, rate=None))).time == pytest.approx(0.0, abs=0.11)
    assert len(read_waveform(path)) / RATE == pytest.approx(1.0, abs=0.15)


def test_lost_packets_leave_silence_not_a_shift(make: Make, tmp_path: Path) -> None:
    whole = make("whole.mkv", *lavfi("sine=frequency=440:sample_rate=16000:duration=3"), "-c:a", "pcm_s16le")
    broken = tmp_path / "broken.mkv"
    with av.open(str(whole)) as source, av.open(str(broken), "w") as target:
        stream = target.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(source.streams.audio[0]):
            if packet.pts is None or 1.0 <= float(packet.pts * packet.time_base) < 1.5:
                continue
            packet.stream = stream
            target.mux(packet)
    waveform = read_waveform(broken)
    assert len(waveform) / RATE == pytest.approx(3.0, abs=0.1)
    assert level(waveform, 1.15, 1.45) < 1e-4
    assert level(waveform, 1.65, 2.9) == pytest.approx(level(waveform, 0.0, 0.9), rel=0.05)


def test_frames_carry_the_true_times_of_a_variable_rate(tmp_path: Path) -> None:
    times = [0.0, 0.1, 0.15, 0.5, 1.0]
    path = write_video(tmp_path / "vfr.mp4", times, red_left_blue_right)
    assert [frame.time for frame in read_frames(path, rate=None)] == pytest.approx(times)


def test_sampling_gives_the_first_picture_at_or_after_each_tick_and_none_twice(tmp_path: Path) -> None:
    path = write_video(tmp_path / "vfr.mp4", [0.0, 0.1, 0.15, 0.5, 0.52, 1.0], red_left_blue_right)
    assert [frame.time for frame in read_frames(path, rate=4)] == pytest.approx([0.0, 0.5, 1.0])
    assert len(list(read_frames(path, rate=1000))) == 6


@pytest.mark.parametrize("rate", [0.0, -5.0, float("nan")])
def test_a_rate_that_is_none_is_refused(tmp_path: Path, rate: float) -> None:
    with pytest.raises(InputError, match="rate"):
        next(read_frames(tmp_path / "any.mp4", rate=rate))


def test_sampling_at_the_rate_of_the_file_gives_every_picture(make: Make) -> None:
    path = make("ntsc.mp4", *lavfi("testsrc=size=64x48:rate=30000/1001:duration=2"))
    assert len(list(read_frames(path, rate=30000 / 1001))) == len(list(read_frames(path, rate=None))) == 60


def test_one_picture_is_in_memory_at_a_time(make: Make) -> None:
    path = make("many.mp4", *lavfi("testsrc=size=320x240:rate=25:duration=4"), "-preset", "ultrafast")
    tracemalloc.start()
    count = sum(1 for _ in read_frames(path, rate=None))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 100
    assert peak < 10 * 320 * 240 * 3  # bytes; all of them would take a hundred pictures


# ---------------------------------------------------------------------------------------------------------- the picture


@pytest.mark.parametrize(("rotation", "first_row", "last_row"), [(90, "blue", "red"), (-90, "red", "blue")])
def test_a_rotated_picture_comes_upright(tmp_path: Path, rotation: int, first_row: str, last_row: str) -> None:
    path = write_video(tmp_path / "rotated.mp4", [0.0, 0.1], red_left_blue_right, rotation=rotation)
    image = next(iter(read_frames(path, rate=None))).image
    assert image.shape == (64, 48, 3)
    assert (probe(path).width, probe(path).height) == (48, 64)
    channel = {"red": 0, "blue": 2}
    assert int(image[4, 24].argmax()) == channel[first_row]
    assert int(image[-4, 24].argmax()) == channel[last_row]


def test_a_picture_is_turned_as_ffmpeg_turns_it(tmp_path: Path, make: Make) -> None:
    path = write_video(tmp_path / "half.mp4", [0.0, 0.1], red_left_blue_right, rotation=180)
    still = make("still.png", "-i", str(path), "-frames:v", "1")
    expected = cv2.imread(str(still))[:, :, ::-1]
    assert np.abs(next(iter(read_frames(path, rate=None))).image.astype(int) - expected).mean() < 2


def test_narrow_pixels_are_widened(make: Make) -> None:
    path = make("anamorphic.mkv", *PICTURE, "-vf", "setsar=4/3")
    assert next(iter(read_frames(path, rate=None))).image.shape == (48, 85, 3)
    assert probe(path).width == 85


def test_large_pictures_are_scaled_down_small_ones_never_up(make: Make) -> None:
    path = make("plain.mp4", *PICTURE)
    assert next(iter(read_frames(path, rate=None, longest_side=32))).image.shape == (24, 32, 3)
    assert next(iter(read_frames(path, rate=None, longest_side=500))).image.shape == (48, 64, 3)


def test_each_picture_is_decoded_once_and_only_those_that_are_due_are_converted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: Counter[str] = Counter()
    decode, convert = pictures.pictures_of, pictures.upright

    def decoding(*arguments: Any, **named: Any) -> Iterator[Any]:
        for frame in decode(*arguments, **named):
            counted["decoded"] += 1
            yield frame

    def converting(*arguments: Any, **named: Any) -> Any:
        counted["converted"] += 1
        return convert(*arguments, **named)

    monkeypatch.setattr(pictures, "pictures_of", decoding)
    monkeypatch.setattr(pictures, "upright", converting)
    path = write_video(tmp_path / "thirty.mp4", [frame / 30 for frame in range(60)], red_left_blue_right)
    assert len(list(read_frames(path, rate=10.0))) == 20
    assert counted == {"decoded": 60, "converted": 20}


@pytest.mark.parametrize(
    ("name", "encoder", "least"),
    [
        ("h264.mp4", ["libx264", "-bf", "3"], 10),
        ("open.mkv", ["libx264", "-bf", "2", "-x264-params", "open-gop=1:keyint=12:b-pyramid=none"], 10),
        ("hevc.mp4", ["libx265", "-bf", "3", "-x265-params", "log-level=error"], 10),
        ("mpeg.mpg", ["mpeg2video", "-bf", "2"], 10),
        ("flat.mp4", ["libx264", "-bf", "0"], 0),
    ],
)
def test_pictures_that_nothing_is_predicted_from_are_left_out_and_the_others_are_the_same(
    make: Make, monkeypatch: pytest.MonkeyPatch, name: str, encoder: list[str], least: int
) -> None:
    source = lavfi("testsrc2=size=128x96:rate=30:duration=2.5")
    path = make(name, *source, "-pix_fmt", "yuv420p", "-c:v", *encoder)
    everyone = {frame.time: frame.image for frame in read_frames(path, rate=None)}
    assert len(everyone) == 75
    counted = 0
    decode = pictures.pictures_of

    def decoding(*arguments: Any, **named: Any) -> Iterator[Any]:
        nonlocal counted
        for frame in decode(*arguments, **named):
            counted += 1
            yield frame

    monkeypatch.setattr(pictures, "pictures_of", decoding)
    sampled = list(read_frames(path, rate=10.0))
    assert [frame.time for frame in sampled] == list(everyone)[::3]
    assert all(np.array_equal(frame.image, everyone[frame.time]) for frame in sampled)
    assert 75 - counted >= least


def test_a_picture_is_freed_as_soon_as_it_is_let_go(make: Make) -> None:
    path = make("plain.mp4", *PICTURE)
    gc.collect()
    gc.disable()
    try:
        for _ in read_frames(path, rate=None):
            pass
        assert sum(type(each) is av.VideoFrame for each in gc.get_objects()) <= 1
    finally:
        gc.enable()


def test_colours_are_red_green_blue(tmp_path: Path) -> None:
    path = write_video(tmp_path / "colour.mp4", [0.0, 0.1], red_left_blue_right)
    left = next(iter(read_frames(path, rate=None))).image[24, 8]
    assert left[0] > 200
    assert left[2] < 60


# ----------------------------------------------------------------------------------------------------------- the tracks


def test_cover_art_is_no_video(make: Make) -> None:
    cover = make("cover.png", *PICTURE, "-frames:v", "1")
    path = make("song.mp3", *TONE, "-i", str(cover), "-map", "0", "-map", "1", "-disposition:v", "attached_pic")
    info = probe(path)
    assert info.has_audio
    assert not info.has_video
    with pytest.raises(MediaError, match="no moving picture"):
        next(read_frames(path, rate=None))


def test_the_default_sound_track_is_read(make: Make) -> None:
    low, high = lavfi("sine=frequency=300:duration=1"), lavfi("sine=frequency=900:duration=1")
    both = [*low, *high, "-map", "0", "-map", "1", "-disposition:a:0", "0"]
    assert pitch(read_waveform(make("second.mkv", *both, "-disposition:a:1", "default"))) == pytest.approx(900, abs=5)
    assert pitch(read_waveform(make("first.mkv", *both))) == pytest.approx(300, abs=5)


def test_a_commentary_is_not_the_programme(make: Make) -> None:
    low, high = lavfi("sine=frequency=300:duration=1"), lavfi("sine=frequency=900:duration=1")
    path = make("comment.mkv", *low, *high, "-map", "0", "-map", "1", "-disposition:a:0", "comment+default")
    assert pitch(read_waveform(path)) == pytest.approx(900, abs=5)


def test_mixing_channels_down_does_not_make_sound_louder(make: Make) -> None:
    wave = "0.9*sin(2*PI*440*t)"
    for channels, layout in ((1, "mono"), (2, "stereo"), (6, "5.1")):
        source = lavfi(f"aevalsrc={'|'.join([wave] * channels)}:c={layout}:d=0.5")
        waveform = read_waveform(make(f"{layout}.m4a", *source))
        assert level(waveform, 0.1, 0.4) == pytest.approx(0.9 / np.sqrt(2), rel=0.03), layout


def test_samples_that_are_no_numbers_are_silence(tmp_path: Path) -> None:
    sound = np.full(RATE, 0.25, dtype=np.float32)
    sound[4000:4100], sound[8000], sound[9000] = np.nan, np.inf, -7.0
    soundfile.write(tmp_path / "broken.wav", sound, RATE, subtype="FLOAT")
    waveform = read_waveform(tmp_path / "broken.wav")
    assert (waveform[[100, 4050, 8000, 9000]] == [0.25, 0.0, 1.0, -1.0]).all()


# ------------------------------------------------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "empty"), (b"Dear diary,\n", "not a media file"), (bytes(range(256)) * 80, "not a media file")],
    ids=["zero bytes", "text", "bytes"],
)
def test_what_is_no_media_file_is_named_in_one_line(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "talk.mp4"
    path.write_bytes(content)
    for use in (probe, read_waveform, lambda p: list(read_frames(p, rate=1))):
        with pytest.raises(MediaError, match=reason) as caught:
            use(path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)


def test_missing_files_folders_and_pipes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="no such file"):
        probe(tmp_path / "nothing.mp4")
    with pytest.raises(MediaError, match="is a folder"):
        probe(tmp_path)
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(MediaError, match="not a regular file"):
        probe(tmp_path / "pipe.mp4")


@pytest.mark.parametrize("name", ["notes.txt", "captions.srt"])
def test_text_is_not_taken_for_a_picture_of_text(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("1\n00:00:01,000 --> 00:00:02,000\nHello there\n\n" * 50)
    with pytest.raises(MediaError):
        probe(path)


def test_a_playlist_opens_no_connection(tmp_path: Path) -> None:
    path = tmp_path / "list.m3u8"
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n")
    with pytest.raises(MediaError):
        probe(path)


def test_no_sound_and_no_picture_are_said(make: Make) -> None:
    with pytest.raises(MediaError, match="no sound"):
        read_waveform(make("mute.mp4", *PICTURE))
    assert not probe(make("mute.mp4", *PICTURE)).has_audio


@pytest.mark.parametrize("name", ["-i.mp4", "a:b c'd.mp4", "plain"])
def test_odd_names_are_only_names(make: Make, name: str) -> None:
    path = make(name, *PICTURE, *TONE, "-f", "mp4")
    assert probe(path).has_video
    assert len(read_waveform(path)) > 0


def test_a_relative_name_with_a_leading_dash(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make("-dash.mp4", *PICTURE, *TONE)
    monkeypatch.chdir(path.parent)
    assert len(read_waveform(Path("-dash.mp4"))) > 0


def test_duration_is_measured_where_the_file_does_not_say(make: Make) -> None:
    path = make("live.mkv", *PICTURE, *TONE, "-live", "1")
    assert probe(path).duration == pytest.approx(1.0, abs=0.1)


def test_damage_is_survived_and_spoilt_pictures_are_left_out(make: Make, tmp_path: Path) -> None:
    whole = make("long.mkv", *lavfi("testsrc=size=64x48:rate=10:duration=4"), "-g", "10", "-c:v", "mpeg4")
    content = bytearray(whole.read_bytes())
    content[len(content) // 3 : len(content) // 3 + 400] = os.urandom(400)
    path = tmp_path / "damaged.mkv"
    path.write_bytes(content)
    times = [frame.time for frame in read_frames(path, rate=None)]
    assert 10 <= len(times) < 40
    assert times == sorted(times)
    assert times[-1] > 3.0  # the key frames after the damage start anew


def test_a_truncated_file_gives_what_is_there(make: Make, tmp_path: Path) -> None:
    whole = make("whole2.mkv", *lavfi("testsrc=size=64x48:rate=10:duration=4"), *lavfi("sine=duration=4"))
    path = tmp_path / "cut.mkv"
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    assert 5 < len(list(read_frames(path, rate=None))) < 40


def test_libav_is_silent(make: Make, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "cut.ts"
    path.write_bytes(make("noise.ts", *PICTURE, *TONE, "-g", "3").read_bytes()[3000:])
    list(read_frames(path, rate=None))
    read_waveform(path)
    assert capfd.readouterr() == ("", "")


# ------------------------------------------------------------------------------------------------------ real recordings

REFUSED = {"random_bytes.mp4", "text_as.mp4", "truncated.mp4", "zero_length.mp4"}
NO_PICTURE = {"audio_only.m4a", "cover_art.mp3"}
NO_SOUND = {"no_audio.mp4"}


@pytest.mark.slow
@pytest.mark.reference
def test_every_edge_file_gives_an_error_or_a_result(shared: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for path in sorted((shared / "clips" / "edge").iterdir()):
        if path.name in REFUSED:
            with pytest.raises(MediaError):
                probe(path)
            continue
        info = probe(path)
        assert (info.has_audio, info.has_video) == (path.name not in NO_SOUND, path.name not in NO_PICTURE), path.name
        assert info.duration > 0.4
        if info.has_audio:
            assert 0 < len(read_waveform(path)) / RATE < info.duration + 0.1
        if info.has_video:
            times = np.array([frame.time for frame in read_frames(path, rate=5, longest_side=64)])
            assert len(times) > 0
            assert (np.diff(times) > 0).all()
    assert capfd.readouterr() == ("", "")


@pytest.mark.reference
@pytest.mark.parametrize(
    ("name", "shift"), [("audio_delayed_0.7s.mp4", 0.7), ("rotate90_tag.mp4", 0.0), ("vp9_opus.webm", 0.0)]
)
def test_the_same_speech_lies_at_the_same_place_in_every_container(shared: Path, name: str, shift: float) -> None:
    reference = read_waveform(shared / "clips" / "obama_two_faces.mp4")
    waveform = read_waveform(shared / "clips" / "edge" / name)
    size = 1 << 19
    product = np.fft.irfft(np.fft.rfft(waveform, size) * np.conj(np.fft.rfft(reference, size)), size)
    assert (
        int(product.argmax()) / RATE == pytest.approx(shift, abs=0.002) or size - int(product.argmax()) < 0.002 * RATE
    )
