"""A file that names other files or addresses reads nothing but itself."""

from __future__ import annotations

import socket
from pathlib import Path

import numpy as np
import pytest
import soundfile

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
