"""The tables that `plus` is trained on, one stage and one safetensors file a corpus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mtmm_video.extractors.acoustic.columns import COVAREP_VERSION, VOICE_VERSION
from mtmm_video.extractors.text.glove import GloveVectors
from mtmm_video.extractors.text.sentence_encoder import SentenceEncoder
from mtmm_video.extractors.visual.calibration import ACTION_UNITS_FILE, EXPRESSIONS_FILE
from mtmm_video.extractors.visual.names import FACET_VERSION
from mtmm_video.model.features import ModalityFeatures, hstack
from mtmm_video.model.table import UtteranceTable
from mtmm_video.pipeline.corpora.faces import faces_table, photograph_tracks
from mtmm_video.pipeline.corpora.mosei_labels import prepare_labels
from mtmm_video.pipeline.corpora.mosi import FILE as MOSI_FILE
from mtmm_video.pipeline.corpora.mosi import prepare_mosi
from mtmm_video.pipeline.corpora.ravdess import ravdess_table
from mtmm_video.pipeline.job import VOICE_WEIGHTS
from mtmm_video.pipeline.training.encoder_folds import FOLDS_STAGE
from mtmm_video.pipeline.training.encoder_texts import MOSEI, MOSI
from mtmm_video.pipeline.training.mixture import attach_facet, with_modality
from mtmm_video.pipeline.training.out_of_fold import UnseenVectors, unseen_columns
from mtmm_video.pipeline.training.stages import Stage, StageRun
from mtmm_video.pipeline.voice_features import no_voice

RAVDESS_VALID = ("R21", "R22", "R23", "R24")  # two men, two women: the folds of docs/plus.md go over all speakers
TABLES_VERSION = "tables/2"
GLOVE, SENTENCE, LANDMARKER = "glove-6b-50d", "mpnet-base-v2", "face-landmarker"
TEXT_NEEDS = ("encoder", FOLDS_STAGE)  # stages that `TextColumns` reads


@dataclass(frozen=True)
class TextColumns:
    """Computes the text columns of corpora: GloVe means and sentence vectors, those of train texts out of fold.

    Attributes
    ----------
    glove : GloveVectors
    served : SentenceEncoder
        As shipped.
    unseen : UnseenVectors
        Of the texts that the encoder was tuned on.
    """

    glove: GloveVectors
    served: SentenceEncoder
    unseen: UnseenVectors

    @classmethod
    def load(cls, run: StageRun) -> TextColumns:
        """Read what a stage that needs `TEXT_NEEDS` has."""
        return cls(
            glove=GloveVectors.load(run.weights[GLOVE]),
            served=SentenceEncoder.load(run.weights[SENTENCE], delta=run.inputs["encoder"]),
            unseen=UnseenVectors.load(run.inputs[FOLDS_STAGE]),
        )

    def of(self, corpus: str, *, groups: Sequence[str], texts: Sequence[str]) -> ModalityFeatures:
        """Return the columns of texts, (n, 50 + 768); see `out_of_fold.unseen_columns`."""
        means = self.glove.utterance_means(texts)
        words = ModalityFeatures(means.values, means.valid, means.names, means.version)
        return hstack(
            [words, unseen_columns(corpus, groups=groups, texts=texts, unseen=self.unseen, served=self.served)]
        )

    def of_table(self, corpus: str, table: UtteranceTable) -> ModalityFeatures:
        """Return the columns of a table's texts; the videos are the groups."""
        return self.of(corpus, groups=[table.video_ids[video] for video in table.video_of_row], texts=table.texts)


def write_mosei(run: StageRun) -> None:
    """Stage: MOSEI with text columns, and genuine FACET action units of the videos that have them."""
    labels, columns = run.sources["labels"], TextColumns.load(run)
    table = prepare_labels(labels, glove=columns.glove)
    text = columns.of_table(MOSEI, table)
    attach_facet(replace(table, modalities={"text": text}), run.sources["facet"], labels=labels).save(run.output)


def write_mosi(run: StageRun) -> None:
    """Stage: MOSI with text columns and its genuine COVAREP means; voice columns are absent, for want of the sound."""
    columns = TextColumns.load(run)
    table = replace(prepare_mosi(run.sources["mosi"], glove=columns.glove), words=None)  # `plus` reads utterances
    table = with_modality(table, "acoustic", hstack([table.modalities["acoustic"], no_voice(len(table))]))
    with_modality(table, "text", columns.of_table(MOSI, table)).save(run.output)


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
            needs=TEXT_NEEDS,
            sources={"labels": mosei / "labels", "facet": mosei / "facet"},
            weights=(GLOVE, SENTENCE),
            versions=(TABLES_VERSION, FACET_VERSION),
        ),
        Stage(
            "mosi",
            "mosi.safetensors",
            write_mosi,
            needs=TEXT_NEEDS,
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
