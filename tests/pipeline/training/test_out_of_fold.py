"""Out-of-fold vectors and soft labels: what teaches has not seen what it is asked about."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from mtmm_video.extractors.text.sentence_encoder import SENTENCE_NAMES, WIDTH, Transformer
from mtmm_video.extractors.text.word_pieces import WordPieces
from mtmm_video.foundation.errors import DataError
from mtmm_video.model.features import ModalityFeatures
from mtmm_video.model.recipes import Recipe
from mtmm_video.model.table import Labels, UtteranceTable
from mtmm_video.pipeline.training.encoder_tuning import TunedEncoder, TuningOptions, tune
from mtmm_video.pipeline.training.out_of_fold import FOLDS, fit_head, folds_of, rows_of, transcripts, with_folds
from mtmm_video.pipeline.training.soft_labels import distilled

VIDEOS, LENGTH = 60, 4
ROWS = VIDEOS * LENGTH


@pytest.fixture
def table() -> UtteranceTable:
    """Columns that say nothing and labels thrown with dice: nobody can know one from the other."""
    generator = np.random.default_rng(0)
    values = generator.normal(size=(ROWS, WIDTH)).astype(np.float32)
    sentiment = generator.choice([-2.0, 2.0], size=ROWS)
    emotions = 2.0 * (generator.random((ROWS, 6)) < 0.5)
    return UtteranceTable(
        video_ids=tuple(f"v{index}" for index in range(VIDEOS)),
        splits=("train",) * 48 + ("valid",) * 12,
        corpora=("mosei",) * VIDEOS,
        offsets=np.arange(0, ROWS + 1, LENGTH, dtype=np.int64),
        modalities={"text": ModalityFeatures(values, np.ones_like(values, dtype=bool), SENTENCE_NAMES, "test/1")},
        labels=Labels.from_intensities(sentiment, emotions),
        segments=tuple(map(str, range(ROWS))),
        texts=("good words",) * ROWS,
    )


def test_every_video_is_in_one_fold_and_always_the_same() -> None:
    names = [f"v{index}" for index in range(100)]
    fold = folds_of(names, folds=FOLDS)
    assert sorted(np.bincount(fold).tolist()) == [33, 33, 34]
    np.testing.assert_array_equal(fold, folds_of(names, folds=FOLDS))


def test_only_train_rows_get_vectors_of_their_fold(table: UtteranceTable, tmp_path: Path) -> None:
    train = rows_of(table, "train")
    fold = folds_of(table.video_ids, folds=FOLDS)[table.video_of_row[train]]
    paths = [tmp_path / f"fold-{index}.safetensors" for index in range(FOLDS)]
    for index, path in enumerate(paths):
        rows = train[fold == index]
        save_file({"rows": rows, "vectors": np.full((len(rows), WIDTH), index, np.float32)}, path)
    found = with_folds(table, paths).modalities["text"].values
    np.testing.assert_array_equal(found[train, 0], fold)
    valid = rows_of(table, "valid")
    np.testing.assert_array_equal(found[valid], table.modalities["text"].values[valid])
    with pytest.raises(DataError, match="every train utterance once"):
        with_folds(table, paths[:-1])


def test_the_head_finds_the_direction_of_a_label(table: UtteranceTable) -> None:
    vectors = table.modalities["text"].values.copy()
    vectors[:, 7] = 3 * (2 * table.labels.sentiment - 1)
    head = fit_head(vectors, transcripts(table, np.arange(ROWS)))
    guessed = head(torch.from_numpy(vectors) * 3)[:, 1] > 0
    assert (guessed.numpy() == (table.labels.sentiment > 0.5)).mean() > 0.95


def test_a_given_head_is_kept_while_the_encoder_learns(table: UtteranceTable, tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\ngood\nwords\n", encoding="utf-8")
    head = torch.nn.Linear(WIDTH, TunedEncoder.OUTPUTS)
    rows = transcripts(table, np.arange(32))
    encoder, _ = tune(
        Transformer(),
        WordPieces.load(tmp_path / "vocab.txt"),
        train=rows,
        valid=rows,
        options=replace(TuningOptions(), epochs=1),
        head=head,
    )
    torch.testing.assert_close(encoder.head.weight, head.weight)
    assert any(addition.up.abs().max() > 0 for addition in encoder.additions().values())


def test_what_teachers_say_is_no_echo_of_the_labels(table: UtteranceTable) -> None:
    recipe = Recipe(hidden=8, dense=8, epochs=30, learning_rate=0.01)  # enough to know the 128 train rows by heart
    soft = distilled(table, recipe=recipe, seeds=(1,), share=1.0).labels
    train, valid = rows_of(table, "train"), rows_of(table, "valid")
    hard = table.labels
    correlation = np.corrcoef(soft.sentiment[train], hard.sentiment[train])[0, 1]
    assert abs(correlation) < 0.25, "dice cannot be foreseen"  # 192 rows: a standard error of .07
    half = distilled(table, recipe=replace(recipe, epochs=1), seeds=(1,), share=0.5).labels
    assert (half.sentiment[train] >= 0.5 * hard.sentiment[train]).all()
    np.testing.assert_array_equal(soft.emotion[valid], hard.emotion[valid])
