"""The tables that `plus` is trained on, one stage and one safetensors file a corpus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from mtmm_video.extractors.acoustic.columns import COVAREP_VERSION, VOICE_VERSION
from mtmm_video.extractors.text.glove import GloveVectors
from mtmm_video.extractors.text.sentence_encoder import SentenceEncoder
from mtmm_video.extractors.visual.calibration import ACTION_UNITS_FILE, EXPRESSIONS_FILE
from mtmm_video.extractors.visual.names import FACET_VERSION
from mtmm_video.model.features import ModalityFeatures, hstack
from mtmm_video.pipeline.corpora.faces import faces_table, photograph_tracks
from mtmm_video.pipeline.corpora.mosei_labels import prepare_labels
from mtmm_video.pipeline.corpora.mosi import FILE as MOSI_FILE
from mtmm_video.pipeline.corpora.mosi import prepare_mosi
from mtmm_video.pipeline.corpora.ravdess import ravdess_table
from mtmm_video.pipeline.job import VOICE_WEIGHTS
from mtmm_video.pipeline.training.mixture import attach_facet, with_modality
from mtmm_video.pipeline.training.stages import Stage, StageRun
from mtmm_video.pipeline.voice_features import no_voice

RAVDESS_VALID = ("R21", "R22", "R23", "R24")  # two men, two women: the folds of docs/plus.md go over all speakers
TABLES_VERSION = "tables/1"
GLOVE, SENTENCE, LANDMARKER = "glove-6b-50d", "minilm-l6-v2", "face-landmarker"


def text_columns(texts: Sequence[str], *, glove: Path, sentence: Path, delta: Path) -> ModalityFeatures:
    """Return GloVe means and sentence vectors of a tuned encoder side by side, (n, 50 + 384).

    Parameters
    ----------
    texts : sequence of str, length n
        Utterances.
    glove, sentence : Path
        Weights.
    delta : Path
        What the tuning added to the sentence encoder.
    """
    means = GloveVectors.load(glove).utterance_means(texts)
    vectors = SentenceEncoder.load(sentence, delta=delta).encode(texts)
    valid = np.repeat(vectors.valid[:, None], len(vectors.names), axis=1)
    return hstack(
        [
            ModalityFeatures(means.values, means.valid, means.names, means.version),
            ModalityFeatures(vectors.values, valid, vectors.names, vectors.version),
        ]
    )


def write_mosei(run: StageRun) -> None:
    """Stage: MOSEI with text columns, and genuine FACET action units of the videos that have them."""
    labels = run.sources["labels"]
    table = prepare_labels(labels, glove=GloveVectors.load(run.weights[GLOVE]))
    text = text_columns(
        table.texts, glove=run.weights[GLOVE], sentence=run.weights[SENTENCE], delta=run.inputs["encoder"]
    )
    attach_facet(replace(table, modalities={"text": text}), run.sources["facet"], labels=labels).save(run.output)


def write_mosi(run: StageRun) -> None:
    """Stage: MOSI with text columns and its genuine COVAREP means; voice columns are absent, for want of the sound."""
    table = prepare_mosi(run.sources["mosi"], glove=GloveVectors.load(run.weights[GLOVE]))
    table = with_modality(table, "acoustic", hstack([table.modalities["acoustic"], no_voice(len(table))]))
    text = text_columns(
        table.texts, glove=run.weights[GLOVE], sentence=run.weights[SENTENCE], delta=run.inputs["encoder"]
    )
    with_modality(table, "text", text).save(run.output)


def write_ravdess(run: StageRun, *, valid_speakers: tuple[str, ...]) -> None:
    """Stage: RAVDESS measured by our own extractors, on all cores."""
    ravdess_table(run.sources["ravdess"], valid_speakers=valid_speakers, model=run.weights[VOICE_WEIGHTS]).save(
        run.output
    )


def write_faces(run: StageRun) -> None:
    """Stage: the photographs measured by our own extractors, with the shipped maps to FACET's units."""
    folder = run.sources["faces"]
    faces_table(folder, tracks=photograph_tracks(folder, landmarker=run.weights[LANDMARKER])).save(run.output)


def table_stages(data: Path) -> list[Stage]:
    """Return the stages of the four tables.

    Parameters
    ----------
    data : Path
        The folder that holds ``mosei``, ``mosi``, ``ravdess`` and ``faces``.
    """
    mosei, mosi = data / "mosei", data / "mosi" / MOSI_FILE
    return [
        Stage(
            "mosei",
            "mosei.safetensors",
            write_mosei,
            needs=("encoder",),
            sources={"labels": mosei / "labels", "facet": mosei / "facet"},
            weights=(GLOVE, SENTENCE),
            versions=(TABLES_VERSION, FACET_VERSION),
        ),
        Stage(
            "mosi",
            "mosi.safetensors",
            write_mosi,
            needs=("encoder",),
            sources={"mosi": mosi},
            weights=(GLOVE, SENTENCE),
            versions=(TABLES_VERSION, COVAREP_VERSION, VOICE_VERSION),
        ),
        Stage(
            "ravdess",
            "ravdess.safetensors",
            write_ravdess,
            sources={"ravdess": data / "ravdess"},
            weights=(VOICE_WEIGHTS,),
            settings={"valid_speakers": RAVDESS_VALID},
            versions=(TABLES_VERSION, COVAREP_VERSION, VOICE_VERSION),
        ),
        Stage(
            "faces",
            "faces.safetensors",
            write_faces,
            sources={"faces": data / "faces", "action-units": ACTION_UNITS_FILE, "expressions": EXPRESSIONS_FILE},
            weights=(LANDMARKER,),
            versions=(TABLES_VERSION, FACET_VERSION),
        ),
    ]
