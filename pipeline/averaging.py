"""Utterance-level features from frames: the mean over each word, then the mean over the words of an utterance.

Section 5.2 of Akhtar et al. (2019): the average of the word-level features gives the utterance-level features.
Features of videos and of the corpus are averaged by the same function, so training and inference agree. All words have
the same weight, and frames between words do not count.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mtmm_video.extractors.speech.words import Word
from mtmm_video.extractors.stream import FeatureStream
from mtmm_video.extractors.visual.names import FACET_NAMES, FACET_VERSION
from mtmm_video.model.features import ModalityFeatures
from mtmm_video.pipeline.utterance import Utterance

if TYPE_CHECKING:
    from mtmm_video.extractors.visual.speaker import FaceChoice  # the version alone needs no library

AVERAGING_VERSION = "words-then-utterance/1"


def average_words(stream: FeatureStream, utterances: Sequence[Utterance]) -> ModalityFeatures:
    """Average a frame stream over the words of each utterance, then over its words.

    With F(w) the frames whose centre lies in [start, end) of word w and in which column c was measured, and W(u) the
    words of utterance u for which F(w) is not empty::

        value[u, c] = mean over w in W(u) of (mean over t in F(w) of stream[t, c])

    A word without the centre of a frame takes the frame nearest to its middle, unless that frame is more than one frame
    period away from the word: then the word has no measurement.

    Parameters
    ----------
    stream : FeatureStream
        Frames, shape (frames, d), times in seconds.
    utterances : sequence of Utterance
        Length u.

    Returns
    -------
    ModalityFeatures
        Shape (u, d). A column without a measured frame in the utterance's words is invalid and 0.
    """
    period = float(np.median(np.diff(stream.times))) if len(stream.times) > 1 else 0.0  # seconds
    values = np.zeros((len(utterances), len(stream.names)), dtype=np.float32)
    valid = np.zeros(values.shape, dtype=np.bool_)
    for row, utterance in enumerate(utterances):
        means, measured = _word_means(stream, utterance.words, period)  # both (words, d)
        values[row], valid[row] = masked_mean(means, measured)
    return ModalityFeatures(values=values, valid=valid, names=stream.names, version=stream.version)


def average_faces(faces: Sequence[FaceChoice], utterances: Sequence[Utterance]) -> ModalityFeatures:
    """Average each utterance over its own face: another utterance may show another person."""
    rows = [average_words(face.stream, [utterance]) for face, utterance in zip(faces, utterances, strict=True)]
    width = len(FACET_NAMES)
    return ModalityFeatures(
        values=np.concatenate([row.values for row in rows]) if rows else np.zeros((0, width), np.float32),
        valid=np.concatenate([row.valid for row in rows]) if rows else np.zeros((0, width), np.bool_),
        names=FACET_NAMES,
        version=rows[0].version if rows else FACET_VERSION,  # another backend's scale is another version
    )


def _word_means(
    stream: FeatureStream, words: Sequence[Word], period: float
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    means = np.zeros((len(words), len(stream.names)))
    measured = np.zeros(means.shape, dtype=np.bool_)
    for row, word in enumerate(words):
        first, last = _frames_of(stream.times, word, period)
        means[row], measured[row] = masked_mean(stream.values[first:last], stream.valid[first:last])
    return means, measured


def _frames_of(times: NDArray[np.float64], word: Word, period: float) -> tuple[int, int]:
    """Return the range of frames that a word is averaged over, which may be empty."""
    first, last = (int(i) for i in np.searchsorted(times, (word.start, word.end), side="left"))
    if first < last or len(times) == 0:
        return first, last
    candidates = range(max(first - 1, 0), min(first + 1, len(times)))
    middle = (word.start + word.end) / 2
    nearest = min(candidates, key=lambda index: abs(times[index] - middle))
    distance = max(word.start - times[nearest], times[nearest] - word.end, 0.0)
    return (nearest, nearest + 1) if distance <= period else (first, first)


def masked_mean(
    values: NDArray[np.floating], valid: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Average the valid entries of each column.

    Parameters
    ----------
    values, valid : ndarray, shape (n, d)

    Returns
    -------
    mean : ndarray of float64, shape (d,)
        0 for a column without a valid entry.
    valid : ndarray of bool, shape (d,)
        True for a column with a valid entry.
    """
    counts = valid.sum(axis=0)
    sums = np.where(valid, values, 0.0).sum(axis=0, dtype=np.float64)
    return sums / np.maximum(counts, 1), counts > 0
