"""Extreme figures in a header cost a line, not the memory of the machine; what is unusual but real is read."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from mtmm_video.foundation.errors import MediaError
from mtmm_video.pipeline.media import media_file
from mtmm_video.pipeline.media.reading import probe, read_channels, read_frames, read_waveform

RATE = 16_000


@pytest.fixture
def wav(tmp_path: Path) -> Callable[..., Path]:
    """Make a second of noise whose header gives other figures: `wav(channels=255)`."""

    def make(*, channels: int = 1, rate: int = RATE) -> Path:
        path = tmp_path / "talk.wav"
        soundfile.write(path, 0.1 * np.random.default_rng(0).standard_normal(RATE), RATE)
        content = bytearray(path.read_bytes())
        content[22:28] = struct.pack("<HI", channels, rate)
        path.write_bytes(content)
        return path

    return make


@pytest.mark.parametrize("count", [8, 9, 16, 64])
def test_every_channel_of_a_recorder_is_read(tmp_path: Path, count: int) -> None:
    """Channel n is a constant of its own."""
    path = tmp_path / "recorder.wav"
    constants = np.arange(1, count + 1) / 128
    soundfile.write(path, np.tile(constants, (RATE, 1)), RATE)
    channels = read_channels(path)
    assert np.array([channel[RATE // 2] for channel in channels]) == pytest.approx(constants, abs=1e-4)
    assert len(read_waveform(path)) == RATE


@pytest.mark.parametrize("count", [65, 255])
def test_more_channels_than_can_be_mixed_are_refused(wav: Callable[..., Path], count: int) -> None:
    with pytest.raises(MediaError, match=rf"talk\.wav: has {count} channels; mix them down"):
        probe(wav(channels=count))


@pytest.mark.parametrize("rate", [1, 10, 1999])
def test_a_rate_without_speech_does_not_become_hours_of_waveform(wav: Callable[..., Path], rate: int) -> None:
    with pytest.raises(MediaError, match=rf"talk\.wav: has sound at {rate} Hz, which carries no speech"):
        probe(wav(rate=rate))


@pytest.mark.parametrize("rate", [2000, 768_000])
def test_low_and_high_rates_are_read(wav: Callable[..., Path], rate: int) -> None:
    assert len(read_waveform(wav(rate=rate))) == pytest.approx(RATE * RATE / rate, rel=0.01)


def test_a_huge_picture_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "huge.y4m"
    path.write_bytes(b"YUV4MPEG2 W12000 H12000 F5:1 C420jpeg\n" + b"FRAME\n" + bytes(1000))
    with pytest.raises(MediaError, match=r"huge\.y4m: has a picture of 12000 x 12000 pixels; scale it down"):
        probe(path)


def test_a_picture_that_outgrows_its_header_is_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A header of 64 x 48 before pictures of 640 x 480, with a limit between the two."""
    path = tmp_path / "growing.avi"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=5)
        stream.width, stream.height, stream.pix_fmt = 640, 480, "yuvj420p"
        for _ in range(3):
            frame = av.VideoFrame.from_ndarray(np.zeros((480, 640, 3), np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert len(list(read_frames(path, rate=None))) == 3
    content = path.read_bytes().replace(struct.pack("<ii", 640, 480), struct.pack("<ii", 64, 48))
    path.write_bytes(content)
    monkeypatch.setattr(media_file, "LARGEST_PICTURE", 64 * 48)
    with pytest.raises(MediaError, match=r"growing\.avi"):
        list(read_frames(path, rate=None))
