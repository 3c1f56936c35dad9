"""A curve in one line of text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

BLOCKS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float], *, width: int) -> list[tuple[str, float]]:
    """Return values in [0, 1] as block characters.

    Parameters
    ----------
    values : sequence of float
    width : int
        Characters at most; where there are more values, neighbours are averaged.

    Returns
    -------
    list of (str, float)
        A character and the value it stands for.
    """
    if not values:
        return []
    parts = np.array_split(np.asarray(values, dtype=np.float64), min(width, len(values)))
    means = [float(part.mean()) for part in parts]
    return [(BLOCKS[min(int(mean * len(BLOCKS)), len(BLOCKS) - 1)], mean) for mean in means]
