"""Mixing the corpora into one training table: acted voices and faces beside natural words, none too loud.

MOSEI as it may be had openly is words alone, the acted corpora are voice or face alone; only MOSI has words and voice
together. What the network does with words AND an acted voice or face would be left to chance. So clips are laid beside
MOSEI utterances at random, with a known dependence on the utterance's strongest emotion (`Loudness`): that number, not
the actors' fervour, is how much the network learns to believe a voice or a face.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtmm_video.extractors.visual import FACET_NAMES, FACET_VERSION
from mtmm_video.foundation.errors import DataError
from mtmm_video.model.features import MODALITIES, Modality, ModalityFeatures
from mtmm_video.model.labels import EMOTIONS
from mtmm_video.model.table import UtteranceTable, absent_features
from mtmm_video.pipeline.corpora.faces import NEUTRAL, Profile, profile_labels, strongest_emotions
from mtmm_video.pipeline.corpora.mosei_labels import read_csv


@dataclass(frozen=True)
class Loudness:
    """How clips are laid beside utterances.

    Attributes
    ----------
    videos : float
        Share of the MOSEI train videos that get clips.
    neutral : float
        Probability that the clip is a neutral one, whatever the words say: an even voice says next to nothing.
    matched : float
        Probability that a clip that is not neutral shows the utterance's strongest emotion; otherwise its emotion is
        drawn from MOSEI's shares. 0 would teach that voices and faces mean nothing, 1 that they are never wrong.
    share_power : float
        MOSEI's shares of the emotions are taken to this power. 0 draws all emotions alike; 1 draws clips as often as
        MOSEI has their emotion: half of them happy, so that agitated voices are taken for happy ones.
    """

    videos: float = 0.4
    neutral: float = 0.5
    matched: float = 0.35
    share_power: float = 0.0

    def shares(self, profiles: Mapping[str, Profile], emotions: Sequence[str]) -> NDArray[np.float64]:
        """How often clips of each emotion are drawn; sums to 1."""
        powers = np.power([profiles[name].share for name in emotions], self.share_power).astype(np.float64)
        return np.asarray(powers / powers.sum())


def emotion_of(table: UtteranceTable) -> tuple[str, ...]:
    """Return the acted emotion of each clip: what stands behind the / in its corpus name."""
    return tuple(corpus.split("/", 1)[1] for corpus in table.corpora)


def label_clips(table: UtteranceTable, profiles: Mapping[str, Profile]) -> UtteranceTable:
    """Give clips the mean MOSEI labels of their emotion."""
    return replace(table, labels=profile_labels(emotion_of(table), profiles))


def clip_weights(
    table: UtteranceTable, profiles: Mapping[str, Profile], *, loudness: Loudness, weight: float
) -> dict[str, float]:
    """Weight of each clip corpus, so that the emotions occur as often as `loudness` says, and `weight` on average.

    Parameters
    ----------
    table : UtteranceTable
        Clips of one kind.
    profiles : mapping
        From `label_profiles`.
    loudness : Loudness
        Which share neutral clips and each emotion get.
    weight : float
        Mean weight of a clip, an utterance of MOSEI having 1.
    """
    train = table.split("train")
    counts = {name: train.corpora.count(name) for name in sorted(set(train.corpora))}
    felt = [name for name in counts if not name.endswith(f"/{NEUTRAL}")]
    shares = loudness.shares(profiles, [name.split("/", 1)[1] for name in felt])
    wanted = {name: (1 - loudness.neutral) * float(share) for name, share in zip(felt, shares, strict=True)}
    wanted |= {name: loudness.neutral for name in counts if name not in wanted}
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
    loudness: Loudness,
    longest: int,
    utterances: int,
    seed: int,
) -> UtteranceTable:
    """Put clips of one speaker together as a video, as a person speaks now evenly and now not.

    In use a voice is compared with the other utterances of its video, so it is in training: only the voice's own
    changes are learnt. How many there are to compare with differs, and so does the share of neutral ones.

    Parameters
    ----------
    voices : UtteranceTable
        One-utterance videos called SPEAKER/NAME; those of the train split are used.
    profiles : mapping
        From `label_profiles`; gives the labels.
    loudness : Loudness
        Its `neutral` is the mean share of neutral clips, its `share_power` says how often the other emotions come.
    longest : int
        Utterances of a session are 1 with probability 1/4, else between 2 and this, all numbers alike.
    utterances : int
        About as many are drawn.
    seed : int
        Of the draw.

    Returns
    -------
    UtteranceTable
        Train split; the corpus is what stands before the / of the clips'.
    """
    generator = np.random.default_rng(seed)
    source = voices.split("train")
    emotions, speakers = np.array(emotion_of(source)), speakers_of(source)
    clips_of = clips_by(speakers, emotions)
    kinds = sorted(set(emotions.tolist()) - {NEUTRAL})
    shares = loudness.shares(profiles, kinds)
    names = sorted(set(speakers.tolist()))
    exponent = 1 / loudness.neutral - 1 if loudness.neutral else math.inf
    rows: list[int] = []
    offsets = [0]
    while len(rows) < utterances:
        speaker = str(generator.choice(names))
        size = 1 if generator.random() < 1 / 4 else int(generator.integers(2, longest + 1))
        even = generator.random() ** exponent  # between 0 and 1, on average `loudness.neutral`
        for _ in range(size):
            kind = NEUTRAL if generator.random() < even else str(generator.choice(kinds, p=shares))
            rows.append(int(generator.choice(clips_of[speaker, kind])))
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


def lay_beside(
    mosei: UtteranceTable,
    clips: UtteranceTable,
    *,
    modality: Modality,
    one_speaker: bool,
    profiles: Mapping[str, Profile],
    loudness: Loudness,
    seed: int,
) -> UtteranceTable:
    """Give a share of the train videos clips of one modality.

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
    loudness : Loudness
        How often, and how often in agreement.
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
    kinds = [name for name in EMOTIONS if name in emotions]
    shares = loudness.shares(profiles, kinds)
    speakers = speakers_of(source) if one_speaker else np.full(len(source), "")
    clips_of = clips_by(speakers, emotions)
    names = sorted(set(speakers.tolist()))
    train = np.array([split == "train" for split in mosei.splits])
    chosen = (generator.random(len(train)) < loudness.videos) & train
    speaker_of_video = generator.integers(0, len(names), len(train))
    target = mosei.modalities.get(modality) or absent_features(features, len(mosei))
    values, valid = target.values.copy(), target.valid.copy()
    strongest = strongest_emotions(mosei.labels)
    for row in np.flatnonzero(chosen[mosei.video_of_row] & ~target.present):
        if generator.random() < loudness.neutral:
            kind = NEUTRAL
        else:
            kind = str(generator.choice(kinds, p=shares))
            if generator.random() < loudness.matched:
                named = int(strongest[row])
                felt = EMOTIONS[named] if 0 <= named < len(EMOTIONS) else NEUTRAL
                kind = felt if felt in kinds else NEUTRAL
        clip = int(generator.choice(clips_of[names[speaker_of_video[mosei.video_of_row[row]]], kind]))
        values[row], valid[row] = features.values[clip], features.valid[clip]
    laid = replace(target, values=values, valid=valid)
    return with_modality(mosei, modality, laid)


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
