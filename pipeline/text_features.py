"""Text columns of a checkpoint: GloVe means, sentence embeddings, or both concatenated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mtmm_video.extractors.text.glove import GloveVectors
from mtmm_video.extractors.text.names import FROZEN_VERSION
from mtmm_video.foundation.errors import CheckpointError
from mtmm_video.foundation.loading import cached_by_file
from mtmm_video.model.features import ModalityFeatures, extractor_names, hstack

load_glove = cached_by_file(GloveVectors.load)

SENTENCE = extractor_names(FROZEN_VERSION)[0]  # the sentence encoder, frozen or tuned


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
    texts: Sequence[str], *, extractors: Sequence[str], glove: Path, sentence: Path | None = None, threads: int = 1
) -> TextFeatures:
    """Compute the text columns of the given extractors.

    Parameters
    ----------
    texts : sequence of str, length u
        Utterances.
    extractors : sequence of str
        Names in the order of the columns, see `model.features.extractor_names`. Empty for a checkpoint without text,
        which gives GloVe.
    glove : Path
        Folder of the GloVe vectors.
    sentence : Path, optional
        Folder of the sentence encoder (`pipeline.weights.ctranslate2_form.sentence_form`), for its own columns only.
    threads : int
        Processor threads that the encoder may use.

    Raises
    ------
    CheckpointError
        If one of them is no text extractor of this version.
    """
    vectors = load_glove(glove)
    means = vectors.utterance_means(texts)
    own = extractor_names(vectors.version)[0]
    parts = []
    for name in extractors or (own,):
        if name == own:
            parts.append(ModalityFeatures(means.values, means.valid, means.names, means.version))
        elif name == SENTENCE:
            if sentence is None:
                raise CheckpointError("the checkpoint takes sentence vectors, but no sentence encoder was given")
            from mtmm_video.extractors.text.ctranslate2_encoder import load_sentence_encoder  # noqa: PLC0415

            encoded = load_sentence_encoder(sentence, threads=threads).encode(texts)
            valid = np.repeat(encoded.valid[:, None], len(encoded.names), axis=1)
            parts.append(ModalityFeatures(encoded.values, valid, encoded.names, encoded.version))
        else:
            raise CheckpointError(
                f"the checkpoint was trained on text columns of {name}, which this version cannot compute"
            )
    return TextFeatures(hstack(parts), means.out_of_vocabulary)
