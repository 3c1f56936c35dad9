"""`Domain`: another kind of talk than MOSEI's monologues, with annotators of its own.

What is neutral, and how often somebody is called happy, differs between a review spoken to a camera and a conversation.
So a second corpus gets linear heads of its own, and a gate says from the words how far an utterance is of its kind; the
probabilities are mixed by the gate (mixture of experts: Jacobs et al., Neural Computation 1991). Text that looks like
MOSEI's keeps what the network says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LIMIT = 5.0  # standard deviations; rarer text columns than that are cut, so that no single one decides
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Domain:
    """Linear heads and the gate of one corpus.

    Attributes
    ----------
    name : str
        Of the corpus.
    gate : tuple of float, length d + 1
        Log-odds of this domain against MOSEI's: weight of each normalised text column, then the bias.
    sentiment : tuple of 3 tuples of float, each of length o + d + 1
        Logits of `model.labels.SENTIMENT_CLASSES`: weights of the network's outputs for the words, of the text columns,
        bias. Empty where the corpus has no such labels.
    emotion : tuple of 7 tuples of float, each of length o + d + 1
        Logits of `model.labels.EMOTION_CLASSES`, of which one holds.
    thresholds : tuple of 6 float
        Probability from which each emotion is labelled.
    """

    name: str
    gate: tuple[float, ...]
    sentiment: tuple[tuple[float, ...], ...]
    emotion: tuple[tuple[float, ...], ...]
    thresholds: tuple[float, ...]

    def logits(self, weights: Sequence[Sequence[float]], words: Array, text: Array) -> Array:
        """Return logits, shape (n, classes), from outputs for the words (n, o) and text columns (n, d)."""
        matrix = np.asarray(weights)
        features = np.concatenate([words, cut(text)], axis=1)
        return np.asarray(features @ matrix[:, :-1].T + matrix[:, -1], dtype=np.float64)

    def classes(self, words: Array, text: Array, *, shift: Array) -> Array:
        """Return the probabilities of the three sentiment classes, shape (n, 3).

        Parameters
        ----------
        words, text : ndarray, shapes (n, o) and (n, d)
            The network's outputs for the words alone, and the normalised text columns.
        shift : ndarray, shape (n,)
            Log-odds of positive against negative that voice and face add.
        """
        logits = self.logits(self.sentiment, words, text)
        logits = logits + shift[:, None] * np.array([-0.5, 0.0, 0.5])
        return _softmax(logits)

    def emotions(self, words: Array, text: Array, *, shift: Array) -> Array:
        """Return the probabilities of the seven emotion classes; `shift`, (n, 7), is what voice and face add."""
        return _softmax(self.logits(self.emotion, words, text) + shift)


def gates(domains: Sequence[Domain], text: Array, *, recordings: NDArray[np.int64]) -> Array:
    """Return how far the recording of each utterance is of each domain.

    A kind of talk is a property of the recording: one line of a dialogue may be anybody's, its ten lines are not. So
    the log-odds are averaged over the utterances of a recording (docs/plus.md, section 6).

    Parameters
    ----------
    domains : sequence of Domain
    text : ndarray, shape (n, d)
        Normalised text columns; an utterance whose columns are all 0 has no words and is not counted.
    recordings : ndarray of int, shape (n,)
        Number of the recording of each utterance.

    Returns
    -------
    ndarray, shape (n, 1 + domains)
        MOSEI first; rows sum to 1.
    """
    odds = [cut(text) @ np.asarray(domain.gate[:-1]) + domain.gate[-1] for domain in domains]
    scores = np.stack([np.zeros(len(text)), *odds], axis=1)
    spoken = text.any(axis=1)
    _, places = np.unique(recordings, return_inverse=True)
    sums = np.zeros((len(text), scores.shape[1]))
    np.add.at(sums, places[spoken], scores[spoken])
    counts = np.bincount(places[spoken], minlength=len(text))
    return _softmax((sums / np.maximum(counts, 1)[:, None])[places])


def cut(text: Array) -> Array:
    """Limit text columns to `LIMIT` standard deviations."""
    return np.clip(text, -LIMIT, LIMIT)


def _softmax(scores: Array) -> Array:
    from scipy.special import softmax  # noqa: PLC0415 (reading a specification needs no scipy)

    return np.asarray(softmax(scores, axis=1), dtype=np.float64)
