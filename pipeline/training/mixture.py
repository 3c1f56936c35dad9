"""Mixing the corpora into one training table: acted clips attached to natural utterances, and sessions of acted voices.

MOSEI without its media is text alone, the acted corpora are voice or face alone; only MOSI has text and voice together.
Without further data the joint effect of text and an acted voice or face would be undetermined. So clips are attached to
MOSEI utterances at random, with a known dependence on the utterance's strongest emotion (`ClipSampling`), which sets
how much a voice or a face changes the prediction from text.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtmm_video.extractors.visual.names import FACET_NAMES, FACET_VERSION
from mtmm_video.foundation.errors import DataError
from mtmm_video.model.features import MODALITIES, Modality, ModalityFeatures
from mtmm_video.model.labels import EMOTIONS
from mtmm_video.model.table import UtteranceTable, absent_features
from mtmm_video.pipeline.corpora.faces import NEUTRAL, Profile, profile_labels, strongest_emotions
from mtmm_video.pipeline.corpora.mosei_labels import read_csv


@dataclass(frozen=True)
class ClipSampling:
    """How clips are drawn and attached to utterances.

    Attributes
    ----------
    videos : float
        Share of the MOSEI train videos that get clips.
    neutral : float
        Probability that the clip is a neutral one, independent of the utterance's emotion.
    matched : float
        Probability that a clip that is not neutral has the utterance's strongest emotion; otherwise its emotion is
        drawn by `shares`. At 0 clips carry no information, at 1 they determine the emotion.
    share_power : float
        Exponent of MOSEI's shares of the emotions. 0 draws all emotions alike; 1 draws them by their shares, so that
        half of the clips are happy and voices of high arousal are predicted as happy.
    session_utterances : int
        About as many acted utterances are drawn for `sessions`; RAVDESS has 1,039 train clips, and their variants.
    longest_session : int
        Utterances; MOSEI's videos have 7 on average.
    """

    videos: float = 0.4
    neutral: float = 0.5
    matched: float = 0.35
    share_power: float = 0.0
    session_utterances: int = 4000
    longest_session: int = 12

    def shares(self, profiles: Mapping[str, Profile], emotions: Sequence[str]) -> NDArray[np.float64]:
        """How often clips of each emotion are drawn; sums to 1."""
        powers = np.power([profiles[name].share for name in emotions], self.share_power).astype(np.float64)
        return np.asarray(powers / powers.sum())


def emotion_of(table: UtteranceTable) -> tuple[str, ...]:
    """Return the acted emotion of each clip: the part of its corpus name after the /."""
    return tuple(corpus.split("/", 1)[1] for corpus in table.corpora)


def label_clips(table: UtteranceTable, profiles: Mapping[str, Profile]) -> UtteranceTable:
    """Give clips the mean MOSEI labels of their emotion."""
    return replace(table, labels=profile_labels(emotion_of(table), profiles))


def clip_weights(
    table: UtteranceTable, profiles: Mapping[str, Profile], *, sampling: ClipSampling, weight: float
) -> dict[str, float]:
    """Weight of each clip corpus, so that the emotions occur as often as in `sampling`, and `weight` on average.

    Parameters
    ----------
    table : UtteranceTable
        Clips of one modality.
    profiles : mapping
        From `label_profiles`.
    sampling : ClipSampling
        Gives the shares of neutral clips and of each emotion.
    weight : float
        Mean weight of a clip, an utterance of MOSEI having 1.
    """
    train = table.split("train")
    counts = {name: train.corpora.count(name) for name in sorted(set(train.corpora))}
    felt = [name for name in counts if not name.endswith(f"/{NEUTRAL}")]
    shares = sampling.shares(profiles, [name.split("/", 1)[1] for name in felt])
    wanted = {name: (1 - sampling.neutral) * float(share) for name, share in zip(felt, shares, strict=True)}
    wanted |= {name: sampling.neutral for name in counts if name not in wanted}
    return {name: weight * wanted[name] * len(train) / count for name, count in counts.items()}


def speakers_of(voices: UtteranceTable) -> NDArray[np.str_]:
    """Return the speaker of each clip of a table whose clips are called SPEAKER/NAME, shape (n,)."""
    return np.array([name.split("/", 1)[0] for name in voices.video_ids])


def clips_by(speakers: NDArray[np.str_], emotions: NDArray[np.str_]) -> dict[tuple[str, str], NDArray[np.int64]]:
    """Return the rows of each speaker's clips of each emotion, in order."""
    return {
        (speaker, emotion): np.flatnonzero((speakers == speaker) & (emotions == emotion))
        for speaker in set(speakers.tolist())
        for emotion in set(emotions.tolist())
    }


