"""Training `plus`: teachers on words alone soften the labels, then all corpora teach with what each has.

Run as ``python -m mtmm_video.pipeline.training.plus``; see docs/plus.md. Test splits are not looked at here.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mtmm_video.extractors.acoustic import COVAREP_NAMES
from mtmm_video.extractors.acoustic.whisper_states import VOICE_NAMES
from mtmm_video.extractors.visual.names import ACTION_UNIT_NAMES, POSE_NAMES
from mtmm_video.model.checkpoint import Checkpoint, save_checkpoint
from mtmm_video.model.evaluation import evaluate, score_table
from mtmm_video.model.features import Modality
from mtmm_video.model.table import UtteranceTable, concatenate
from mtmm_video.model.training import EpochRecord, Recipe, selection_split, train
from mtmm_video.pipeline.corpora.faces import Profile, label_profiles
from mtmm_video.pipeline.training.mixture import (
    Loudness,
    clip_weights,
    label_clips,
    lay_beside,
    sessions,
    with_modality,
)
from mtmm_video.pipeline.training.out_of_fold import FOLDS, with_folds
from mtmm_video.pipeline.training.soft_labels import taught

LOGGER = logging.getLogger(__name__)
LICENCE_NOTE = (
    "acoustic branch trained on RAVDESS (CC BY-NC-SA 4.0) and CMU-MOSI, text on CMU-MOSEI and CMU-MOSI (research use)"
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
    # Where words are, voice and face are acted ones laid beside them, or MOSI's voices: without the words they would
    # teach what chance put together, and MOSI's voices alone tell nothing (docs/plus.md).
    never_hidden=("text",),
    epochs=12,
)
# What of COVAREP is taken: not creak, which our extractor does not measure; not HMPDM and HMPDD, whose means over
# frames are means of angles. MCEP_0 is loudness: of the recording first, but the mean of the video is subtracted.
COVAREP_COLUMNS = tuple(name for name in COVAREP_NAMES if name != "creak" and not name.startswith("HMPD"))
ACOUSTIC_COLUMNS = (*COVAREP_COLUMNS, *VOICE_NAMES)
# What of FACET is taken: action units and pose. The expression columns were fitted on the same photographs, so on them
# they would look surer than they are in use.
VISUAL_COLUMNS = (*ACTION_UNIT_NAMES, *POSE_NAMES)
TEACHER_SEEDS = (1, 2)
TEACHER_SHARE = 0.5  # of the teachers in the labels
# Of an acted clip, an utterance of MOSEI having 1; at .6 voices gain little (docs/plus.md).
CLIP_WEIGHT = 0.3
LOUDNESS = Loudness()
SESSION_UTTERANCES = 4000  # of acted voices, drawn from the 1,039 train clips of RAVDESS and their variants
LONGEST_SESSION = 12  # utterances; MOSEI's videos have 7 on average


@dataclass(frozen=True)
class Corpora:
    """The tables of `pipeline.training.tables`."""

    mosei: UtteranceTable
    mosi: UtteranceTable
    ravdess: UtteranceTable
    faces: UtteranceTable

    @classmethod
    def load(cls, folder: Path) -> Corpora:
        """Read the four tables, and MOSEI's out-of-fold sentence vectors.

        Raises
        ------
        DataError
            If one is missing or damaged.
        """
        names = ("mosei", "mosi", "ravdess", "faces")
        tables = {name: chosen_columns(UtteranceTable.load(folder / f"{name}.safetensors")) for name in names}
        tables["mosei"] = with_folds(tables["mosei"], [folder / f"fold-{fold}.safetensors" for fold in range(FOLDS)])
        return cls(**tables)


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


def words_alone(corpora: Corpora) -> UtteranceTable:
    """Return MOSEI and MOSI with their text columns only."""
    return concatenate([corpora.mosei.with_modalities(["text"]), corpora.mosi.with_modalities(["text"])])


def softened(corpora: Corpora, words: UtteranceTable) -> Corpora:
    """Return the corpora with the labels of `words`, which holds MOSEI's rows and then MOSI's."""
    count = len(corpora.mosei)
    rows = np.arange(len(words))
    return replace(
        corpora,
        mosei=replace(corpora.mosei, labels=words.labels.rows(rows[:count])),
        mosi=replace(corpora.mosi, labels=words.labels.rows(rows[count:])),
    )


def mixture(
    corpora: Corpora, *, words: UtteranceTable, loudness: Loudness, clip_weight: float, seed: int
) -> tuple[UtteranceTable, Mapping[str, float]]:
    """Mix all corpora.

    Parameters
    ----------
    corpora : Corpora
        The tables, with the annotators' labels: they say what an acted clip stands for.
    words : UtteranceTable
        MOSEI and MOSI with the labels to learn, from `pipeline.training.soft_labels`.
    loudness : Loudness
        How clips are laid beside MOSEI's words.
    clip_weight : float
        Mean weight of a clip on its own.
    seed : int
        Of the drawing.

    Returns
    -------
    table : UtteranceTable
        All splits of MOSEI and MOSI, and the clips.
    weights : mapping of str to float
        Per corpus, for the recipe.
    """
    profiles: Mapping[str, Profile] = label_profiles(corpora.mosei.split("train"))
    learnt = softened(corpora, words)
    mosei = learnt.mosei
    kinds: tuple[tuple[UtteranceTable, Modality, bool], ...] = (
        (corpora.ravdess, "acoustic", True),
        (corpora.faces, "visual", False),
    )
    for offset, (clips, modality, one_speaker) in enumerate(kinds):
        mosei = lay_beside(
            mosei,
            clips,
            modality=modality,
            one_speaker=one_speaker,
            profiles=profiles,
            loudness=loudness,
            seed=3 * seed + offset,
        )
    voices = sessions(
        corpora.ravdess,
        profiles=profiles,
        loudness=loudness,
        longest=LONGEST_SESSION,
        utterances=SESSION_UTTERANCES,
        seed=3 * seed + 2,
    )
    weights = {"ravdess": clip_weight, **clip_weights(corpora.faces, profiles, loudness=loudness, weight=clip_weight)}
    return concatenate([mosei, learnt.mosi, voices, label_clips(corpora.faces, profiles)]), weights


def valid_figures(checkpoint: Checkpoint, table: UtteranceTable, *, corpus: str) -> dict[str, Any]:
    """Return the main figures on the valid split of a corpus."""
    valid = selection_split(table, corpus)
    found = evaluate(score_table(checkpoint, valid), valid, thresholds=checkpoint.specification.thresholds)
    sentiment, emotion = found["sentiment"], found["emotion"]
    figures = {
        "accuracy": sentiment["accuracy"],
        "f1": sentiment["f1_weighted"],
        "calibration_error": sentiment["calibration_error"],
    }
    if emotion is not None and corpus == "mosei":
        figures |= {
            "weighted_accuracy": emotion["weighted_accuracy"],
            "emotion_f1": emotion["f1_weighted"],
            "emotion_auroc": emotion["auroc"],
        }
    return {name: round(float(value), 4) for name, value in figures.items()}


def log_epoch(record: EpochRecord) -> None:
    """Log one epoch."""
    mark = " *" if record.best else ""
    LOGGER.info("epoch %d loss %.4f valid %.4f%s", record.epoch, record.loss, record.score, mark)


def train_plus(
    corpora: Corpora, *, words: UtteranceTable, seed: int, alone: bool, provenance: Mapping[str, Any]
) -> Checkpoint:
    """Train one seed.

    Parameters
    ----------
    corpora : Corpora
        The tables.
    words : UtteranceTable
        From `pipeline.training.soft_labels.taught`.
    seed : int
        Of everything random.
    alone : bool
        On words alone, to compare with; else on everything.
    provenance : mapping
        Stored with the checkpoint.
    """
    if alone:
        return train(words, recipe=replace(TEXT_RECIPE, seed=seed), hook=log_epoch, provenance=provenance)
    table, weights = mixture(corpora, words=words, loudness=LOUDNESS, clip_weight=CLIP_WEIGHT, seed=seed)
    recipe = replace(PLUS_RECIPE, seed=seed, corpus_weights=weights)
    return train(table, recipe=recipe, hook=log_epoch, provenance=provenance)


def main() -> None:
    """Command line: see docs/plus.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=Path, required=True, help="folder made by mtmm_video.pipeline.training.tables")
    parser.add_argument("--out", type=Path, required=True, help="folder for SEED checkpoints, text-SEED and plus-SEED")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--words-alone", action="store_true", help="train the text-only checkpoints and stop")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    corpora = Corpora.load(arguments.tables)
    provenance = {"made_by": "python -m mtmm_video.pipeline.training.plus", "licence_note": LICENCE_NOTE}
    taught_path = arguments.out / "taught.safetensors"
    if not taught_path.is_file():
        taught(words_alone(corpora), recipe=TEXT_RECIPE, seeds=TEACHER_SEEDS, share=TEACHER_SHARE).save(taught_path)
    words = UtteranceTable.load(taught_path)
    for seed in arguments.seeds:
        for kind in ("text",) if arguments.words_alone else ("text", "plus"):
            checkpoint = train_plus(corpora, words=words, seed=seed, alone=kind == "text", provenance=provenance)
            path = arguments.out / f"{kind}-{seed}.safetensors"
            save_checkpoint(path, network=checkpoint.network, specification=checkpoint.specification, half=True)
            for corpus, table in (("mosei", corpora.mosei), ("mosi", corpora.mosi)):
                LOGGER.info("%s %s %s", path, corpus, json.dumps(valid_figures(checkpoint, table, corpus=corpus)))


if __name__ == "__main__":
    main()
