"""Clustering of speech segments by speaker, with a known or unknown number of speakers.

The criterion is the likelihood ratio of a generative model and not a distance threshold: an embedding is the sum of a
component common to all speakers, a speaker component, and noise whose variance decreases with the duration of the
segment. The ratio compares "one speaker" with "two speakers" for a pair of clusters, so that a cosine of .35 favours
one speaker between two words and two speakers between two minutes of speech. Agglomerative clustering merges the pair
with the highest ratio until every ratio favours two speakers; then each segment is reassigned to the cluster with the
highest likelihood.

Sources: N. Brümmer and E. de Villiers, "The speaker partitioning problem", Odyssey 2010 (the two-covariance model and
its likelihood ratios); P. Kenny et al., "PLDA for speaker verification with utterances of arbitrary duration", ICASSP
2013 (noise by length).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mtmm_video.foundation.errors import InputError

# Cosines of CAM++ between pieces of RAVDESS speakers 1 to 12 (acted emotions mixed, levels equal) are, for pieces of
# 1.6, 3.4 and 5.1 s: within a speaker .50, .68, .77; between two of one sex .17, .24, .28. That is d / (d + 1.6) and
# .36 times it (`benchmarks/speakers.py --cosines`).
COMMON = 0.36  # share of a long segment's squared norm that is common to all speakers
BETWEEN = 0.64  # share of it that is specific to the speaker
NOISE_SECONDS = 1.8  # seconds of speech at which the noise variance is 1; 1.6 in the fit, 1.8 on the dialogues
# Within-speaker variation over a recording (distance, direction, fatigue), absent from these cosines and independent of
# the duration of a segment.
DRIFT = 0.15  # variance
FREE_DIMENSIONS = 16.0  # effective dimensions, from the spread of the cosines; their log likelihoods add up
SAME_PRIOR = 3.0  # prior log odds of "one speaker"
REASSIGNMENTS = 3  # rounds at most; labels rarely change after the first


@dataclass(frozen=True)
class SpeakerGroups:
    """Speech segments clustered by speaker.

    Attributes
    ----------
    labels : ndarray of int, shape (n,)
        Cluster of each segment, from 0, in order of first appearance.
    confidence : ndarray of float, shape (n,)
        Posterior probability in [0, 1] that the segment belongs to its cluster, and neither to another cluster nor to a
        speaker who does not occur elsewhere.
    """

    labels: NDArray[np.int64]
    confidence: NDArray[np.float64]


def group_speakers(
    embeddings: NDArray[np.floating], seconds: NDArray[np.floating], *, speakers: int | None = None
) -> SpeakerGroups:
    """Cluster speech segments by speaker.

    Parameters
    ----------
    embeddings : ndarray, shape (n, d)
        Of unit norm, see `extractors.speech.speaker_encoder`.
    seconds : ndarray, shape (n,)
        Duration of speech in each segment.
    speakers : int, optional
        Number of clusters; estimated if not given. There are at most as many clusters as segments.

    Raises
    ------
    InputError
        If `speakers` is below 1 or the lengths disagree.
    """
    if speakers is not None and speakers < 1:
        raise InputError(f"speakers {speakers}: give the number of people, at least 1")
    if len(embeddings) != len(seconds):
        raise InputError(f"{len(embeddings)} embeddings but {len(seconds)} lengths; give one length per embedding")
    if not len(embeddings):
        return SpeakerGroups(np.zeros(0, np.int64), np.zeros(0))
    precision = np.asarray(seconds, np.float64) / NOISE_SECONDS
    # Times the expected norm of voice plus noise, an embedding is the voice plus noise of variance 1 / precision.
    voices = np.asarray(embeddings, np.float64) * np.sqrt(1.0 + 1.0 / precision)[:, None]
    labels = _joined(voices, precision, speakers)
    scores = _scores(voices, precision, labels)
    for _ in range(REASSIGNMENTS):
        chosen = scores.argmax(axis=1)
        if (chosen == labels).all() or (speakers is not None and len(np.unique(chosen)) < scores.shape[1]):
            break
        labels = np.unique(chosen, return_inverse=True)[1]
        scores = _scores(voices, precision, labels)
    # "A speaker who does not occur elsewhere" has the score 0 and the odds exp(-SAME_PRIOR).
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    single = np.bincount(labels)[labels] == 1  # its cluster is that speaker
    unknown = np.where(single, 0.0, np.exp(-SAME_PRIOR - scores.max(axis=1)))
    confidence = odds[np.arange(len(labels)), labels] / (odds.sum(axis=1) + unknown)
    order = np.unique(labels, return_index=True)[1].argsort().argsort()
    return SpeakerGroups(order[labels].astype(np.int64), confidence)


def same_speaker(
    product: NDArray[np.float64], first: NDArray[np.float64], second: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the log likelihood ratio of "one speaker" against "two speakers" for pairs of clusters.

    Parameters
    ----------
    product : ndarray
        Inner product of the mean embeddings of the two clusters; its expected value is 1 within a speaker and `COMMON`
        between speakers.
    first, second : ndarray
        Precision of each cluster's mean: seconds of speech / `NOISE_SECONDS`.
    """
    left = BETWEEN + DRIFT + 1.0 / first
    right = BETWEEN + DRIFT + 1.0 / second
    determinant = left * right - BETWEEN**2
    shared = (left * right - BETWEEN * (product - COMMON)) / determinant
    ratio: NDArray[np.float64] = FREE_DIMENSIONS * (0.5 * np.log(left * right / determinant) + 1.0 - shared)
    return ratio


def _joined(voices: NDArray[np.float64], precision: NDArray[np.float64], speakers: int | None) -> NDArray[np.int64]:
    """Merge the pair of clusters with the highest ratio until no ratio favours one speaker or `speakers` are left."""
    count = len(voices)
    sums, weights = voices * precision[:, None], precision.copy()
    labels = np.arange(count)
    alive = np.ones(count, dtype=np.bool_)

    def against_all(group: int) -> NDArray[np.float64]:
        products = (sums @ sums[group]) / (weights * weights[group])
        scores = same_speaker(products, weights, weights[group])
        return np.where(alive & (np.arange(count) != group), scores, -np.inf)

    scores = np.stack([against_all(group) for group in range(count)])  # (n, n), symmetric
    for left in range(count, speakers or 1, -1):
        first, second = (int(place) for place in np.unravel_index(scores.argmax(), scores.shape))
        if left < 2 or (speakers is None and scores[first, second] + SAME_PRIOR < 0):
            break
        sums[first] += sums[second]
        weights[first] += weights[second]
        labels[labels == second] = first
        alive[second] = False
        scores[second], scores[:, second] = -np.inf, -np.inf
        scores[first] = scores[:, first] = against_all(first)
    return np.unique(labels, return_inverse=True)[1].astype(np.int64)


def _scores(
    voices: NDArray[np.float64], precision: NDArray[np.float64], labels: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the log ratio of each segment with the rest of each cluster, (n, clusters); -prior for an empty rest."""
    members = np.eye(labels.max() + 1)[labels]  # (n, g)
    sums = members.T @ (voices * precision[:, None])  # (g, d)
    products = voices @ sums.T - members * (precision * (voices**2).sum(axis=1))[:, None]  # without the piece itself
    weights = members.T @ precision - members * precision[:, None]  # (n, g)
    alone = weights < 1e-9 * precision[:, None]
    weights = np.where(alone, 1.0, weights)
    return np.where(alone, -SAME_PRIOR, same_speaker(products / weights, weights, precision[:, None]))
