"""Long recordings lie in a file, where there is room for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from mtmm_video.extractors.sample_rate import SAMPLE_RATE
from mtmm_video.pipeline.media import silence as module
from mtmm_video.pipeline.media.reading import read_waveform
from mtmm_video.pipeline.media.silence import silence


@pytest.mark.parametrize("writable", [True, False])
def test_a_long_recording_is_read_as_a_short_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writable: bool
) -> None:
    path = tmp_path / "stereo.wav"
    soundfile.write(path, 0.1 * np.random.default_rng(0).standard_normal((3 * SAMPLE_RATE, 2)), SAMPLE_RATE)
    short = read_waveform(path)
    monkeypatch.setattr(module, "MOST_IN_MEMORY", 1000)
    monkeypatch.setenv("MTMM_CACHE_DIR", str(tmp_path / "cache"))
    if not writable:
        (tmp_path / "cache").write_bytes(b"")
    long = read_waveform(path)
    assert np.array_equal(long, short)
    assert silence(1001).tolist() == [0.0] * 1001
    assert silence(1001).flags.owndata != writable
    if writable:
        assert list((tmp_path / "cache").iterdir()) == []
