"""Out-of-fold sentence vectors: those of train texts by the encoder that was not tuned on them.

The served encoder was tuned on the train texts, so its vectors separate their labels better than those of new ones, and
a network trained on them overweights the text. So each train text has the vector of the encoder that was tuned on the
other folds (stacked generalisation: Wolpert, Neural Networks 1992). All encoders have their heads in common, so that
labels have the same directions in all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mtmm_video.extractors.text.sentence_encoder import SENTENCE_NAMES, SentenceEncoder
from mtmm_video.foundation.errors import DataError
from mtmm_video.model.checkpoint import read_tensors
from mtmm_video.model.features import ModalityFeatures
from mtmm_video.pipeline.training.encoder_texts import fold_of


def key_of(fold: int, text: str) -> int:
    """Return a number for a text of a fold: 63 bits of a digest."""
    return int.from_bytes(hashlib.sha256(f"{fold}\n{text}".encode()).digest()[:8], "little") >> 1


@dataclass(frozen=True)
class UnseenVectors:
    """Vectors of the train texts, each by the encoder that has not seen it.

    Attributes
    ----------
    vectors : ndarray of float16, shape (n, 768)
    rows : dict of int to int
        Row of each `key_of`.
    """

    vectors: NDArray[np.float16]
    rows: dict[int, int]

    @classmethod
    def load(cls, path: Path) -> UnseenVectors:
        """Read what `pipeline.training.encoder_folds` wrote.

        Raises
        ------
        CheckpointError, DataError
            If the file is missing, damaged, or holds no vectors.
        """
        tensors, _ = read_tensors(path)
        if not {"vectors", "keys"} <= set(tensors):
            raise DataError(f"{path}: holds no out-of-fold vectors; make the stage `encoder-folds` again")
        keys = tensors["keys"].tolist()
        return cls(tensors["vectors"].numpy(), {key: row for row, key in enumerate(keys)})

    def find(self, corpus: str, *, groups: Sequence[str], texts: Sequence[str]) -> NDArray[np.int64]:
        """Return the rows of texts, shape (k,); -1 for a text that no encoder learnt from."""
        keys = [key_of(fold_of(corpus, group), text) for group, text in zip(groups, texts, strict=True)]
        return np.array([self.rows.get(key, -1) for key in keys], np.int64)


def unseen_columns(
    corpus: str, *, groups: Sequence[str], texts: Sequence[str], unseen: UnseenVectors, served: SentenceEncoder
) -> ModalityFeatures:
    """Return sentence vectors (n, 768) as of texts that no encoder has seen.

    Parameters
    ----------
    corpus : str
        Whose texts they are.
    groups : sequence of str, length n
        Video, dialogue or comment of each.
    texts : sequence of str, length n
    unseen : UnseenVectors
        For the texts that were learnt from.
    served : SentenceEncoder
        For the others.
    """
    found = unseen.find(corpus, groups=groups, texts=texts)
    others = np.flatnonzero(found < 0).tolist()
    encoded = served.encode([texts[row] for row in others])
    values = np.zeros((len(texts), len(SENTENCE_NAMES)), np.float32)
    there = np.ones(len(texts), bool)
    values[found >= 0] = unseen.vectors[found[found >= 0]]
    values[others], there[others] = encoded.values, encoded.valid
    valid = np.repeat(there[:, None], len(SENTENCE_NAMES), axis=1)
    return ModalityFeatures(values, valid, encoded.names, encoded.version)
