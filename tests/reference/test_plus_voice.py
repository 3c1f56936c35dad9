"""The shipped `plus` hears acted emotions of speakers it has not learnt from, with the words held still."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from mtmm_video.foundation.errors import WeightsError
from mtmm_video.model.checkpoint import Checkpoint, load_checkpoint
from mtmm_video.model.checkpoint_file import shipped
from mtmm_video.model.features import VideoFeatures
from mtmm_video.model.prediction import predict
from mtmm_video.pipeline.corpora.ravdess import acted_features, vstack
from mtmm_video.pipeline.media.reading import read_waveform
from mtmm_video.pipeline.training.tables import RAVDESS_VALID
from mtmm_video.pipeline.weights.resolution import resolve

pytestmark = [pytest.mark.slow, pytest.mark.reference]

# RAVDESS names: emotion, intensity (02 strong; neutral has none), statement 01, repetition 01.
RAVDESS = {"neutral": "01-01", "anger": "05-02", "disgust": "07-02", "fear": "06-02", "happy": "03-02", "sad": "04-02"}
AUDIO2FACE = {"neutral": "neutral", "anger": "anger", "sad": "sadness"}
CREMA = {"neutral": "NEU", "anger": "ANG", "disgust": "DIS", "fear": "FEA", "happy": "HAP", "sad": "SAD"}


@pytest.fixture(autouse=True)
def weights() -> None:
    try:
        resolve("whisper-base")
    except WeightsError as error:
        pytest.skip(f"needs whisper base: {error}")


def rises(checkpoint: Checkpoint, waveforms: dict[str, np.ndarray], *, sample_rate: int) -> dict[str, float]:
    """Label a speaker's recordings as the utterances of one video; return each emotion's change against neutral."""
    clips = [
        acted_features(waveform, sample_rate=sample_rate, model=resolve("whisper-base"))
        for waveform in waveforms.values()
    ]
    voice = vstack(clips)
    found = predict(checkpoint, VideoFeatures("acted", {"acoustic": voice})).utterances
    labels = dict(zip(waveforms, (utterance.emotion_probabilities for utterance in found), strict=True))
    return {name: labels[name][name] - labels["neutral"][name] for name in waveforms if name != "neutral"}


def test_every_acted_emotion_is_heard_in_unseen_speakers(shared: Path) -> None:
    checkpoint = load_checkpoint(shipped("plus"))
    changes = []
    for speaker in RAVDESS_VALID:
        folder = shared / "data" / "ravdess" / speaker
        paths = {name: folder / f"03-01-{code}-01-01-{speaker[1:]}.flac" for name, code in RAVDESS.items()}
        read = {name: soundfile.read(path, dtype="float64")[0] for name, path in paths.items()}
        changes.append(rises(checkpoint, read, sample_rate=16_000))
    for name in changes[0]:
        assert np.mean([change[name] for change in changes]) > 0.1, name


# Claire's sadness is not heard (docs/plus.md), so it is not asked for.
@pytest.mark.parametrize(("speaker", "emotion"), [("Claire", "anger"), ("Mark", "anger"), ("Mark", "sad")])
def test_an_acted_emotion_is_heard_in_another_corpus(shared: Path, speaker: str, emotion: str) -> None:
    folder = shared / "clips" / "emotion"
    paths = {name: folder / f"a2f_{speaker}_{word}.wav" for name, word in AUDIO2FACE.items()}
    read = {name: read_waveform(path).astype(np.float64) for name, path in paths.items()}
    assert rises(load_checkpoint(shipped("plus")), read, sample_rate=16_000)[emotion] > 0


@pytest.mark.parametrize("name", ["crema_1001_DFA_{}_XX.flv", "crema_1002_DFA_{}_XX.mp3"])
def test_disgust_fear_and_sadness_are_heard_over_another_microphone(shared: Path, name: str) -> None:
    folder = shared / "clips" / "emotion"
    read = {emotion: read_waveform(folder / name.format(mark)).astype(np.float64) for emotion, mark in CREMA.items()}
    changes = rises(load_checkpoint(shipped("plus")), read, sample_rate=16_000)
    for emotion in ("disgust", "fear", "sad"):  # one speaker's anger does not rise by voice alone (docs/plus.md)
        assert changes[emotion] > 0.05, emotion
