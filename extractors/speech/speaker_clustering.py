"""Which pieces of speech are one person's, when nobody says how many people there are.

A model of how embeddings come about decides, not a threshold on distances: a piece's embedding is what all voices
share, plus what is the speaker's own, plus noise that shrinks with the length of the piece. From it follows how much
more likely two groups of pieces are one speaker's than two speakers' (a likelihood ratio): a cosine of .35 between two
words says "one speaker", between two minutes "two". The likeliest two groups are joined until all that are left are
likelier two speakers; then each piece goes to the group that explains it best.

Sources: N. Brümmer and E. de Villiers, "The speaker partitioning problem", Odyssey 2010 (the two-covariance model and
its likelihood ratios); P. Kenny et al., "PLDA for speaker verification with utterances of arbitrary duration", ICASSP
2013 (noise by length).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mtmm_video.foundation.errors import InputError

SPEAKER_CLUSTERING_VERSION = "two-covariance/1"

# Cosines of CAM++ between pieces of RAVDESS speakers 1 to 12 (acted emotions mixed, levels equal) are, for pieces of
# 1.6, 3.4 and 5.1 s: within a speaker .50, .68, .77; between two of one sex .17, .24, .28. That is d / (d + 1.6) and
# .36 times it (`benchmarks/speakers.py --cosines`).
COMMON = 0.36  # of a long piece's squared length: what all voices share
BETWEEN = 0.64  # of it: what a speaker has of his own
NOISE_SECONDS = 1.8  # seconds of speech whose noise has the variance 1; 1.6 in the fit, 1.8 on the dialogues
# Not seen in these cosines: a speaker who turns away, comes nearer, tires. It does not shrink with length.
DRIFT = 0.15  # variance
FREE_DIMENSIONS = 16.0  # that the variance is spread over, by the spread of the cosines; their logarithms add up
SAME_PRIOR = 3.0  # logarithm of the odds for "one speaker", before anything was heard
REASSIGNMENTS = 3  # rounds at most; they rarely differ after the first


@dataclass(frozen=True)
class SpeakerGroups:
    """Pieces of speech put into groups, one per speaker.

    Attributes
    ----------
    labels : ndarray of int, shape (n,)
        Group of each piece, from 0, in order of first appearance.
    confidence : ndarray of float, shape (n,)
        Probability in [0, 1] that the piece is its group's and neither another group's nor a person's who is not heard
        elsewhere.
    """

    labels: NDArray[np.int64]
    confidence: NDArray[np.float64]


def group_speakers(
    embeddings: NDArray[np.floating], seconds: NDArray[np.floating], *, speakers: int | None = None
) -> SpeakerGroups:
    """Put pieces of speech into groups, one per speaker.

    Parameters
    ----------
    embeddings : ndarray, shape (n, d)
        Of length 1 each, see `extractors.speech.speaker_encoder`.
    seconds : ndarray, shape (n,)
        How much speech each piece holds.
    speakers : int, optional
        How many groups there are; found out where it is not given. Fewer come out where there are fewer pieces.

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
    # Divided by its expected length, an embedding is the voice plus noise of variance 1 / precision.
    voices = np.asarray(embeddings, np.float64) * np.sqrt(1.0 + 1.0 / precision)[:, None]
    labels = _joined(voices, precision, speakers)
    scores = _scores(voices, precision, labels)
    for _ in range(REASSIGNMENTS):
        chosen = scores.argmax(axis=1)
        if (chosen == labels).all() or (speakers is not None and len(np.unique(chosen)) < scores.shape[1]):
            break
        labels = np.unique(chosen, return_inverse=True)[1]
        scores = _scores(voices, precision, labels)
    # "A person who is not heard elsewhere" has the score 0 and the odds exp(-SAME_PRIOR).
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    single = np.bincount(labels)[labels] == 1  # its own group is that person already
    unknown = np.where(single, 0.0, np.exp(-SAME_PRIOR - scores.max(axis=1)))
    confidence = odds[np.arange(len(labels)), labels] / (odds.sum(axis=1) + unknown)
    order = np.unique(labels, return_index=True)[1].argsort().argsort()
    return SpeakerGroups(order[labels].astype(np.int64), confidence)


def same_speaker(
    product: NDArray[np.float64], first: NDArray[np.float64], second: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the log likelihood ratio of "one speaker" against "two" for pairs of groups.

    Parameters
    ----------
    product : ndarray
        Inner product of the mean voices of the two groups, 1 expected within a speaker, `COMMON` between speakers.
    first, second : ndarray
        Precision of each group's mean: seconds of speech / `NOISE_SECONDS`.
    """
    left = BETWEEN + DRIFT + 1.0 / first
    right = BETWEEN + DRIFT + 1.0 / second
    determinant = left * right - BETWEEN**2
    shared = (left * right - BETWEEN * (product - COMMON)) / determinant
    ratio: NDArray[np.float64] = FREE_DIMENSIONS * (0.5 * np.log(left * right / determinant) + 1.0 - shared)
    return ratio


def _joined(voices: NDArray[np.float64], precision: NDArray[np.float64], speakers: int | None) -> NDArray[np.int64]:
    """Join the likeliest pair of groups until no pair is likelier one speaker, or as many are left as asked for."""
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
    """Log likelihood ratio of each piece with the rest of each group, shape (n, groups); of no rest, the prior."""
    members = np.eye(labels.max() + 1)[labels]  # (n, g)
    sums = members.T @ (voices * precision[:, None])  # (g, d)
    products = voices @ sums.T - members * (precision * (voices**2).sum(axis=1))[:, None]  # without the piece itself
    weights = members.T @ precision - members * precision[:, None]  # (n, g)
    alone = weights < 1e-9 * precision[:, None]
    weights = np.where(alone, 1.0, weights)
    return np.where(alone, -SAME_PRIOR, same_speaker(products / weights, weights, precision[:, None]))
