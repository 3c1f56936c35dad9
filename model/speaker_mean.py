"""`SpeakerMean`: speaker normalisation, the subtraction of each speaker's mean.

Acoustic features depend on speaker, microphone and room more than on the way of speaking. These are constant over the
utterances of a speaker in a video, so their mean is subtracted (cepstral mean normalisation: Atal, JASA 1974; speaker
normalisation of emotional speech: Busso et al., IEEE TAC 2013). The mean of few utterances is a poor estimate of the
speaker's, so it is shrunk towards that of all speakers, by the ratio of the variances among the training speakers (best
linear prediction in the one-way random-effects model: Robinson, Statistical Science 1991).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LARGEST_PRIOR = 1e4  # utterances; upper bound of the prior, at which the mean of all speakers is subtracted


@dataclass(frozen=True)
class SpeakerMean:
    """Estimates a speaker's mean of each column from n utterances: (n * their mean + prior * mean) / (n + prior).

    Attributes
    ----------
    mean : ndarray of float32, shape (d,)
        Of all speakers, in the unit of the column.
    prior : ndarray of float32, shape (d,)
        Weight of that mean in utterances: the variance within speakers over the variance between them. With a prior of
        1, half the deviation of a single utterance from the mean is attributed to the speaker.
    """

    mean: NDArray[np.float32]
    prior: NDArray[np.float32]

    @classmethod
    def fit(cls, values: NDArray[np.float32], valid: NDArray[np.bool_], *, speakers: NDArray[np.int64]) -> SpeakerMean:
        """Estimate both from training videos.

        The variances are those of the analysis of variance for groups of unequal size (Searle, Casella and McCulloch,
        Variance Components, 1992, section 3.6).

        Parameters
        ----------
        values : ndarray, shape (n, d)
            Features of the training rows.
        valid : ndarray of bool, shape (n, d)
            True where a value was measured.
        speakers : ndarray of int, shape (n,)
            Number of each row's speaker, from 0; a person has a different number in each video.
        """
        counts, sums = _per_speaker(values, valid, speakers)  # both (s, d)
        total = np.maximum(counts.sum(axis=0), 1)
        mean = sums.sum(axis=0) / total
        heard = np.maximum((counts > 0).sum(axis=0), 2)
        own = sums / np.maximum(counts, 1)
        residual = np.where(valid, values - own[speakers], 0.0)
        within = (residual**2).sum(axis=0) / np.maximum(total - heard, 1)
        typical = (total - (counts**2).sum(axis=0) / total) / (heard - 1)  # utterances of a speaker
        spread = (counts * (own - mean) ** 2).sum(axis=0) / (heard - 1)
        between = np.maximum((spread - within) / np.maximum(typical, 1), 0.0)
        prior = np.where(within < LARGEST_PRIOR * between, within / np.where(between > 0, between, 1.0), LARGEST_PRIOR)
        return cls(mean=mean.astype(np.float32), prior=prior.astype(np.float32))

    def subtract(
        self, values: NDArray[np.float32], valid: NDArray[np.bool_], *, speakers: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Subtract the speaker's mean from each utterance.

        Parameters
        ----------
        values, valid : ndarray, shape (n, d)
            Utterance means and their validity; invalid values do not contribute to the speaker's mean.
        speakers : ndarray of int, shape (n,)
            Number of each row's speaker, from 0.

        Returns
        -------
        ndarray, shape (n, d)
            In the unit of the column; 0 where `valid` is False.
        """
        counts, sums = _per_speaker(values, valid, speakers)
        # `tiny` avoids 0 / 0 for columns without valid values and a prior of 0.
        speaker = (sums + self.prior * self.mean) / np.maximum(counts + self.prior, np.finfo(np.float32).tiny)
        return np.where(valid, values - speaker[speakers], 0.0).astype(np.float32)


def _per_speaker(
    values: NDArray[np.float32], valid: NDArray[np.bool_], speakers: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return count and sum of each speaker's valid values, both of shape (s, d)."""
    shape = (int(speakers.max()) + 1 if len(speakers) else 0, values.shape[1])
    counts, sums = np.zeros(shape), np.zeros(shape)
    np.add.at(counts, speakers, valid)
    np.add.at(sums, speakers, np.where(valid, values, 0.0))
    return counts, sums