def sessions(
    voices: UtteranceTable,
    *,
    profiles: Mapping[str, Profile],
    sampling: ClipSampling,
    seed: int,
) -> UtteranceTable:
    """Concatenate clips of one speaker into videos of several utterances, neutral and emotional.

    The speaker's mean is taken over the utterances of a video, in use as in training. Length of the videos and share of
    neutral clips vary, so that the network sees good and poor estimates of that mean.

    Parameters
    ----------
    voices : UtteranceTable
        One-utterance videos called SPEAKER/NAME; those of the train split are used.
    profiles : mapping
        From `label_profiles`; gives the labels.
    sampling : ClipSampling
        Its `neutral` is the mean share of neutral clips, its `share_power` decides the shares of the emotions. A
        session has one utterance with probability 1/4, else between 2 and `longest_session`, uniformly.
    seed : int
        Of the draw.

    Returns
    -------
    UtteranceTable
        Train split; its corpus is the part of the clips' corpus names before the /.
    """
    generator = np.random.default_rng(seed)
    source = voices.split("train")
    emotions, speakers = np.array(emotion_of(source)), speakers_of(source)
    clips_of = clips_by(speakers, emotions)
    names_of_emotions = sorted(set(emotions.tolist()) - {NEUTRAL})
    shares = sampling.shares(profiles, names_of_emotions)
    names = sorted(set(speakers.tolist()))
    exponent = 1 / sampling.neutral - 1 if sampling.neutral else math.inf
    rows: list[int] = []
    offsets = [0]
    while len(rows) < sampling.session_utterances:
        speaker = str(generator.choice(names))
        size = 1 if generator.random() < 1 / 4 else int(generator.integers(2, sampling.longest_session + 1))
        neutral = generator.random() ** exponent  # between 0 and 1, on average `sampling.neutral`
        for _ in range(size):
            emotion = NEUTRAL if generator.random() < neutral else str(generator.choice(names_of_emotions, p=shares))
            rows.append(int(generator.choice(clips_of[speaker, emotion])))
        offsets.append(len(rows))
    chosen = np.array(rows, np.int64)
    count = len(offsets) - 1
    corpus = source.corpora[0].split("/", 1)[0]
    return UtteranceTable(
        video_ids=tuple(f"{corpus}-{index}" for index in range(count)),
        splits=("train",) * count,
        corpora=(corpus,) * count,
        offsets=np.array(offsets, np.int64),
        modalities={
            name: replace(features, values=features.values[chosen], valid=features.valid[chosen])
            for name, features in source.modalities.items()
        },
        labels=profile_labels([str(emotions[row]) for row in rows], profiles),
        segments=tuple(source.segments[row] for row in rows),
        texts=("",) * len(rows),
    )


