"""CMU-MOSI from a CSV table: transcripts with their words, binary sentiment, and means of COVAREP's own features."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from mtmm_video.extractors.acoustic.columns import COVAREP_NAMES, COVAREP_VERSION
from mtmm_video.extractors.text.glove import GloveVectors
from mtmm_video.foundation.errors import DataError
from mtmm_video.model.features import ModalityFeatures
from mtmm_video.model.table import Labels, UtteranceTable
from mtmm_video.model.word_features import WordFeatures
from mtmm_video.pipeline.corpora.mosei_labels import read_csv, table_of_frame

FILE = "utterances.csv.gz"
COLUMNS = ("split", "video_id", "segment_id", "text", "positive")
VALID_VIDEOS = 10  # of the 62 not in test: the number of validation videos in the SDK's fold of MOSI


def prepare_mosi(path: Path, *, glove: GloveVectors) -> UtteranceTable:
    """Make the table of CMU-MOSI: text and acoustic, binary sentiment, no emotions; of the words their text alone.

    The file has only train and test. Ten training videos, selected by the hash of their name, are the valid split.
    Acoustic columns missing in the file are marked invalid.

    Parameters
    ----------
    path : Path
        ``utterances.csv.gz``.
    glove : GloveVectors
        The word vectors, also used for inference.

    Raises
    ------
    DataError
        If the file lacks a column or has labels other than 0 and 1.
    """
    frame = read_csv(path, columns=COLUMNS)
    if not frame["positive"].isin([0, 1]).all():
        raise DataError(f"{path}: the column 'positive' must have the values 0 and 1 only")
    training = frame.loc[frame["split"] == "train", "video_id"].unique()
    held_out = sorted(training, key=lambda video: hashlib.sha256(str(video).encode()).hexdigest())[:VALID_VIDEOS]
    frame.loc[frame["video_id"].isin(held_out), "split"] = "valid"
    frame = frame.sort_values(["split", "video_id", "segment_id"], kind="stable", ignore_index=True)
    labels = replace(Labels.unknown(len(frame)), sentiment=frame["positive"].to_numpy(dtype=np.float32))
    table = table_of_frame(frame, corpus="mosi", labels=labels, glove=glove)
    values = np.full((len(frame), len(COVAREP_NAMES)), np.nan)
    for index, name in enumerate(COVAREP_NAMES):
        if name in frame.columns:
            values[:, index] = frame[name].to_numpy(dtype=np.float64)
    valid = np.isfinite(values)
    acoustic = ModalityFeatures(
        values=np.where(valid, values, 0).astype(np.float32),
        valid=valid,
        names=COVAREP_NAMES,
        version=COVAREP_VERSION,
    )
    words = transcribed_words(table.texts, glove=glove)
    return replace(table, modalities={**table.modalities, "acoustic": acoustic}, words=words)


def transcribed_words(texts: Sequence[str], *, glove: GloveVectors) -> WordFeatures:
    """Return the vectors of the words of transcripts; one without words has a single word that is not known."""
    words = [text.split() or [""] for text in texts]
    means = glove.utterance_means([word for each in words for word in each])
    offsets = np.concatenate([[0], np.cumsum([len(each) for each in words])]).astype(np.int64)
    return WordFeatures(offsets, {"text": ModalityFeatures(means.values, means.valid, means.names, means.version)})
