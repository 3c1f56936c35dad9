"""`FeatureStream`: the return type of every frame-level extractor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mtmm_video.foundation.errors import InputError

_ROWS_AT_ONCE = 1 << 14  # checked at a time: a mask of three hours would have 80 MB


@dataclass(frozen=True)
class FeatureStream:
    """Named features over time, with a validity mask.

    Attributes
    ----------
    times : ndarray, shape (frames,)
        Centre of each frame in seconds from the start of the media file, increasing.
    values : ndarray, shape (frames, d)
        The features. Always finite: a value that could not be computed is 0 and marked in `valid`.
    names : tuple of str, length d
        The column names, in the order of the corpus the model was trained on.
    valid : ndarray of bool, shape (frames, d)
        True where the value was measured. A column that the extractor does not provide is False throughout.
    version : str
        Name and version of the extractor, for instance ``covarep-74/1``; stored in the model's `Specification`.

    Raises
    ------
    InputError
        If the shapes disagree or a value is not finite.
    """

    times: NDArray[np.float64]
    values: NDArray[np.floating]
    names: tuple[str, ...]
    valid: NDArray[np.bool_]
    version: str

    def __post_init__(self) -> None:
        expected = (len(self.times), len(self.names))
        if self.values.shape != expected or self.valid.shape != expected:
            raise InputError(
                f"FeatureStream {self.version}: values {self.values.shape} and valid {self.valid.shape} must both have "
                f"shape (frames, d) = {expected}"
            )
        blocks = range(0, len(self.values), _ROWS_AT_ONCE)
        if not all(np.isfinite(self.values[at : at + _ROWS_AT_ONCE]).all() for at in blocks):
            raise InputError(
                f"FeatureStream {self.version}: values contain NaN or Inf; mark them in `valid` and set them to 0"
            )

    @classmethod
    def empty(cls, names: Sequence[str], *, version: str) -> FeatureStream:
        """Return a stream of no frames, shape (0, d), for a modality without a recording."""
        shape = (0, len(names))
        return cls(np.zeros(0), np.zeros(shape), tuple(names), np.zeros(shape, np.bool_), version)

    @property
    def present(self) -> NDArray[np.bool_]:
        """Mask of the columns with at least one measured value, shape (d,)."""
        return np.asarray(self.valid.any(axis=0), dtype=np.bool_)

    def column(self, name: str) -> NDArray[np.float64]:
        """Return one column, shape (frames,), NaN where it was not measured.

        Raises
        ------
        InputError
            If no column has that name.
        """
        if name not in self.names:
            raise InputError(f"FeatureStream {self.version} has no column {name!r}; it has {', '.join(self.names)}")
        index = self.names.index(name)
        return np.where(self.valid[:, index], self.values[:, index].astype(np.float64), np.nan)
