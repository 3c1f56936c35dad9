"""Attention of long videos: the largest weights of each row instead of a matrix that is quadratic in the utterances."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DENSE_LIMIT = 300  # utterances: matrices up to this size are kept whole; six of them are 2 MB
KEPT_WEIGHTS = 64  # of each row of a longer video: 14 MB for 9,000 utterances, where whole matrices take 1.9 GB


@dataclass(frozen=True)
class LargestWeights:
    """The largest weights of each row of an attention matrix.

    Attributes
    ----------
    columns : ndarray of int, shape (u, k)
        Where they stand, ascending in each row.
    weights : ndarray of float32, shape (u, k)
        What a row lacks to a sum of 1 is spread over the columns that are not listed.
    """

    columns: NDArray[np.integer]
    weights: NDArray[np.float32]

    def __post_init__(self) -> None:
        if self.columns.shape != self.weights.shape or self.columns.ndim != 2:
            raise ValueError(f"attention: {self.columns.shape} columns for {self.weights.shape} weights")
        if self.columns.size and not 0 <= self.columns.min() <= self.columns.max() < len(self.columns):
            raise ValueError(f"attention: a column beyond the {len(self.columns)} utterances")

    def __len__(self) -> int:
        return len(self.weights)


# Of one pair, in one direction: whole, shape (u, u), or the largest weights of each row.
AttentionMatrix = NDArray[np.float32] | LargestWeights


def largest_weights(rows: NDArray[np.float32]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return columns, ascending, and weights of the `KEPT_WEIGHTS` largest weights of each row, shape (rows, k)."""
    columns = np.sort(np.argpartition(-rows, KEPT_WEIGHTS, axis=1)[:, :KEPT_WEIGHTS], axis=1).astype(np.int32)
    return columns, np.take_along_axis(rows, columns, axis=1)


def whole_matrix(matrix: AttentionMatrix) -> NDArray[np.float32]:
    """Return a matrix of shape (u, u); weights that were not kept are 0."""
    if not isinstance(matrix, LargestWeights):
        return matrix
    whole = np.zeros((len(matrix), len(matrix)), dtype=np.float32)
    np.put_along_axis(whole, matrix.columns.astype(np.intp), matrix.weights, axis=1)
    return whole


def strongest_first(matrix: AttentionMatrix, *, count: int) -> tuple[NDArray[np.integer], NDArray[np.float32]]:
    """Return columns and weights of the `count` largest weights of each row, the largest first; shape (u, count)."""
    weights = matrix.weights if isinstance(matrix, LargestWeights) else matrix
    order = np.argsort(-weights, axis=1, kind="stable")[:, :count]
    columns = np.take_along_axis(matrix.columns, order, axis=1) if isinstance(matrix, LargestWeights) else order
    return columns, np.take_along_axis(weights, order, axis=1)
