"""The sample videos are what the sentences beside them say."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import av
import numpy as np
import pytest

FOLDER = Path(__file__).resolve().parents[2] / "sample_videos"
TRUTHS = sorted(FOLDER.glob("*.json"))


def loudness(path: Path, *, per_second: int = 100) -> np.ndarray:
    """Root mean square of the sound, `per_second` values a second."""
    with av.open(str(path)) as container:
        resampler = av.AudioResampler(format="flt", layout="mono", rate=16_000)
        pieces = [piece.to_ndarray()[0] for frame in container.decode(audio=0) for piece in resampler.resample(frame)]
    waveform = np.concatenate(pieces)
    hop = 16_000 // per_second
    frames = waveform[: len(waveform) // hop * hop].reshape(-1, hop)
    return np.sqrt((frames**2).mean(axis=1))


def test_there_is_one_positive_and_one_negative_video() -> None:
    assert {json.loads(path.read_text())["sentiment"] for path in TRUTHS} == {"positive", "negative"}


@pytest.mark.parametrize("path", TRUTHS, ids=lambda path: path.stem)
def test_speech_is_where_the_truth_says_and_silence_between(path: Path) -> None:
    truth = json.loads(path.read_text())
    video = path.with_name(truth["video"])
    assert video.stat().st_size < 2_000_000
    level = loudness(video)
    sentences = truth["sentences"]
    for sentence in sentences:
        assert level[round(sentence["start"] * 100) : round(sentence["end"] * 100)].mean() > 0.03
    for before, after in itertools.pairwise(sentences):
        assert after["start"] - before["end"] >= 0.6
        assert level[round(before["end"] * 100) + 5 : round(after["start"] * 100) - 5].max() < 0.01


@pytest.mark.parametrize("path", TRUTHS, ids=lambda path: path.stem)
def test_the_picture_lasts_as_long_as_the_sound(path: Path) -> None:
    with av.open(str(path.with_suffix(".mp4"))) as container:
        picture, sound = container.streams.video[0], container.streams.audio[0]
        assert picture.codec_context.name == "h264"
        assert sound.codec_context.name == "aac"
        lengths = [float(s.duration * s.time_base) for s in (picture, sound)]
    assert lengths[0] == pytest.approx(lengths[1], abs=0.1)
    assert 15 <= lengths[0] <= 25
