"""A sparkline of block characters: a curve in one line of text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

BLOCKS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float], *, width: int) -> list[tuple[str, float]]:
    """Convert values in [0, 1] to block characters.

    Parameters
    ----------
    values : sequence of float
    width : int
        Maximum number of characters; with more values, neighbours are averaged.

    Returns
    -------
    list of (str, float)
        A character and its value.
    """
    if not values:
        return []
    parts = np.array_split(np.asarray(values, dtype=np.float64), min(width, len(values)))
    means = [float(part.mean()) for part in parts]
    return [(BLOCKS[min(int(mean * len(BLOCKS)), len(BLOCKS) - 1)], mean) for mean in means]
