"""Out-of-fold sentence vectors: those of MOSEI's train utterances by encoders that were not tuned on them.

The served encoder was tuned on the train utterances, so its vectors separate their labels better than those of new
ones, and a network trained on them overweights the text. The train videos are therefore split into folds; for each, an
encoder tuned on the others gives the vectors (stacked generalisation: Wolpert, Neural Networks 1992). All encoders
share one linear head, fitted to the served encoder and then fixed, so that labels have the same directions in all of
them.

Only train and valid transcripts are read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from torch import nn

from mtmm_video.extractors.text.sentence_encoder import LONGEST_INPUT, SENTENCE_NAMES, WIDTH, load_transformer
from mtmm_video.extractors.text.word_pieces import WordPieces
from mtmm_video.foundation.errors import DataError
from mtmm_video.model.features import ModalityFeatures
from mtmm_video.model.table import UtteranceTable
from mtmm_video.pipeline.training.encoder_tuning import (
    POOLED_GAIN,
    Transcripts,
    TunedEncoder,
    TuningOptions,
    forward_all,
    loss_of,
    read_mosi_train,
    tune,
)
from mtmm_video.pipeline.training.stages import StageRun

FOLDS = 3
FOLD_EPOCHS = 2  # the served encoder had 3; the third gave it 0.3 points of valid accuracy for a third of the time
HEAD_STEPS = 400  # of Adam over all train vectors at once; the loss no longer falls after 300


def folds_of(video_ids: Sequence[str], *, folds: int) -> NDArray[np.int64]:
    """Fold of each video, shape (v,): random, the same in every run."""
    order = np.random.default_rng(0).permutation(len(video_ids))
    return order % folds


def rows_of(table: UtteranceTable, split: str) -> NDArray[np.int64]:
    """Row numbers of a split's utterances, in the order of the table."""
    return np.flatnonzero(np.array([name == split for name in table.splits])[table.video_of_row])


def sentence_columns(text: ModalityFeatures) -> NDArray[np.int64]:
    """Where the sentence vector stands among the text columns, shape (384,)."""
    return np.array([text.names.index(name) for name in SENTENCE_NAMES], np.int64)


def transcripts(table: UtteranceTable, rows: NDArray[np.int64]) -> Transcripts:
    """Texts and labels of some rows, as the tuning takes them."""
    labels = table.labels.rows(rows)
    return Transcripts(
        texts=tuple(table.texts[row] for row in rows),
        positive=labels.sentiment,
        sentiment=labels.sentiment_intensity,
        emotions=labels.emotion_intensity,
    )


def fit_head(vectors: NDArray[np.float32], labels: Transcripts) -> nn.Linear:
    """Fit the linear head of `TunedEncoder` to vectors (n, 384) that are not changed any more."""
    torch.manual_seed(0)
    head = nn.Linear(WIDTH, TunedEncoder.OUTPUTS)
    inputs = torch.from_numpy(vectors) * POOLED_GAIN
    optimiser = torch.optim.Adam(head.parameters(), lr=0.01, weight_decay=1e-5)
    for _ in range(HEAD_STEPS):
        loss = loss_of(head(inputs), labels, emotion_weight=TuningOptions().emotion_weight)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return head


def pooled(encoder: TunedEncoder, indices: Sequence[Sequence[int]], *, padding: int) -> NDArray[np.float32]:
    """Sentence vectors (n, 384) of a tuned encoder for tokenised texts."""
    encoder.eval()
    return forward_all(encoder.transformer, indices, padding=padding, width=WIDTH)


def with_folds(mosei: UtteranceTable, paths: Sequence[Path]) -> UtteranceTable:
    """Return MOSEI's table with the out-of-fold vectors in its train rows; other splits keep theirs.

    Raises
    ------
    DataError
        If the files do not cover every train utterance once.
    """
    text = mosei.modalities["text"]
    values, places = text.values.copy(), sentence_columns(text)
    train = rows_of(mosei, "train")
    seen = np.zeros(len(mosei), np.int64)
    for path in paths:
        stored = load_file(path)
        rows = stored["rows"]
        values[np.ix_(rows, places)] = stored["vectors"]
        seen[rows] += 1
    if not (seen[train] == 1).all() or seen.sum() != len(train):
        raise DataError(f"{', '.join(map(str, paths))}: do not hold every train utterance once; make each fold once")
    return replace(mosei, modalities={**mosei.modalities, "text": replace(text, values=values)})


def fold_vectors(run: StageRun, *, fold: int, options: TuningOptions) -> None:
    """Stage: tune an encoder on the other folds and write the vectors of this fold's utterances.

    The file holds ``rows`` (k,), numbers of utterances in MOSEI's table, and ``vectors`` (k, 384).
    """
    table = UtteranceTable.load(run.inputs["mosei"])
    train = rows_of(table, "train")
    labels = transcripts(table, train)
    text = table.modalities["text"]
    vectors = text.values[np.ix_(train, sentence_columns(text))]
    held = folds_of(table.video_ids, folds=FOLDS)[table.video_of_row[train]] == fold
    folder = run.weights["minilm-l6-v2"]
    pieces = WordPieces.load(folder / "vocab.txt")
    encoder, _ = tune(
        load_transformer(folder),
        pieces,
        train=labels.rows(np.flatnonzero(~held)) + read_mosi_train(run.sources["mosi"]),
        valid=transcripts(table, rows_of(table, "valid")),
        options=options,
        head=fit_head(vectors, labels),
        report=run.report,
    )
    indices = [pieces.encode(table.texts[row], longest=LONGEST_INPUT) for row in train[held]]
    save_file({"rows": train[held], "vectors": pooled(encoder, indices, padding=pieces.pad)}, run.output)
