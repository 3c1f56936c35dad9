"""Out-of-fold vectors: a train text has that of the encoder that has not seen it, any other text the served one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from mtmm_video.extractors.text.mpnet import WIDTH
from mtmm_video.extractors.text.sentence_encoder import SENTENCE_NAMES, SentenceEmbeddings, SentenceEncoder
from mtmm_video.foundation.errors import DataError
from mtmm_video.pipeline.training.encoder_texts import FOLDS, fold_of
from mtmm_video.pipeline.training.out_of_fold import UnseenVectors, key_of, unseen_columns


class Served(SentenceEncoder):
    """An encoder whose vectors are all sevens."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def encode(self, texts: object) -> SentenceEmbeddings:
        self.asked = list(texts)  # type: ignore[call-overload]
        valid = np.array([bool(text) for text in self.asked])
        values = np.full((len(self.asked), WIDTH), 7, np.float32) * valid[:, None]
        return SentenceEmbeddings(values=values, valid=valid, names=SENTENCE_NAMES, version="test/1")


def videos(fold: int, count: int) -> list[str]:
    names = (f"v{index}" for index in range(1000))
    return [name for name in names if fold_of("mosei", name) == fold][:count]


def test_folds_are_of_like_size_and_keep_a_video_together() -> None:
    folds = [fold_of("mosei", f"v{index}") for index in range(1000)]
    assert all(200 < folds.count(fold) < 300 for fold in range(FOLDS))  # 250 and almost four standard deviations
    assert folds == [fold_of("mosei", f"v{index}") for index in range(1000)]
    assert set(folds) == set(range(FOLDS))


def test_a_text_gets_the_vector_of_its_own_fold_and_a_new_one_is_encoded(tmp_path: Path) -> None:
    (left,), (right,) = videos(0, 1), videos(1, 1)
    path = tmp_path / "folds.safetensors"
    vectors = torch.stack([torch.full((WIDTH,), 1.0), torch.full((WIDTH,), 2.0)]).half()
    save_file({"vectors": vectors, "keys": torch.tensor([key_of(0, "yes"), key_of(1, "yes")])}, path)
    served = Served()
    found = unseen_columns(
        "mosei",
        groups=[left, right, left, right],
        texts=["yes", "yes", "no", ""],
        unseen=UnseenVectors.load(path),
        served=served,
    )
    assert found.values[:, 0].tolist() == [1.0, 2.0, 7.0, 0.0]  # the same word, said in videos of two folds
    assert found.valid[:, 0].tolist() == [True, True, True, False]
    assert served.asked == ["no", ""]


def test_a_file_without_vectors_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "folds.safetensors"
    save_file({"other": torch.zeros(1)}, path)
    with pytest.raises(DataError, match="encoder-folds"):
        UnseenVectors.load(path)
