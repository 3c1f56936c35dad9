"""`WordFeatures`: what a table keeps of the single words, for systems that read an utterance word by word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mtmm_video.foundation.errors import DataError
from mtmm_video.model.features import MODALITIES, Modality, ModalityFeatures


@dataclass(frozen=True)
class WordFeatures:
    """Features of the w words of n utterances, in the order of the utterances and, in each, of time.

    Attributes
    ----------
    offsets : ndarray of int64, shape (n + 1,)
        Words of utterance k are ``offsets[k]`` to ``offsets[k + 1]``; every utterance has at least one.
    modalities : mapping of Modality to ModalityFeatures
        Word means, w rows each: columns that exist for a word, which a sentence's vector does not.

    Raises
    ------
    DataError
        If the parts disagree in length, or an utterance has no word.
    """

    offsets: NDArray[np.int64]
    modalities: Mapping[Modality, ModalityFeatures]

    def __post_init__(self) -> None:
        if self.offsets.ndim != 1 or self.offsets[0] != 0 or (np.diff(self.offsets) < 1).any():
            raise DataError("WordFeatures: offsets must begin at 0 and give every utterance at least one word")
        lengths = {name: len(features.values) for name, features in self.modalities.items()}
        if set(lengths.values()) - {int(self.offsets[-1])}:
            raise DataError(f"WordFeatures: {lengths} rows for {int(self.offsets[-1])} words")

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def utterances(self, rows: Sequence[int] | NDArray[np.intp]) -> WordFeatures:
        """Return the words of some utterances, in the order of `rows`."""
        chosen = [np.arange(self.offsets[row], self.offsets[row + 1]) for row in rows]
        words = np.concatenate(chosen) if chosen else np.zeros(0, np.int64)
        return WordFeatures(
            offsets=np.concatenate([[0], np.cumsum([len(part) for part in chosen])]).astype(np.int64),
            modalities={
                name: replace(features, values=features.values[words], valid=features.valid[words])
                for name, features in self.modalities.items()
            },
        )

    def with_modalities(self, names: Sequence[Modality]) -> WordFeatures | None:
        """Return the words with only some modalities; None where they have none of them."""
        kept = {name: features for name, features in self.modalities.items() if name in names}
        return replace(self, modalities=kept) if kept else None


def join_words(parts: Sequence[WordFeatures | None]) -> WordFeatures | None:
    """Put the words of several tables or files below each other.

    A modality that one of them lacks is invalid in its rows. None where one of them keeps no words.

    Raises
    ------
    DataError
        If they have different columns of a modality.
    """
    known = [part for part in parts if part is not None]
    if len(known) < len(parts) or not known:
        return None
    modalities: dict[Modality, ModalityFeatures] = {}
    for modality in MODALITIES:
        given = [part.modalities[modality] for part in known if modality in part.modalities]
        if len({(each.version, each.names) for each in given}) > 1:
            raise DataError(f"the words have different {modality} columns; prepare all with one version")
        if not given:
            continue
        counts = [int(part.offsets[-1]) for part in known]
        values = np.zeros((sum(counts), len(given[0].names)), np.float32)
        valid = np.zeros(values.shape, np.bool_)
        for part, end, count in zip(known, np.cumsum(counts), counts, strict=True):
            if modality in part.modalities:
                values[end - count : end] = part.modalities[modality].values
                valid[end - count : end] = part.modalities[modality].valid
        modalities[modality] = replace(given[0], values=values, valid=valid)
    lengths = np.concatenate([np.diff(part.offsets) for part in known])
    return WordFeatures(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64), modalities)
