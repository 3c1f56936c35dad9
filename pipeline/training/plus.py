"""The configuration of `plus` and its training table: text with distilled labels, and clips of voices and faces.

docs/plus.md has the comparisons. Test splits are not used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mtmm_video.extractors.acoustic.columns import COVAREP_NAMES, VOICE_NAMES
from mtmm_video.extractors.visual.names import ACTION_UNIT_NAMES, POSE_NAMES
from mtmm_video.model.features import Modality
from mtmm_video.model.recipes import Recipe
from mtmm_video.model.table import UtteranceTable, concatenate
from mtmm_video.pipeline.corpora.faces import Profile, label_profiles
from mtmm_video.pipeline.training.mixture import (
    ClipSampling,
    attach_clips,
    clip_weights,
    label_clips,
    sessions,
    with_modality,
)

LICENCE_NOTE = (
    "words on CMU-MOSEI and CMU-MOSI (research use), their sentence encoder on MELD and GoEmotions, too; voices on "
    "RAVDESS (CC BY-NC-SA 4.0) and CMU-MOSI; faces on the photographs of facial_expressions (Apache-2.0)"
)

# Chosen on MOSEI's valid split; the comparisons are in docs/plus.md.
TEXT_RECIPE = Recipe(
    name="plus",
    modalities=("text",),
    tasks=("sentiment", "emotion", "sentiment_intensity", "emotion_intensity"),
    hidden=200,
    dense=200,
    dropout=0.1,
    input_dropout=0.3,
    epochs=8,
    batch=16,
    learning_rate=1e-3,
    schedule="cosine",
    weight_decay=0.01,
    averaging=0.99,
    task_weights={"emotion": 3.0},
    selection_corpus="mosei",
)
PLUS_RECIPE = replace(
    TEXT_RECIPE,
    modalities=("text", "acoustic", "visual"),
    speaker_means=("acoustic",),
    modality_dropout=0.25,
    # Where there is text, voice and face are acted clips attached at random, or MOSI's COVAREP means: with the text
    # hidden the first would be trained on labels of unrelated text, and the second carry no information (docs/plus.md).
    never_hidden=("text",),
    epochs=12,
)
# COVAREP without creak, which our extractor does not measure, and without HMPDM and HMPDD, whose means over frames are
# means of angles. MCEP_0 is the level: mainly of the recording, but the mean of the video is subtracted.
COVAREP_COLUMNS = tuple(name for name in COVAREP_NAMES if name != "creak" and not name.startswith("HMPD"))
ACOUSTIC_COLUMNS = (*COVAREP_COLUMNS, *VOICE_NAMES)
# FACET's action units and pose. The expression columns were fitted on the same photographs, so on these they separate
# the emotions better than on new faces.
VISUAL_COLUMNS = (*ACTION_UNIT_NAMES, *POSE_NAMES)
TEACHER_SEEDS = (1, 2)
TEACHER_SHARE = 0.5  # weight of the teachers in the labels
# Mean weight of an acted clip, an utterance of MOSEI having 1; at .6 voices gain little (docs/plus.md).
CLIP_WEIGHT = 0.3
CLIP_SAMPLING = ClipSampling()


TABLES = ("mosei", "mosi", "ravdess", "faces")


@dataclass(frozen=True)
class Corpora:
    """The tables of `pipeline.training.tables`, with `ACOUSTIC_COLUMNS` and `VISUAL_COLUMNS`."""

    mosei: UtteranceTable
    mosi: UtteranceTable
    ravdess: UtteranceTable
    faces: UtteranceTable

    @classmethod
    def load(cls, folder: Path) -> Corpora:
        """Read the outputs of the stages in `TABLES` from the folder that they were written to.

        Raises
        ------
        DataError
            If one is missing or damaged.
        """
        return cls.read({name: folder / f"{name}.safetensors" for name in TABLES})

    @classmethod
    def read(cls, paths: Mapping[str, Path]) -> Corpora:
        """Read the outputs of the stages in `TABLES`; see `load`."""
        return cls(**{name: chosen_columns(UtteranceTable.load(paths[name])) for name in TABLES})


def chosen_columns(table: UtteranceTable) -> UtteranceTable:
    """Return the table with `ACOUSTIC_COLUMNS` and `VISUAL_COLUMNS` of its modalities."""
    wanted: tuple[tuple[Modality, tuple[str, ...]], ...] = (("acoustic", ACOUSTIC_COLUMNS), ("visual", VISUAL_COLUMNS))
    for modality, names in wanted:
        if modality in table.modalities:
            features = table.modalities[modality]
            places = [features.names.index(name) for name in names]
            kept = replace(features, values=features.values[:, places], valid=features.valid[:, places], names=names)
            table = with_modality(table, modality, kept)
    return table


def text_table(mosei: UtteranceTable, mosi: UtteranceTable) -> UtteranceTable:
    """Return MOSEI's rows and then MOSI's, with their text columns only."""
    return concatenate([mosei.with_modalities(["text"]), mosi.with_modalities(["text"])])


def relabelled(corpora: Corpora, text: UtteranceTable) -> Corpora:
    """Return the corpora with the labels of a `text_table`."""
    count = len(corpora.mosei)
    rows = np.arange(len(text))
    return replace(
        corpora,
        mosei=replace(corpora.mosei, labels=text.labels.rows(rows[:count])),
        mosi=replace(corpora.mosi, labels=text.labels.rows(rows[count:])),
    )


def mixture(
    corpora: Corpora, *, text: UtteranceTable, sampling: ClipSampling, clip_weight: float, seed: int
) -> tuple[UtteranceTable, Mapping[str, float]]:
    """Mix all corpora.

    Parameters
    ----------
    corpora : Corpora
        The tables with the annotators' labels, from which the labels of clips are computed.
    text : UtteranceTable
        MOSEI and MOSI with the labels to learn, from `pipeline.training.soft_labels`.
    sampling : ClipSampling
        How clips are attached to MOSEI's utterances.
    clip_weight : float
        Mean weight of a clip on its own.
    seed : int
        Of the sampling.

    Returns
    -------
    table : UtteranceTable
        All splits of MOSEI and MOSI, and the clips.
    weights : mapping of str to float
        Per corpus, for the recipe.
    """
    profiles: Mapping[str, Profile] = label_profiles(corpora.mosei.split("train"))
    learnt = relabelled(corpora, text)
    mosei = learnt.mosei
    corpora_of_clips: tuple[tuple[UtteranceTable, Modality, bool], ...] = (
        (corpora.ravdess, "acoustic", True),
        (corpora.faces, "visual", False),
    )
    for offset, (clips, modality, one_speaker) in enumerate(corpora_of_clips):
        mosei = attach_clips(
            mosei,
            clips,
            modality=modality,
            one_speaker=one_speaker,
            profiles=profiles,
            sampling=sampling,
            seed=3 * seed + offset,
        )
    voices = sessions(
        corpora.ravdess,
        profiles=profiles,
        sampling=sampling,
        seed=3 * seed + 2,
    )
    weights = {"ravdess": clip_weight, **clip_weights(corpora.faces, profiles, sampling=sampling, weight=clip_weight)}
    return concatenate([mosei, learnt.mosi, voices, label_clips(corpora.faces, profiles)]), weights
