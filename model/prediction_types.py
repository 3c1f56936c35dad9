"""What the network says about one utterance and one video."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mtmm_video.model.attention import AttentionMatrix, LargestWeights
from mtmm_video.model.features import Modality
from mtmm_video.model.labels import SENTIMENTS


@dataclass(frozen=True)
class UtterancePrediction:
    """Labels of one utterance.

    Attributes
    ----------
    sentiment : str
        The most probable class: one of `model.labels.SENTIMENT_CLASSES`, or of `model.labels.SENTIMENTS` where the
        checkpoint knows no neutral (as the paper's).
    sentiment_probabilities : mapping of str to float
        Of the classes that the checkpoint knows; calibrated; sums to 1.
    sentiment_intensity : float or None
        In [-3, 3], where the checkpoint has intensity heads; in the neutral band where, and only where, the label is
        neutral.
    emotions : tuple of str
        Emotions above their thresholds, most probable first; empty means none.
    emotion_probabilities : mapping of str to float
        The six emotions and "none", each in [0, 1], independent (sigmoids).
    emotion_intensities : mapping of str to float, or None
        In [0, 3], where the checkpoint has intensity heads.
    modalities_used : tuple of Modality
        The modalities that were present and that the checkpoint takes.
    emotion_thresholds : mapping of str to float
        The probability from which each emotion is labelled.
    """

    sentiment: str
    sentiment_probabilities: Mapping[str, float]
    sentiment_intensity: float | None
    emotions: tuple[str, ...]
    emotion_probabilities: Mapping[str, float]
    emotion_intensities: Mapping[str, float] | None
    modalities_used: tuple[Modality, ...]
    emotion_thresholds: Mapping[str, float] = field(default_factory=dict)

    @property
    def confidence(self) -> float:
        """Probability of the sentiment label."""
        return self.sentiment_probabilities[self.sentiment]

    @property
    def positive_binary(self) -> float:
        """Probability of the paper's positive, which neutral belongs to (section 5.1)."""
        return 1.0 - self.sentiment_probabilities["negative"]

    @property
    def sentiment_binary(self) -> str:
        """The paper's label: one of `model.labels.SENTIMENTS`."""
        return SENTIMENTS[int(self.positive_binary >= 0.5)]


@dataclass(frozen=True)
class VideoPrediction:
    """Predictions of one video with the attention that explains them.

    Attributes
    ----------
    utterances : tuple of UtterancePrediction
        One per utterance, in order of time.
    attention : mapping of (Modality, Modality) to (AttentionMatrix, AttentionMatrix)
        For every pair (X, Y) the checkpoint attends over: N1 and N2 of Algorithm 1, each of shape (u, u), rows summing
        to 1. N1[i, j] is the weight of Y's utterance j for X's utterance i; N2[i, j] the weight of X's utterance j
        for Y's utterance i. A checkpoint of one modality has the pair (X, X). Of a long video they may be
        `LargestWeights`, see `model.prediction.predict`.
    """

    utterances: tuple[UtterancePrediction, ...]
    attention: Mapping[tuple[Modality, Modality], tuple[AttentionMatrix, AttentionMatrix]]

    @property
    def attention_is_whole(self) -> bool:
        """Whether every weight of the attention was kept."""
        return not any(isinstance(matrix, LargestWeights) for pair in self.attention.values() for matrix in pair)