def attach_clips(
    mosei: UtteranceTable,
    clips: UtteranceTable,
    *,
    modality: Modality,
    one_speaker: bool,
    profiles: Mapping[str, Profile],
    sampling: ClipSampling,
    seed: int,
) -> UtteranceTable:
    """Attach clips of one modality to a share of the train videos.

    Parameters
    ----------
    mosei : UtteranceTable
        Natural speech; rows that have the modality already keep theirs.
    clips : UtteranceTable
        One-utterance videos; only those of the train split are used.
    modality : Modality
        Of the clips.
    one_speaker : bool
        Whether all clips of a video are by one speaker; their names must then be SPEAKER/NAME.
    profiles : mapping
        From `label_profiles`.
    sampling : ClipSampling
        How often, and how often with the utterance's own emotion.
    seed : int
        Of the draw.

    Returns
    -------
    UtteranceTable
        `mosei` with the modality in those rows.
    """
    generator = np.random.default_rng(seed)
    source = clips.split("train")
    features = source.modalities[modality]
    emotions = np.array(emotion_of(source))
    acted = [name for name in EMOTIONS if name in emotions]
    shares = sampling.shares(profiles, acted)
    speakers = speakers_of(source) if one_speaker else np.full(len(source), "")
    clips_of = clips_by(speakers, emotions)
    names = sorted(set(speakers.tolist()))
    train = np.array([split == "train" for split in mosei.splits])
    chosen = (generator.random(len(train)) < sampling.videos) & train
    speaker_of_video = generator.integers(0, len(names), len(train))
    target = mosei.modalities.get(modality) or absent_features(features, len(mosei))
    values, valid = target.values.copy(), target.valid.copy()
    strongest = strongest_emotions(mosei.labels)
    for row in np.flatnonzero(chosen[mosei.video_of_row] & ~target.present):
        if generator.random() < sampling.neutral:
            emotion = NEUTRAL
        else:
            emotion = str(generator.choice(acted, p=shares))
            if generator.random() < sampling.matched:
                named = int(strongest[row])
                felt = EMOTIONS[named] if 0 <= named < len(EMOTIONS) else NEUTRAL
                emotion = felt if felt in acted else NEUTRAL
        clip = int(generator.choice(clips_of[names[speaker_of_video[mosei.video_of_row[row]]], emotion]))
        values[row], valid[row] = features.values[clip], features.valid[clip]
    return with_modality(mosei, modality, replace(target, values=values, valid=valid))


def with_modality(table: UtteranceTable, modality: Modality, features: ModalityFeatures) -> UtteranceTable:
    """Return the table with one modality added or replaced."""
    together = {**table.modalities, modality: features}
    return replace(table, modalities={name: together[name] for name in MODALITIES if name in together})


def attach_facet(mosei: UtteranceTable, folder: Path, *, labels: Path) -> UtteranceTable:
    """Add the genuine FACET action units of the MOSEI videos that have them.

    Parameters
    ----------
    mosei : UtteranceTable
        From `prepare_labels`; segments are named VIDEO[SEGMENT].
    folder : Path
        Of ``VIDEO.csv.gz``: StartTime, EndTime and 20 action units, 30 frames a second; zeros where there is no face.
    labels : Path
        Of ``train.csv.gz`` and ``valid.csv.gz``, for the utterances' times. Rows of suspect times are left out.

    Raises
    ------
    DataError
        If a file lacks its times or action units.
    """
    times: dict[str, tuple[float, float]] = {}
    for split in ("train", "valid"):
        frame = read_csv(
            labels / f"{split}.csv.gz", columns=("video_id", "segment_id", "start", "end", "timebase_suspect")
        )
        frame = frame[~frame["timebase_suspect"].astype(bool)]
        for video, segment, start, end in zip(
            frame["video_id"], frame["segment_id"], frame["start"], frame["end"], strict=True
        ):
            times[f"{video}[{segment}]"] = (float(start), float(end))
    values = np.zeros((len(mosei), len(FACET_NAMES)), np.float32)
    valid = np.zeros(values.shape, np.bool_)
    for path in sorted(folder.glob("*.csv.gz")):
        name = path.name.removesuffix(".csv.gz")
        if name not in mosei.video_ids:
            continue
        stream = pd.read_csv(path)
        units = [column for column in stream.columns if column in FACET_NAMES]
        if not units or not {"StartTime", "EndTime"} <= set(stream.columns):
            raise DataError(f"{path}: needs StartTime, EndTime and FACET's action units as columns")
        places = [FACET_NAMES.index(unit) for unit in units]
        numbers = stream[units].to_numpy(np.float64)
        middle = stream[["StartTime", "EndTime"]].to_numpy(np.float64).mean(axis=1)
        seen = np.isfinite(numbers).all(axis=1) & (numbers != 0).any(axis=1)
        video = mosei.video_ids.index(name)
        for row in range(int(mosei.offsets[video]), int(mosei.offsets[video + 1])):
            start, end = times.get(mosei.segments[row], (0.0, 0.0))
            inside = seen & (middle >= start) & (middle < end)
            if inside.any():
                values[row, places] = numbers[inside].mean(axis=0)
                valid[row, places] = True
    return with_modality(mosei, "visual", ModalityFeatures(values, valid, FACET_NAMES, FACET_VERSION))
