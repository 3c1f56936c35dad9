"""Mixing the corpora into one training table: acted voices and faces beside natural words, none too loud.

MOSEI as it may be had openly is words alone, the acted corpora are voice or face alone; only MOSI has words and voice
together. What the network does with words AND an acted voice or face would be left to chance. So clips are laid beside
MOSEI utterances at random, with a known dependence on the utterance's strongest emotion (`Loudness`): that number, not
the actors' fervour, is how much the network learns to believe a voice or a face.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from extractors.visual import FACET_NAMES, FACET_VERSION
from foundation.errors import DataError
from model.features import MODALITIES, Modality, ModalityFeatures
from model.labels import EMOTIONS
from model.table import UtteranceTable, absent_features
from pipeline.mosei_labels import read_csv
from pipeline.plus_corpora import NEUTRAL, Profile, profile_labels, strongest_emotions


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
        MOSEI's shares of the emotions are taken to this power. 1 draws clips as often as MOSEI has their emotion, half
        of them happy, and sad voices are too rare to be learnt; 0 draws all emotions alike.
    """

    videos: float = 0.4
    neutral: float = 0.5
    matched: float = 0.35
    share_power: float = 0.5

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


def lay_beside(
    mosei: UtteranceTable,
    clips: UtteranceTable,
    *,
    modality: Modality,
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
    rows_of = {name: np.flatnonzero(emotions == name) for name in sorted(set(emotions.tolist()))}
    kinds = [name for name in EMOTIONS if name in rows_of]
    shares = loudness.shares(profiles, kinds)
    train = np.array([split == "train" for split in mosei.splits])
    chosen = (generator.random(len(train)) < loudness.videos) & train
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
                kind = felt if felt in rows_of else NEUTRAL
        clip = int(generator.choice(rows_of[kind]))
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
