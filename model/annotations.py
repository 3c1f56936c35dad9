"""`Labels`: what annotators said about the utterances of a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mtmm_video.foundation.errors import DataError
from mtmm_video.model.labels import EMOTION_CLASSES, EMOTIONS, INTENSITY_RANGE, SENTIMENT_CLASSES, SENTIMENT_RANGE
from mtmm_video.model.neutral import classes_of


@dataclass(frozen=True)
class Labels:
    """Annotations of n utterances. NaN marks a missing annotation: the row does not contribute to the task's loss.

    Attributes
    ----------
    sentiment : ndarray of float32, shape (n,)
        Probability of positive: 0, 1, or between for a soft label.
    emotion : ndarray of float32, shape (n, 7)
        The six emotions in the paper's order, then "none"; 0, 1, or between.
    sentiment_intensity : ndarray of float32, shape (n,)
        In [-3, 3].
    emotion_intensity : ndarray of float32, shape (n, 6)
        In [0, 3].
    named_sentiment : ndarray of float32, shape (n,), or None
        Index into `SENTIMENT_CLASSES` where the annotators named a class and gave no number; None where no row has one.
        `sentiment` cannot tell neutral from positive.

    Raises
    ------
    DataError
        If a shape disagrees or a value is out of range.
    """

    sentiment: NDArray[np.float32]
    emotion: NDArray[np.float32]
    sentiment_intensity: NDArray[np.float32]
    emotion_intensity: NDArray[np.float32]
    named_sentiment: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        n = len(self.sentiment)
        for name, values, shape, (low, high) in (
            ("sentiment", self.sentiment, (n,), (0.0, 1.0)),
            ("emotion", self.emotion, (n, len(EMOTION_CLASSES)), (0.0, 1.0)),
            ("sentiment_intensity", self.sentiment_intensity, (n,), SENTIMENT_RANGE),
            ("emotion_intensity", self.emotion_intensity, (n, len(EMOTIONS)), INTENSITY_RANGE),
            ("named_sentiment", self.named_sentiment, (n,), (0.0, len(SENTIMENT_CLASSES) - 1.0)),
        ):
            if values is None:
                continue
            if values.shape != shape:
                raise DataError(f"Labels.{name}: shape {values.shape}, expected {shape}")
            known = values[~np.isnan(values)]
            if len(known) and (known.min() < low or known.max() > high):
                raise DataError(
                    f"Labels.{name}: values {known.min():g} to {known.max():g} are out of the range [{low:g}, {high:g}]"
                )

    def __len__(self) -> int:
        return len(self.sentiment)

    @property
    def classes(self) -> NDArray[np.int64]:
        """Index into `SENTIMENT_CLASSES`, by the number, or by the name where there is none; -1 unknown; shape (n,)."""
        found = classes_of(self.sentiment_intensity)
        if self.named_sentiment is None:
            return found
        named = np.where(np.isnan(self.named_sentiment), -1, self.named_sentiment)
        return np.where(found < 0, named, found).astype(np.int64)

    @property
    def known(self) -> NDArray[np.bool_]:
        """Utterances with a sentiment or an emotion, shape (n,)."""
        return np.asarray(~np.isnan(self.sentiment) | ~np.isnan(self.emotion).all(axis=1), dtype=np.bool_)

    @classmethod
    def unknown(cls, count: int) -> Labels:
        """Return labels of `count` utterances without annotation."""
        return cls(
            sentiment=np.full(count, np.nan, dtype=np.float32),
            emotion=np.full((count, len(EMOTION_CLASSES)), np.nan, dtype=np.float32),
            sentiment_intensity=np.full(count, np.nan, dtype=np.float32),
            emotion_intensity=np.full((count, len(EMOTIONS)), np.nan, dtype=np.float32),
        )

    @classmethod
    def from_intensities(cls, sentiment: NDArray[np.floating], emotions: NDArray[np.floating]) -> Labels:
        """Convert MOSEI annotations to labels (paper, section 5.1).

        Parameters
        ----------
        sentiment : ndarray, shape (n,)
            In [-3, 3]; positive means >= 0.
        emotions : ndarray, shape (n, 6)
            In the paper's order; present means > 0, "none" when all six are 0. Intensities above 3 occur in the files
            and are clipped.
        """
        unknown = np.isnan(emotions)
        lowest = float(emotions[~unknown].min(initial=0.0))
        if lowest < 0:
            raise DataError(f"emotion intensities below 0 ({lowest:g}): not MOSEI annotations")
        present = (emotions > 0).astype(np.float32)
        none = (present.sum(axis=1, keepdims=True) == 0).astype(np.float32)
        labels = np.concatenate([present, none], axis=1)
        labels[np.concatenate([unknown, unknown.any(axis=1, keepdims=True)], axis=1)] = np.nan
        return cls(
            sentiment=np.where(np.isnan(sentiment), np.nan, sentiment >= 0).astype(np.float32),
            emotion=labels.astype(np.float32),
            sentiment_intensity=sentiment.astype(np.float32),
            emotion_intensity=np.clip(emotions, *INTENSITY_RANGE).astype(np.float32),
        )

    def rows(self, index: NDArray[np.intp]) -> Labels:
        """Return the labels of some utterances."""
        return Labels(
            sentiment=self.sentiment[index],
            emotion=self.emotion[index],
            sentiment_intensity=self.sentiment_intensity[index],
            emotion_intensity=self.emotion_intensity[index],
            named_sentiment=None if self.named_sentiment is None else self.named_sentiment[index],
        )

    @classmethod
    def concatenated(cls, parts: Sequence[Labels]) -> Labels:
        """Return the labels of several tables, one below the other."""
        named = None
        if any(part.named_sentiment is not None for part in parts):
            blanks = [np.full(len(part), np.nan, np.float32) for part in parts]
            named = np.concatenate(
                [
                    blank if part.named_sentiment is None else part.named_sentiment
                    for part, blank in zip(parts, blanks, strict=True)
                ]
            )
        return cls(
            sentiment=np.concatenate([part.sentiment for part in parts]),
            emotion=np.concatenate([part.emotion for part in parts]),
            sentiment_intensity=np.concatenate([part.sentiment_intensity for part in parts]),
            emotion_intensity=np.concatenate([part.emotion_intensity for part in parts]),
            named_sentiment=named,
        )
