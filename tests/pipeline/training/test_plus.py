"""Mixing corpora for `plus`: acted clips have MOSEI's base rates, and agree with the words as often as told."""

from __future__ import annotations

import gzip
import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mtmm_video.extractors.visual.names import FACET_NAMES
from mtmm_video.model.features import Modality, ModalityFeatures
from mtmm_video.model.labels import EMOTION_CLASSES, EMOTIONS
from mtmm_video.model.table import Labels, UtteranceTable
from mtmm_video.pipeline.corpora.faces import NEUTRAL, label_profiles, single_utterances, strongest_emotions
from mtmm_video.pipeline.training.mixture import (
    ClipSampling,
    attach_clips,
    attach_facet,
    clip_weights,
    label_clips,
    sessions,
)

VIDEOS, LENGTH = 200, 5


def ones(count: int, names: tuple[str, ...], version: str) -> ModalityFeatures:
    return ModalityFeatures(
        np.ones((count, len(names)), np.float32), np.ones((count, len(names)), bool), names, version
    )


@pytest.fixture(scope="module")
def mosei() -> UtteranceTable:
    generator = np.random.default_rng(0)
    n = VIDEOS * LENGTH
    intensities = np.zeros((n, 6), np.float32)
    strongest = generator.choice(7, size=n, p=[0.1, 0.1, 0.05, 0.4, 0.1, 0.05, 0.2])
    intensities[np.arange(n)[strongest < 6], strongest[strongest < 6]] = 2.0
    sentiment = np.where(strongest == 3, 2.0, -1.0)
    return UtteranceTable(
        video_ids=tuple(f"v{index}" for index in range(VIDEOS)),
        splits=("train",) * 150 + ("valid",) * 50,
        corpora=("mosei",) * VIDEOS,
        offsets=np.arange(0, n + 1, LENGTH, dtype=np.int64),
        modalities={"text": ones(n, ("glove_0",), "glove-test/1")},
        labels=Labels.from_intensities(sentiment, intensities),
        segments=tuple(f"v{row // LENGTH}[{row % LENGTH}]" for row in range(n)),
        texts=("a word",) * n,
    )


@pytest.fixture(scope="module")
def clips() -> UtteranceTable:
    """Ten clips of each emotion and thirty neutral ones; column 0 tells the emotion, so that it can be found again."""
    emotions = [name for name in EMOTIONS for _ in range(10)] + [NEUTRAL] * 30
    names = ("F0",)
    values = np.array([[EMOTIONS.index(name) if name in EMOTIONS else 6] for name in emotions], np.float32)
    return single_utterances(
        [f"clip{index}" for index in range(len(emotions))],
        corpus="acted",
        emotions=emotions,
        splits=["train"] * len(emotions),
        modality="acoustic",
        features=ModalityFeatures(values, np.ones_like(values, dtype=bool), names, "acted/1"),
    )


def attached(mosei: UtteranceTable, clips: UtteranceTable, sampling: ClipSampling) -> UtteranceTable:
    profiles = label_profiles(mosei.split("train"))
    return attach_clips(
        mosei, clips, modality="acoustic", one_speaker=False, profiles=profiles, sampling=sampling, seed=1
    )


def test_profiles_are_shares_of_the_corpus(mosei: UtteranceTable) -> None:
    profiles = label_profiles(mosei.split("train"))
    assert sum(profiles[name].share for name in EMOTION_CLASSES) == pytest.approx(1)
    assert profiles["happy"].positive == 1
    assert profiles["anger"].positive == 0
    assert profiles["none"].emotion[-1] == 1
    assert 0 < profiles[NEUTRAL].positive < 1, "an even voice is no verdict"


def test_an_acted_emotion_says_of_the_others_no_more_than_an_even_voice(mosei: UtteranceTable) -> None:
    together = mosei.labels.emotion.copy()
    together[together[:, EMOTIONS.index("fear")] == 1, EMOTIONS.index("happy")] = 1  # frightened words, yet happy ones
    profiles = label_profiles(replace(mosei, labels=replace(mosei.labels, emotion=together)).split("train"))
    even = profiles[NEUTRAL].emotion
    for index, name in enumerate(EMOTIONS):
        others = np.arange(len(EMOTIONS)) != index
        assert (profiles[name].emotion[:-1][others] <= even[:-1][others]).all()
        assert profiles[name].emotion[index] == 1
    assert even[EMOTIONS.index("happy")] < 1


def test_strongest_emotion_of_unknown_labels_is_unknown() -> None:
    assert strongest_emotions(Labels.unknown(2)).tolist() == [-1, -1]


def test_a_believed_voice_always_agrees_and_a_disbelieved_one_never_tells(
    mosei: UtteranceTable, clips: UtteranceTable
) -> None:
    strongest = strongest_emotions(mosei.labels)
    believed = attached(mosei, clips, ClipSampling(videos=1, neutral=0, matched=1)).modalities["acoustic"]
    rows = believed.present
    assert (believed.values[rows, 0] == strongest[rows]).all()
    ignored = attached(mosei, clips, ClipSampling(videos=1, neutral=0, matched=0)).modalities["acoustic"]
    happy = ignored.values[rows, 0] == EMOTIONS.index("happy")
    assert happy[strongest[rows] == 3].mean() == pytest.approx(happy[strongest[rows] != 3].mean(), abs=0.1)


