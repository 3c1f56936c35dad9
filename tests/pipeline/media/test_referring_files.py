"""A file that names other files or addresses reads nothing but itself."""

from __future__ import annotations

import socket
import struct
import subprocess
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from mtmm_video.foundation.errors import MediaError
from mtmm_video.pipeline.media.reading import probe, read_frames, read_waveform

FILES = {
    "concat.mp4": "ffconcat version 1.0\nfile secret.wav\n",
    "absolute.mp4": "ffconcat version 1.0\nfile '{folder}/secret.wav'\n",
    "network.mp4": "ffconcat version 1.0\nfile http://127.0.0.1:{port}/a.wav\n",
    "list.m3u8": "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nsecret.wav\n#EXT-X-ENDLIST\n",
    "renamed.mp4": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://{folder}/secret.wav\n#EXT-X-ENDLIST\n",
    "master.m3u8": "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nhttp://127.0.0.1:{port}/a.m3u8\n",
    "dash.mpd": (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet>'
        '<Representation id="1"><BaseURL>http://127.0.0.1:{port}/a.mp4</BaseURL></Representation></AdaptationSet>'
        "</Period></MPD>"
    ),
    "session.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio {port} RTP/AVP 0\n",
    "winamp.pls": "[playlist]\nFile1=http://127.0.0.1:{port}/a.mp3\n",
    "picture.svg": (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'
        '<image xlink:href="http://127.0.0.1:{port}/a.png" width="9" height="9"/></svg>'
    ),
    "subtitles.idx": "# VobSub index file, v7\nsize: 9x9\n",
}


@pytest.mark.parametrize("name", FILES)
def test_nothing_else_is_read(tmp_path: Path, name: str) -> None:
    soundfile.write(tmp_path / "secret.wav", 0.1 * np.ones(16_000), 16_000)
    with socket.create_server(("127.0.0.1", 0)) as server:
        path = tmp_path / name
        path.write_text(FILES[name].format(folder=tmp_path, port=server.getsockname()[1]))
        for use in (probe, read_waveform, lambda file: list(read_frames(file, rate=1.0))):
            with pytest.raises(MediaError, match=name):
                use(path)
        server.settimeout(0.05)
        with pytest.raises(TimeoutError):
            server.accept()


def test_a_playlist_is_named(tmp_path: Path) -> None:
    path = tmp_path / "list.mp4"
    path.write_text(FILES["list.m3u8"])
    with pytest.raises(MediaError, match="is a playlist, which names other files; give the recording itself"):
        probe(path)


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def alias(path: Path) -> bytes:
    """A data reference of QuickTime to a file in the same folder (Apple, "QuickTime File Format", 2001)."""
    volume, name = b"disk", path.name.encode()
    absolute = volume + str(path).replace("/", ":").encode()
    record = bytes(14) + bytes([len(volume)]) + volume.ljust(27, b"\0") + bytes(12)
    record += bytes([len(name)]) + name.ljust(63, b"\0") + bytes(16) + struct.pack(">hh", 1, 1) + bytes(16)
    record += struct.pack(">hh", 2, len(absolute)) + absolute + bytes(len(absolute) % 2) + struct.pack(">hh", -1, 0)
    return box(b"alis", record)


def with_reference(movie: bytes, entry: bytes) -> bytes:
    """Replace the only data reference of a movie whose index is at its end."""
    place = movie.rindex(b"dref") - 4
    size = int.from_bytes(movie[place : place + 4], "big")
    reference = box(b"dref", struct.pack(">II", 0, 1) + entry)
    changed = bytearray(movie[:place] + reference + movie[place + size :])
    for kind in (b"moov", b"trak", b"mdia", b"minf", b"dinf"):
        outer = changed.rindex(kind, 0, place) - 4
        longer = int.from_bytes(changed[outer : outer + 4], "big") + len(reference) - size
        changed[outer : outer + 4] = struct.pack(">I", longer)
    return bytes(changed)


def tone(pitch: float) -> NDArray[np.float64]:
    return 0.3 * np.sin(2 * np.pi * pitch * np.arange(16_000) / 16_000)


@pytest.fixture
def movie(tmp_path: Path) -> bytes:
    """A movie of a tone of 440 Hz, and beside it raw samples of 880 Hz that a reference may name."""
    soundfile.write(tmp_path / "own.wav", tone(440), 16_000)
    (np.tile(tone(880), 4) * 32767).astype("<i2").tofile(tmp_path / "secret.mov")
    own = tmp_path / "own.mov"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(tmp_path / "own.wav"), "-c:a", "pcm_s16le"]
    subprocess.run([*command, str(own)], check=True, stdin=subprocess.DEVNULL)
    return own.read_bytes()


def test_a_quicktime_alias_is_not_followed(tmp_path: Path, movie: bytes) -> None:
    path = tmp_path / "reference.mov"
    path.write_bytes(with_reference(movie, alias(tmp_path / "secret.mov")))
    with av.open(str(path), options={"enable_drefs": "1"}) as permitted:  # FFmpeg would follow it
        heard = np.concatenate([frame.to_ndarray().ravel() for frame in permitted.decode(audio=0)])
    assert np.abs(np.fft.rfft(heard[:16_000])).argmax() == 880
    for use in (probe, read_waveform):
        with pytest.raises(MediaError, match="in other files, which are not read"):
            use(path)


@pytest.mark.parametrize("target", ["file://{folder}/secret.mov", "http://127.0.0.1:{port}/secret.mov"])
def test_a_quicktime_address_is_not_followed(tmp_path: Path, movie: bytes, target: str) -> None:
    path = tmp_path / "address.mov"
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = target.format(folder=tmp_path, port=server.getsockname()[1])
        path.write_bytes(with_reference(movie, box(b"url ", bytes(4) + address.encode() + b"\0")))
        assert np.abs(np.fft.rfft(read_waveform(path)[:16_000])).argmax() == 440  # what lies in the file itself
        server.settimeout(0.05)
        with pytest.raises(TimeoutError):
            server.accept()
