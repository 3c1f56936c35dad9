"""The sample videos give what they gave: words and labels exactly, numbers within a stated tolerance."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from golden import FEATURES, PROBABILITY, VIDEOS, WORD_TIME, analysed, golden_path


@pytest.mark.slow
@pytest.mark.parametrize("video", VIDEOS, ids=lambda path: path.stem)
def test_results_are_those_that_were_written_down(video: Path) -> None:
    """After a meant change: ``python tests/sample_videos/golden.py``."""
    expected, found = json.loads(golden_path(video).read_text(encoding="utf-8")), analysed(video)
    assert [entry["text"] for entry in found["utterances"]] == [entry["text"] for entry in expected["utterances"]]
    for now, then in zip(found["utterances"], expected["utterances"], strict=True):
        for name in ("speaker", "flags", "sentiment", "emotions"):
            assert now[name] == then[name], (name, now["text"])
        for (_, *times), (_, *known) in zip(now["words"], then["words"], strict=True):
            assert times == pytest.approx(known, abs=WORD_TIME)
        for name in ("sentiment_probabilities", "emotion_probabilities"):
            assert now[name] == pytest.approx(then[name], abs=PROBABILITY), (name, now["text"])
    for modality, entry in expected["features"].items():
        assert found["features"][modality]["norms"] == pytest.approx(entry["norms"], rel=FEATURES), modality
        assert found["features"][modality]["measured"] == pytest.approx(entry["measured"], abs=1), modality
