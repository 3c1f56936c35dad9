"""Corpora of other talk than MOSEI's, labelled in words alone: MELD's dialogues and GoEmotions' comments.

MELD: Poria et al., ACL 2019. GoEmotions: Demszky et al., ACL 2020; its 27 emotions become Ekman's six as in the paper's
appendix, and its sentiments are the paper's, ambiguous ones (surprise) counting as neutral.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtmm_video.foundation.errors import DataError
from mtmm_video.model.labels import EMOTION_CLASSES, NO_EMOTION, SENTIMENT_CLASSES

MELD_EMOTIONS: Mapping[str, str] = {"joy": "happy", "sadness": "sad", "neutral": NO_EMOTION}  # others have our names
EKMAN: Mapping[str, tuple[str, ...]] = {
    "anger": ("anger", "annoyance", "disapproval"),
    "disgust": ("disgust",),
    "fear": ("fear", "nervousness"),
    "happy": (
        *("joy", "amusement", "approval", "excitement", "gratitude", "love"),
        *("optimism", "relief", "pride", "admiration", "desire", "caring"),
    ),
    "sad": ("sadness", "disappointment", "embarrassment", "grief", "remorse"),
    "surprise": ("surprise", "realization", "confusion", "curiosity"),
    NO_EMOTION: ("neutral",),
}
GOEMOTIONS_LABELS = 28  # 27 emotions, then neutral
# Emotions that are not named here are negative.
EKMAN_SENTIMENTS: Mapping[str, str] = {"happy": "positive", "surprise": "neutral", NO_EMOTION: "neutral"}


@dataclass(frozen=True)
class Talk:
    """Utterances with classes instead of MOSEI's intensities.

    Attributes
    ----------
    texts : tuple of str, length n
    conversations : tuple of str, length n
        What an utterance belongs to, in the order in which it is said; rows of one stand together.
    sentiment : ndarray, shape (n, 3)
        Share of each of `model.labels.SENTIMENT_CLASSES`; rows sum to 1.
    emotion : ndarray, shape (n, 7)
        Share of each of `model.labels.EMOTION_CLASSES`; rows sum to 1.
    """

    texts: tuple[str, ...]
    conversations: tuple[str, ...]
    sentiment: NDArray[np.float64]
    emotion: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.texts)

    def rows(self, index: NDArray[np.int64]) -> Talk:
        """Return the given rows."""
        return Talk(
            texts=tuple(self.texts[row] for row in index),
            conversations=tuple(self.conversations[row] for row in index),
            sentiment=self.sentiment[index],
            emotion=self.emotion[index],
        )


def read_meld(path: Path) -> Talk:
    """Read ``train_sent_emo.csv.gz`` or ``dev_sent_emo.csv.gz``.

    Raises
    ------
    DataError
        If the file is missing, or lacks a column or a known label.
    """
    try:
        table = pd.read_csv(path, keep_default_na=False).sort_values(["Dialogue_ID", "Utterance_ID"], kind="stable")
        sentiments = [SENTIMENT_CLASSES.index(name) for name in table["Sentiment"]]
        emotions = [EMOTION_CLASSES.index(MELD_EMOTIONS.get(name, name)) for name in table["Emotion"]]
        texts, dialogues = tuple(table["Utterance"]), tuple(map(str, table["Dialogue_ID"]))
    except (OSError, KeyError, ValueError) as error:
        raise DataError(f"{path}: is no table of MELD ({error})") from error
    return Talk(texts, dialogues, np.eye(len(SENTIMENT_CLASSES))[sentiments], np.eye(len(EMOTION_CLASSES))[emotions])


def read_goemotions(path: Path, *, labels: Path) -> Talk:
    """Read ``train.tsv.gz`` or ``dev.tsv.gz``; every comment is a conversation of its own.

    Parameters
    ----------
    path : Path
        Text, numbers of the labels, identifier.
    labels : Path
        ``labels.txt``, the names of the labels.

    Raises
    ------
    DataError
        If a file is missing or damaged.
    """
    texts, comments, marks = read_goemotions_labels(path)
    try:
        names = labels.read_text(encoding="utf-8").split()
        group = {names.index(name): kind for kind, members in EKMAN.items() for name in members}
        felt = [[group[int(number)] for number in np.flatnonzero(row)] for row in marks]
    except (OSError, KeyError, ValueError) as error:
        raise DataError(f"{labels}: is no list of GoEmotions' labels ({error})") from error
    emotion = np.array([_shares(kinds, EMOTION_CLASSES) for kinds in felt])
    sentiment = np.array(
        [_shares([EKMAN_SENTIMENTS.get(kind, "negative") for kind in kinds], SENTIMENT_CLASSES) for kinds in felt]
    )
    return Talk(texts, comments, sentiment, emotion)


def read_goemotions_labels(path: Path) -> tuple[tuple[str, ...], tuple[str, ...], NDArray[np.float32]]:
    """Read ``train.tsv.gz`` or ``dev.tsv.gz`` with the labels as they were given.

    Returns
    -------
    texts, comments : tuple of str, length n
        Texts and identifiers.
    labels : ndarray of float32, shape (n, 28)
        1 where a label was given; the last is neutral.

    Raises
    ------
    DataError
        If the file is missing or damaged.
    """
    try:
        names = ["text", "labels", "id"]
        table = pd.read_csv(path, sep="\t", header=None, names=names, quoting=3, dtype=str, keep_default_na=False)
        labels = np.zeros((len(table), GOEMOTIONS_LABELS), np.float32)
        for row, numbers in enumerate(table["labels"]):
            labels[row, [int(number) for number in numbers.split(",")]] = 1
    except (OSError, ValueError, IndexError) as error:
        raise DataError(f"{path}: is no table of GoEmotions ({error})") from error
    return tuple(table["text"]), tuple(table["id"]), labels


def _shares(found: Sequence[str], classes: Sequence[str]) -> list[float]:
    return [sum(kind == name for kind in found) / len(found) for name in classes]
