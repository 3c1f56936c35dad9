"""Previews: what browsers play is left alone, what they do not is copied small, picture and sound."""

from __future__ import annotations

from pathlib import Path

import pytest

from mtmm_video.pipeline.media.preview import make_preview, preview_for
from mtmm_video.pipeline.media.probing import probe

SAMPLE = Path(__file__).resolve().parents[3] / "sample_videos" / "good_stay.mp4"


def test_h264_in_mp4_needs_no_copy(tmp_path: Path) -> None:
    assert preview_for(SAMPLE, tmp_path / "good_stay.preview.mp4") is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.reference
def test_hevc_is_copied_with_its_sound_and_length(shared: Path, tmp_path: Path) -> None:
    video = shared / "clips" / "edge" / "vfr_hevc_face_appears.mov"
    made = preview_for(video, tmp_path / "talk.preview.mp4")
    assert made is not None
    before, after = probe(video), probe(made)
    assert after.video is not None and after.video.codec == "h264"
    assert after.width is not None and after.width <= 640
    assert after.has_audio == before.has_audio
    assert after.duration == pytest.approx(before.duration, abs=0.5)
    written = made.stat().st_mtime_ns
    assert make_preview(video, before, made).stat().st_mtime_ns == written  # a second report takes the same copy
