"""The text columns that a checkpoint asks for: GloVe means, sentence vectors, or both side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mtmm_video.extractors.text.glove import GloveVectors
from mtmm_video.extractors.text.sentence_encoder import SentenceEncoder
from mtmm_video.foundation.errors import CheckpointError
from mtmm_video.model.features import ModalityFeatures, beside


@dataclass(frozen=True)
class TextFeatures:
    """Text columns of the utterances of one video.

    Attributes
    ----------
    features : ModalityFeatures
        u rows.
    out_of_vocabulary : ndarray of float64, shape (u,)
        Share of each utterance's tokens without a GloVe vector, in [0, 1].
    """

    features: ModalityFeatures
    out_of_vocabulary: NDArray[np.float64]


def text_features(
    texts: Sequence[str], *, columns: Sequence[str], glove: Path, sentence: Path | None = None
) -> TextFeatures:
    """Compute the text features that hold the given columns.

    Parameters
    ----------
    texts : sequence of str, length u
        Utterances.
    columns : sequence of str
        Names the checkpoint was trained on: ``glove_..`` and ``minilm_..``. Empty for a checkpoint without text, which
        gives GloVe.
    glove : Path
        Folder of the GloVe vectors.
    sentence : Path, optional
        Folder of the sentence encoder; needed for ``minilm_..`` columns only.

    Raises
    ------
    CheckpointError
        If the checkpoint asks for columns that nobody here computes.
    """
    means = GloveVectors.load(glove).utterance_means(texts)
    known = [name for name in columns if name.startswith(("glove_", "minilm_"))]
    if len(known) < len(columns):
        foreign = sorted(set(columns) - set(known))
        raise CheckpointError(
            f"the checkpoint was trained on text columns that this version cannot compute: {', '.join(foreign[:5])}"
        )
    parts = []
    if not columns or any(name.startswith("glove_") for name in columns):
        parts.append(ModalityFeatures(means.values, means.valid, means.names, means.version))
    if any(name.startswith("minilm_") for name in columns):
        if sentence is None:
            raise CheckpointError("the checkpoint takes sentence vectors, but no sentence encoder was given")
        vectors = SentenceEncoder.load(sentence).encode(texts)
        valid = np.repeat(vectors.valid[:, None], len(vectors.names), axis=1)
        parts.append(ModalityFeatures(vectors.values, valid, vectors.names, vectors.version))
    return TextFeatures(beside(parts), means.out_of_vocabulary)
