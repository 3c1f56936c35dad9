"""Step artefacts come back as they were written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mtmm_video.model.features import ModalityFeatures, VideoFeatures
from mtmm_video.pipeline.quality import Quality
from mtmm_video.pipeline.store.artefacts import load_features, save_features


@pytest.mark.parametrize("speakers", [None, ("Ann", "")])
def test_features_come_back_with_who_spoke(tmp_path: Path, speakers: tuple[str, ...] | None) -> None:
    values = np.array([[1.5, 0.0], [-2.0, 3.0]], np.float32)
    voice = ModalityFeatures(values, values != 0, ("F0", "VUV"), "covarep-74/1")
    written = VideoFeatures("talk", {"acoustic": voice}, speakers=speakers)
    quality = [
        Quality(asr_confidence=0.5, unknown_word_share=0.0),
        Quality(asr_confidence=None, unknown_word_share=1.0),
    ]
    path = tmp_path / "features.safetensors"
    save_features(path, written, quality=quality)
    features, figures = load_features(path, video_id="talk")
    assert features.speakers == speakers
    np.testing.assert_array_equal(features.modalities["acoustic"].values, values)
    np.testing.assert_array_equal(features.modalities["acoustic"].valid, values != 0)
    assert list(figures) == quality
