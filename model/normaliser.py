"""`Normaliser`: z-scores fitted on the training split, stored in the checkpoint."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CLIP = 5.0  # standard deviations; COVAREP's ratios have outliers of hundreds of deviations
SMALLEST_STD = 1e-6  # below this a column counts as constant, and its z-scores are 0


@dataclass(frozen=True)
class Normaliser:
    """Mean and standard deviation of each column.

    Attributes
    ----------
    mean, std : ndarray of float32, shape (d,)
        In the unit of the column. `std` is 0 for constant or never measured columns, whose z-scores are 0.
    """

    mean: NDArray[np.float32]
    std: NDArray[np.float32]

    @classmethod
    def fit(cls, values: NDArray[np.float32], valid: NDArray[np.bool_]) -> Normaliser:
        """Compute mean and standard deviation of the valid values.

        Parameters
        ----------
        values : ndarray, shape (n, d)
            Features of the training rows.
        valid : ndarray of bool, shape (n, d)
            True where a value was measured.
        """
        count = np.maximum(valid.sum(axis=0), 1)
        wide = np.where(valid, values, 0).astype(np.float64)
        mean = wide.sum(axis=0) / count
        std = np.sqrt((np.where(valid, wide - mean, 0) ** 2).sum(axis=0) / count)
        return cls(mean=mean.astype(np.float32), std=np.where(std > SMALLEST_STD, std, 0).astype(np.float32))

    def apply(self, values: NDArray[np.float32], valid: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Return z-scores, shape (n, d), clipped to `CLIP`; 0, the column's mean, where `valid` is False."""
        scaled = (values - self.mean) / np.where(self.std > 0, self.std, 1)
        kept = valid & (self.std > 0)
        return np.where(kept, np.clip(scaled, -CLIP, CLIP), 0).astype(np.float32)
