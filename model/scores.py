"""`Scores`: the probabilities of a system for many utterances, and how a checkpoint's logits become them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mtmm_video.model.anchoring import stacked
from mtmm_video.model.domain import Array, Domain, gates
from mtmm_video.model.labels import EMOTION_CLASSES, EMOTIONS
from mtmm_video.model.network_shape import Task
from mtmm_video.model.neutral import agreeing_intensity, three_classes
from mtmm_video.model.specification import Specification

Logits = Mapping[Task, NDArray[np.float32]]


@dataclass(frozen=True)
class Scores:
    """Probabilities of one system for the n rows of a table, from any kind of classifier.

    Attributes
    ----------
    positive : ndarray, shape (n,), or None
        Probability of positive sentiment, the paper's two classes; None where the system does not say.
    emotion : ndarray, shape (n, 6 or 7), or None
        Probabilities of the emotions in the paper's order.
    sentiment_intensity, emotion_intensity : ndarray, shape (n,) and (n, 6), or None
        Where the system has intensity heads.
    classes : ndarray, shape (n, 3), or None
        Probabilities of `model.labels.SENTIMENT_CLASSES`; None where the system knows no neutral. The first column is
        1 - `positive`.
    thresholds : ndarray, shape (n, 6), or None
        Probability from which each emotion is labelled, where that differs from utterance to utterance.
    """

    positive: NDArray[np.float64] | None
    emotion: NDArray[np.float64] | None
    sentiment_intensity: NDArray[np.float64] | None = None
    emotion_intensity: NDArray[np.float64] | None = None
    classes: NDArray[np.float64] | None = None
    thresholds: NDArray[np.float64] | None = None


def scores_of(
    specification: Specification,
    logits: Logits,
    *,
    words: Logits,
    text: NDArray[np.float32] | None,
    recordings: NDArray[np.int64],
) -> Scores:
    """Turn a checkpoint's logits into probabilities and intensities that do not contradict each other.

    Parameters
    ----------
    specification : Specification
        Of the checkpoint: calibration and, where it has them, the neutral class and further domains.
    logits, words : mapping of Task to ndarray, each of shape (n, width)
        From `model.anchoring.anchored`: of all modalities, and of the words alone.
    text : ndarray, shape (n, d), or None
        Normalised text columns; None for a checkpoint without text.
    recordings : ndarray of int, shape (n,)
        Number of the recording of each utterance.
    """
    calibration, neutral = specification.calibration, specification.neutral
    positive = calibration.positive(logits["sentiment"]) if "sentiment" in logits else None
    emotion = calibration.emotions(logits["emotion"]) if "emotion" in logits else None
    strength = logits["sentiment_intensity"][:, 0].astype(np.float64) if "sentiment_intensity" in logits else None
    classes = thresholds = None
    if neutral is not None and positive is not None:
        classes = three_classes(positive, neutral.share(stacked(logits)))
    if specification.domains and text is not None and classes is not None and emotion is not None:
        label = specification.thresholds["label"]
        classes, emotion, thresholds = mixed(
            specification.domains,
            classes,
            emotion,
            np.array([label[name] for name in EMOTIONS]),
            outputs=stacked(logits),
            words=stacked(words),
            text=text.astype(np.float64),
            recordings=recordings,
        )
    if classes is not None:
        positive = 1.0 - classes[:, 0]
        if strength is not None:
            # The most positive of equal classes, as `model.prediction.most_probable` takes it.
            strength = agreeing_intensity(strength, 2 - classes[:, ::-1].argmax(axis=1))
    return Scores(
        positive=positive,
        emotion=emotion,
        sentiment_intensity=strength,
        emotion_intensity=logits["emotion_intensity"].astype(np.float64) if "emotion_intensity" in logits else None,
        classes=classes,
        thresholds=thresholds,
    )


def mixed(
    domains: Sequence[Domain],
    classes: Array,
    emotion: Array,
    label: Array,
    *,
    outputs: Array,
    words: Array,
    text: Array,
    recordings: NDArray[np.int64],
) -> tuple[Array, Array, Array]:
    """Mix the network's probabilities with those of further domains, by how far each recording is of their kind.

    Parameters
    ----------
    domains : sequence of Domain
    classes, emotion : ndarray, shapes (n, 3) and (n, 7)
        The network's.
    label : ndarray, shape (6,)
        Its thresholds.
    outputs, words : ndarray, shape (n, o)
        Of `model.anchoring.stacked`.
    text : ndarray, shape (n, d)
        Normalised text columns; utterances whose columns are all 0 have no words and keep what the network says.
    recordings : ndarray of int, shape (n,)
        Number of the recording of each utterance.

    Returns
    -------
    classes, emotion, thresholds : ndarray, shapes (n, 3), (n, 7) and (n, 6)
    """
    shift = outputs - words
    shares = gates(domains, text, recordings=recordings)  # (n, 1 + domains)
    shares[~text.any(axis=1)] = [1.0] + [0.0] * len(domains)
    thresholds = shares[:, :1] * label
    classes, emotion = shares[:, :1] * classes, shares[:, :1] * emotion
    first = 2  # of the emotions among the outputs
    for share, domain in zip(shares.T[1:, :, None], domains, strict=True):
        classes = classes + share * domain.classes(words, text, shift=shift[:, 0])
        emotion = emotion + share * domain.emotions(words, text, shift=shift[:, first : first + len(EMOTION_CLASSES)])
        thresholds = thresholds + share * np.asarray(domain.thresholds)
    return classes, emotion, thresholds
