"""Small made-up tables for the tests of this room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from mtmm_video.model.features import Modality, ModalityFeatures
from mtmm_video.model.table import Labels, UtteranceTable

WIDTHS: Mapping[Modality, int] = {"text": 4, "acoustic": 3, "visual": 2}


def features(values: np.ndarray, modality: Modality, valid: np.ndarray | None = None) -> ModalityFeatures:
    return ModalityFeatures(
        values=values.astype(np.float32),
        valid=np.ones(values.shape, dtype=bool) if valid is None else valid,
        names=tuple(f"{modality}_{index}" for index in range(values.shape[1])),
        version=f"{modality}-test/1",
    )


def learnable_table(
    *, videos: int = 24, modalities: Sequence[Modality] = ("text",), seed: int = 0, corpus: str = "made-up"
) -> UtteranceTable:
    """Positive where the first text column is above 0; anger where it is below -0.5; happy where it is above 0.5."""
    generator = np.random.default_rng(seed)
    lengths = generator.integers(1, 7, videos)
    count = int(lengths.sum())
    signal = generator.normal(size=count)
    emotions = np.zeros((count, 6), dtype=np.float32)
    emotions[:, 0] = np.maximum(-signal - 0.5, 0)
    emotions[:, 3] = np.maximum(signal - 0.5, 0)
    emotions[::5, 1:3] = 0.3
    emotions[::7, 4:6] = 0.3
    blocks = {}
    for modality in modalities:
        values = generator.normal(size=(count, WIDTHS[modality]))
        values[:, 0] = 3 * signal + 0.1 * generator.normal(size=count)
        blocks[modality] = features(values, modality)
    splits = ["train", "train", "valid", "test"]
    return UtteranceTable(
        video_ids=tuple(f"{corpus}-{index}" for index in range(videos)),
        splits=tuple(splits[index % 4] for index in range(videos)),
        corpora=(corpus,) * videos,
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        modalities=blocks,
        labels=Labels.from_intensities(np.clip(signal, -3, 3).astype(np.float32), np.clip(emotions, 0, 3)),
        segments=tuple(f"s{index}" for index in range(count)),
        texts=tuple(f"text {index}" for index in range(count)),
    )


@pytest.fixture
def make_table():
    """`learnable_table`, a function that makes tables whose labels can be read off the features."""
    return learnable_table
