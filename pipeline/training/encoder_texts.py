"""The labelled texts that the sentence encoder is tuned on: MOSEI, MOSI, MELD and GoEmotions, each with its own labels.

Only train and valid texts are read. The texts of one video, dialogue or comment are all in one of four folds, which one
encoder does not learn from, so that each text has a vector from an encoder that has not seen it
(`pipeline.training.out_of_fold`).
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mtmm_video.model.labels import EMOTIONS, INTENSITY_RANGE, SENTIMENT_RANGE
from mtmm_video.pipeline.corpora.mosei_labels import read_csv
from mtmm_video.pipeline.corpora.talk import read_goemotions_labels, read_meld

FOLDS = 4
MOSEI, MOSI, MELD, GOEMOTIONS = "mosei", "mosi", "meld", "goemotions"


@dataclass(frozen=True)
class EncoderTexts:
    """Texts of one corpus.

    Attributes
    ----------
    corpus : str
        Name.
    texts : tuple of str, length n
    groups : tuple of str, length n
        Video, dialogue or comment.
    train : ndarray of bool, shape (n,)
        False for valid rows.
    targets : ndarray of float32, shape (n, k)
        MOSEI: sentiment in [-3, 3] and six intensities in [0, 3]. MOSI: 1 where positive. MELD: shares of three
        sentiments and of seven emotions. GoEmotions: 28 labels, each 0 or 1.
    """

    corpus: str
    texts: tuple[str, ...]
    groups: tuple[str, ...]
    train: NDArray[np.bool_]
    targets: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def folds(self) -> NDArray[np.int64]:
        """The fold of each text, shape (n,)."""
        return np.array([fold_of(self.corpus, group) for group in self.groups], np.int64)


def fold_of(corpus: str, group: str) -> int:
    """Return the fold of a video, dialogue or comment, by a checksum of its name: the same in every run."""
    return zlib.crc32(f"fold{corpus}:{group}".encode()) % FOLDS


def encoder_groups(conversations: Sequence[str], *, corpus: str, split: str) -> tuple[str, ...]:
    """Return the groups of conversations; MELD counts its dialogues from 0 in each split."""
    return tuple(f"{split}:{name}" if corpus == MELD else name for name in conversations)


def read_texts(sources: Mapping[str, Path]) -> list[EncoderTexts]:
    """Read all corpora.

    Parameters
    ----------
    sources : mapping of str to Path
        ``mosei``: the folder of the label tables; ``mosi``: the table; ``meld`` and ``goemotions``: folders.

    Raises
    ------
    DataError
        If a file is missing or damaged.
    """
    meld, comments = sources[MELD], sources[GOEMOTIONS]
    return [
        _joined([_mosei(sources[MOSEI] / f"{split}.csv.gz", train=split == "train") for split in ("train", "valid")]),
        _mosi_train(sources[MOSI]),
        _joined([_meld(meld / f"{split}_sent_emo.csv.gz", train=split == "train") for split in ("train", "dev")]),
        _joined([_goemotions(comments / f"{split}.tsv.gz", train=split == "train") for split in ("train", "dev")]),
    ]


def _mosei(path: Path, *, train: bool) -> EncoderTexts:
    frame = read_csv(path, columns=("video_id", "text", "sentiment", *EMOTIONS))
    sentiment = frame[["sentiment"]].to_numpy(np.float32).clip(*SENTIMENT_RANGE)
    emotions = frame[list(EMOTIONS)].to_numpy(np.float32).clip(*INTENSITY_RANGE)
    return EncoderTexts(
        corpus=MOSEI,
        texts=tuple(frame["text"]),
        groups=tuple(frame["video_id"]),
        train=np.full(len(frame), train),
        targets=np.concatenate([sentiment, emotions], axis=1),
    )


def _mosi_train(path: Path) -> EncoderTexts:
    frame = read_csv(path, columns=("split", "video_id", "text", "positive"))
    frame = frame[frame["split"] == "train"]
    return EncoderTexts(
        corpus=MOSI,
        texts=tuple(frame["text"]),
        groups=tuple(frame["video_id"]),
        train=np.ones(len(frame), bool),
        targets=frame[["positive"]].to_numpy(np.float32),
    )


def _meld(path: Path, *, train: bool) -> EncoderTexts:
    talk = read_meld(path)
    return EncoderTexts(
        corpus=MELD,
        texts=talk.texts,
        groups=encoder_groups(talk.conversations, corpus=MELD, split="train" if train else "valid"),
        train=np.full(len(talk), train),
        targets=np.concatenate([talk.sentiment, talk.emotion], axis=1).astype(np.float32),
    )


def _goemotions(path: Path, *, train: bool) -> EncoderTexts:
    texts, names, labels = read_goemotions_labels(path)
    return EncoderTexts(
        corpus=GOEMOTIONS,
        texts=tuple(texts),
        groups=tuple(names),
        train=np.full(len(texts), train),
        targets=labels,
    )


def _joined(parts: Sequence[EncoderTexts]) -> EncoderTexts:
    return EncoderTexts(
        corpus=parts[0].corpus,
        texts=tuple(text for part in parts for text in part.texts),
        groups=tuple(group for part in parts for group in part.groups),
        train=np.concatenate([part.train for part in parts]),
        targets=np.concatenate([part.targets for part in parts]),
    )
