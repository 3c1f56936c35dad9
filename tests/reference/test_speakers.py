"""Real conversations and monologues: who speaks when, and how many there are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest
from benchmarks.diarization_error import diarization_error
from benchmarks.speakers import cut, read_rttm, turns_of

from mtmm_video.extractors.sample_rate import SAMPLE_RATE
from mtmm_video.extractors.speech.diarization import Diarization, group_pieces
from mtmm_video.foundation.errors import WeightsError
from mtmm_video.pipeline.extraction import extract
from mtmm_video.pipeline.media.reading import read_waveform
from mtmm_video.pipeline.options import AnalyzeOptions
from mtmm_video.pipeline.store.local import Store
from mtmm_video.pipeline.weights.resolution import resolve

pytestmark = pytest.mark.reference


@pytest.fixture(autouse=True)
def weights() -> None:
    for name in ("speaker-networks", "whisper-tiny.en"):
        try:
            resolve(name)
        except WeightsError as error:
            pytest.skip(f"needs the weights {name}: {error}")


def diarized(path: Path) -> Diarization:
    return group_pieces(cut(read_waveform(path))[0])


def test_similar_voices_in_short_turns_are_told_apart(shared: Path) -> None:
    path = shared / "cases/audio/sample.wav"
    error = diarization_error(read_rttm(path.with_suffix(".rttm")), turns_of(diarized(path)))
    assert error.found == 2
    assert error.rate < 0.2


def test_turns_of_a_conversation_alternate(shared: Path) -> None:
    turns = diarized(shared / "cases/audio/katiesteve.wav").turns
    speakers = [turn.speaker for turn in turns]
    in_turn = [first for first, before in zip(speakers, [None, *speakers], strict=False) if first != before]
    assert len(in_turn) == 6  # Katie, Steve, Katie, Steve, Katie, Steve
    assert set(in_turn[::2]) != set(in_turn[1::2])
    assert len(set(in_turn)) == 2


@pytest.mark.parametrize("name", ["clips/jfk.flac", "clips/katie_hill.mp4", "cases/faces/frozen_face.mp4"])
def test_a_monologue_has_one_speaker(shared: Path, name: str) -> None:
    assert len({turn.speaker for turn in diarized(shared / name).turns}) == 1


@pytest.mark.slow
def test_extract_writes_both_channels_on_one_clock(shared: Path, tmp_path: Path) -> None:
    recording = shared / "cases/audio/stereo_diarization.wav"
    options = AnalyzeOptions(asr="tiny.en", channels="split")
    paths = extract(recording, out=tmp_path, options=options, store=Store(tmp_path / "store"))
    utterances = pyarrow.parquet.read_table(paths["utterances"]).to_pylist()
    words = {speaker: text_of(utterances, speaker) for speaker in {row["speaker"] for row in utterances}}
    assert len(words) == 2
    first, second = sorted(words.values(), key=len, reverse=True)
    assert "curtain" in first
    assert "horizon" not in first
    assert "horizon" in second
    duration = len(read_waveform(recording)) / SAMPLE_RATE
    times = pyarrow.parquet.read_table(paths["acoustic"])["time"].to_numpy()
    assert (np.diff(times) > 0).all()
    assert times[-1] < duration + 0.1
    assert max(row["end"] for row in utterances) < duration + 0.1


def text_of(utterances: list[dict[str, Any]], speaker: str) -> str:
    return " ".join(row["text"] for row in utterances if row["speaker"] == speaker).lower()
