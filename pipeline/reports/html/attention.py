"""Attention matrices packed for the HTML report: whole for short videos, the strongest weights for long ones."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtmm_video.pipeline.analysis import Analysis

DENSE_LIMIT = 150  # utterances; six matrices of this size are 360 kB in base64
SPARSE_WEIGHTS = 24_000  # kept per matrix of a longer video, which keeps the page under 3 MB
SPARSE_ROW = (4, 32)  # least and most weights kept per row
SCALE = 65_535  # weights are written as 16-bit fractions of 1


def pack_attention(analysis: Analysis) -> list[dict[str, Any]]:
    """Pack all attention matrices of an analysis for JSON.

    Returns
    -------
    list of dict
        Per pair of modalities: ``pair``, ``size`` (u) and the matrices ``n1`` and ``n2``. A dense matrix has
        ``weights``: base64 of little-endian uint16, row by row, in units of 1/65535. A sparse one also has ``columns``
        (the same coding) and ``kept``, the number of weights per row, strongest first.
    """
    return [
        {"pair": list(pair), "size": len(first), "n1": _packed(first), "n2": _packed(second)}
        for pair, (first, second) in analysis.prediction.attention.items()
    ]


def strongest(analysis: Analysis, *, count: int = 3) -> list[list[tuple[str, str, int, float]]]:
    """Return per utterance which utterances of which modality the attention leaned on most.

    Returns
    -------
    list of list of (str, str, int, float)
        The modality that asks, the modality that is looked at, the position of the utterance looked at, and the weight;
        the `count` largest weights over all pairs. Weights below twice the uniform weight 1/u are left out: they lean
        on nothing in particular.
    """
    total = len(analysis.utterances)
    found: list[list[tuple[str, str, int, float]]] = [[] for _ in range(total)]
    for (x, y), matrices in analysis.prediction.attention.items():
        directions = ((x, y, matrices[0]), (y, x, matrices[1]))
        for asks, looked_at, matrix in directions[: 1 if x == y else 2]:
            for i, row in enumerate(matrix):
                j = int(np.argmax(row))
                if row[j] >= 2 / total:
                    found[i].append((asks, looked_at, j, float(row[j])))
    return [sorted(entries, key=lambda entry: -entry[3])[:count] for entries in found]


def _packed(matrix: NDArray[np.float32]) -> dict[str, Any]:
    size = len(matrix)
    if size <= DENSE_LIMIT:
        return {"weights": _coded(np.rint(matrix * SCALE))}
    kept = int(np.clip(SPARSE_WEIGHTS // size, *SPARSE_ROW))
    columns = np.argsort(-matrix, axis=1, kind="stable")[:, :kept]
    weights = np.take_along_axis(matrix, columns, axis=1)
    return {"kept": kept, "columns": _coded(columns), "weights": _coded(np.rint(weights * SCALE))}


def _coded(numbers: NDArray[np.generic]) -> str:
    return base64.b64encode(np.clip(numbers, 0, SCALE).astype("<u2").tobytes()).decode("ascii")