def test_only_training_videos_get_clips_and_natural_features_stay(mosei: UtteranceTable, clips: UtteranceTable) -> None:
    natural = ModalityFeatures(
        np.full((len(mosei), 1), 99, np.float32), np.zeros((len(mosei), 1), bool), ("F0",), "acted/1"
    )
    natural.valid[:3] = True
    table = replace(mosei, modalities={**mosei.modalities, "acoustic": natural})
    found = attached(table, clips, ClipSampling(videos=1)).modalities["acoustic"]
    assert (found.values[:3, 0] == 99).all()
    assert found.present[: 150 * LENGTH].all()
    assert not found.present[150 * LENGTH :].any()


def test_weighted_clips_have_the_base_rates_of_natural_speech(mosei: UtteranceTable, clips: UtteranceTable) -> None:
    profiles = label_profiles(mosei.split("train"))
    weights = clip_weights(clips, profiles, sampling=ClipSampling(neutral=0.5, share_power=1), weight=0.3)
    per_clip = np.array([weights[corpus] for corpus in clips.corpora])
    assert per_clip.mean() == pytest.approx(0.3)
    emotions = np.array([corpus.split("/")[1] for corpus in clips.corpora])
    happy, anger = (per_clip[emotions == name].sum() for name in ("happy", "anger"))
    assert happy / anger == pytest.approx(profiles["happy"].share / profiles["anger"].share)
    even = clip_weights(clips, profiles, sampling=ClipSampling(neutral=0.5, share_power=0), weight=0.3)
    assert even["acted/happy"] == pytest.approx(even["acted/anger"]), "ten clips of each"
    assert label_clips(clips, profiles).labels.emotion[emotions == "sad", EMOTIONS.index("sad")].min() == 1


@pytest.fixture(scope="module")
def voices() -> UtteranceTable:
    """Four speakers with three clips of each emotion and six neutral ones; column 0 is the emotion, 1 the speaker."""
    emotions = [name for name in EMOTIONS for _ in range(3)] + [NEUTRAL] * 6
    kinds = [EMOTIONS.index(name) if name in EMOTIONS else 6 for name in emotions]
    values = np.array([[kind, speaker] for speaker in range(4) for kind in kinds], np.float32)
    return single_utterances(
        [f"R{speaker}/{index}" for speaker in range(4) for index in range(len(emotions))],
        corpus="acted",
        emotions=emotions * 4,
        splits=["train"] * 3 * len(emotions) + ["valid"] * len(emotions),
        modality="acoustic",
        features=ModalityFeatures(values, np.ones_like(values, dtype=bool), ("F0", "VUV"), "acted/1"),
    )


def test_a_session_is_one_speaker_now_even_and_now_not(mosei: UtteranceTable, voices: UtteranceTable) -> None:
    profiles = label_profiles(mosei.split("train"))
    sampling = ClipSampling(neutral=0.6, share_power=0, longest_session=8, session_utterances=4000)
    table = sessions(voices, profiles=profiles, sampling=sampling, seed=1)
    kinds, speakers = table.modalities["acoustic"].values.T
    shares = []
    for start, end in itertools.pairwise(table.offsets):
        assert len(set(speakers[start:end].tolist())) == 1
        shares.append((kinds[start:end] == 6).mean())
    assert set(speakers.tolist()) == {0, 1, 2}, "the fourth is held out"
    assert table.lengths.max() == 8
    assert (table.lengths == 1).mean() == pytest.approx(0.25, abs=0.05)
    assert np.mean(shares) == pytest.approx(0.6, abs=0.05)
    assert {0.0, 1.0} < set(shares), "some sessions are neutral throughout, some never"
    felt = np.bincount(kinds[kinds < 6].astype(int), minlength=6)
    assert felt.min() > 0.8 * felt.max(), "share_power 0: all emotions alike"
    assert (table.labels.emotion[kinds == 4, EMOTIONS.index("sad")] == 1).all()


def test_a_video_gets_the_voice_of_one_speaker(mosei: UtteranceTable, voices: UtteranceTable) -> None:
    table = attach_clips(
        mosei,
        voices,
        modality="acoustic",
        one_speaker=True,
        profiles=label_profiles(mosei.split("train")),
        sampling=ClipSampling(videos=1),
        seed=1,
    )
    speakers = table.modalities["acoustic"].values[: 150 * LENGTH, 1].reshape(150, LENGTH)
    assert (speakers == speakers[:, :1]).all()
    assert set(speakers[:, 0].tolist()) == {0, 1, 2}


def test_facet_units_are_averaged_over_the_frames_with_a_face(mosei: UtteranceTable, tmp_path: Path) -> None:
    header = "video_id,segment_id,start,end,timebase_suspect\n"
    for split, rows in (("train", "v0,0,0.0,1.0,False\nv0,1,1.0,2.0,True\n"), ("valid", "v199,0,0.0,1.0,False\n")):
        with gzip.open(tmp_path / f"{split}.csv.gz", "wt") as file:
            file.write(header + rows)
    with gzip.open(tmp_path / "v0.csv.gz", "wt") as file:
        file.write("StartTime,EndTime,AU1,AU2\n0.0,0.1,1.0,3.0\n0.4,0.5,0.0,0.0\n0.5,0.6,2.0,5.0\n1.5,1.6,7.0,7.0\n")
    (tmp_path / "facet").mkdir()
    (tmp_path / "v0.csv.gz").rename(tmp_path / "facet" / "v0.csv.gz")
    visual: Modality = "visual"
    found = attach_facet(mosei, tmp_path / "facet", labels=tmp_path).modalities[visual]
    assert found.present.sum() == 1, "the second utterance's times are suspect"
    assert found.values[0, FACET_NAMES.index("AU1")] == pytest.approx(1.5)
    assert found.values[0, FACET_NAMES.index("AU2")] == pytest.approx(4.0)
    assert not found.valid[0, FACET_NAMES.index("AU4")]
