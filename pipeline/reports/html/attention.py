"""Attention matrices packed for the HTML report: dense for short videos, the strongest weights for long ones."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtmm_video.model.attention import AttentionMatrix, strongest_first, whole_matrix
from mtmm_video.pipeline.analysis import Analysis

DENSE_LIMIT = 150  # utterances; six matrices of this size are 360 kB in base64
SPARSE_WEIGHTS = 24_000  # kept per matrix of a longer video, which keeps the page under 3 MB
SPARSE_ROW = (4, 32)  # minimum and maximum number of weights kept per row
SCALE = 65_535  # weights are written as 16-bit fractions of 1


def pack_attention(analysis: Analysis) -> list[dict[str, Any]]:
    """Pack all attention matrices of an analysis for JSON.

    Returns
    -------
    list of dict
        Per pair of modalities: ``pair``, ``size`` (u) and the matrices ``n1`` and ``n2``. A dense matrix has
        ``weights``: base64 of little-endian uint16, row-major, in units of 1/65535. A sparse one also has ``columns``
        (same encoding) and ``kept``, the number of weights per row, strongest first.
    """
    return [
        {"pair": list(pair), "size": len(first), "n1": _packed(first), "n2": _packed(second)}
        for pair, (first, second) in analysis.prediction.attention.items()
    ]


def strongest_weights(analysis: Analysis, *, count: int = 3) -> list[list[tuple[str, str, int, float]]]:
    """Select the largest attention weights of each utterance.

    Returns
    -------
    list of list of (str, str, int, float)
        Query modality, key modality, position of the attended utterance, and weight; the `count` largest weights over
        all pairs. Weights below twice the uniform weight 1/u are omitted, because they select no utterance.
    """
    total = len(analysis.utterances)
    found: list[list[tuple[str, str, int, float]]] = [[] for _ in range(total)]
    for (x, y), matrices in analysis.prediction.attention.items():
        directions = ((x, y, matrices[0]), (y, x, matrices[1]))
        for query, key, matrix in directions[: 1 if x == y else 2]:
            columns, weights = strongest_first(matrix, count=1)
            for i in np.flatnonzero(weights[:, 0] >= 2 / total):
                found[i].append((query, key, int(columns[i, 0]), float(weights[i, 0])))
    return [sorted(entries, key=lambda entry: -entry[3])[:count] for entries in found]


def _packed(matrix: AttentionMatrix) -> dict[str, Any]:
    size = len(matrix)
    if size <= DENSE_LIMIT:
        return {"weights": _encoded(np.rint(whole_matrix(matrix) * SCALE))}
    kept = int(np.clip(SPARSE_WEIGHTS // size, *SPARSE_ROW))
    columns, weights = strongest_first(matrix, count=kept)
    return {"kept": kept, "columns": _encoded(columns), "weights": _encoded(np.rint(weights * SCALE))}


def _encoded(numbers: NDArray[np.generic]) -> str:
    return base64.b64encode(np.clip(numbers, 0, SCALE).astype("<u2").tobytes()).decode("ascii")
