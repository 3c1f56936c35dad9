"""Multiple kernel learning on utterance means (Poria et al., ICDM 2016): a weighted sum of kernels per modality.

Poria et al. learn the weights of kernels over text, audio and visual features by semi-infinite programming; this
implementation alternates between a support vector machine and the closed form of the weights under an l2 constraint
(Kloft et al., JMLR 12, 2011, equation 27). Kernels are approximated from landmarks (Nystroem; Williams and Seeger, NIPS
2001), so that a corpus of many thousand utterances fits into memory.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.kernel_approximation import Nystroem
from sklearn.svm import LinearSVC

from mtmm_video.model.paper.baselines.classic import OnePerLabel
from mtmm_video.model.table import UtteranceTable

WIDTHS = (0.25, 1.0, 4.0)  # of the Gaussian kernels, as multiples of one over the number of columns
LANDMARKS = 100  # per kernel
ROUNDS = 4  # of the alternation; the weights settle within three
NORM = 2.0  # of the constraint on the weights: 1 gives sparse weights, infinity uniform ones
MARGIN_WEIGHT = 1.0  # C of the support vector machine


class MultipleKernels:
    """A binary support vector machine over weighted kernels.

    Parameters
    ----------
    slices : sequence of slice
        Columns of each modality.
    seed : int
        Of landmarks and solver.
    """

    def __init__(self, slices: Sequence[slice], *, seed: int) -> None:
        self.slices = tuple(slices)
        self.seed = seed

    def fit(self, rows: NDArray[np.float32], truth: NDArray[np.bool_]) -> MultipleKernels:
        """Learn the weights of the kernels and the machine from rows of shape (n, d) and labels of shape (n,)."""
        self.kernels: list[tuple[slice, Any]] = []
        for columns in self.slices:
            part = rows[:, columns]
            for width in WIDTHS:
                kernel = Nystroem(
                    gamma=width / part.shape[1],
                    n_components=min(LANDMARKS, len(part)),
                    random_state=self.seed,
                )
                self.kernels.append((columns, kernel.fit(part)))
        blocks = self._blocks(rows)
        self.weights = np.full(len(blocks), len(blocks) ** (-1 / NORM))
        for _ in range(ROUNDS):
            features = self._weighed(blocks)
            self.machine = LinearSVC(C=MARGIN_WEIGHT, class_weight="balanced", random_state=self.seed)
            self.machine.fit(features, truth)
            edges = np.cumsum([0, *(block.shape[1] for block in blocks)])
            # The SVM's coefficients apply to sqrt(weight) times a kernel's features: a kernel's norm is scaled by it.
            own = [np.linalg.norm(self.machine.coef_[0, a:b]) for a, b in itertools.pairwise(edges)]
            norms = np.sqrt(self.weights) * np.asarray(own)
            if not norms.any():
                break
            powers = norms ** (2 / (NORM + 1))
            self.weights = powers / (norms ** (2 * NORM / (NORM + 1))).sum() ** (1 / NORM)
        self.machine.fit(self._weighed(blocks), truth)
        return self

    def decision_function(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the margin of each row, shape (n,)."""
        return np.asarray(self.machine.decision_function(self._weighed(self._blocks(rows))), dtype=np.float64)

    def _blocks(self, rows: NDArray[np.float32]) -> list[NDArray[np.float64]]:
        return [np.asarray(kernel.transform(rows[:, columns])) for columns, kernel in self.kernels]

    def _weighed(self, blocks: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
        return np.concatenate(
            [np.sqrt(weight) * block for weight, block in zip(self.weights, blocks, strict=True)], axis=1
        )


def fit_multiple_kernels(table: UtteranceTable, *, seed: int) -> OnePerLabel:
    """Fit one machine per label on the train split."""
    edges = np.cumsum([0, *(len(features.names) for features in table.modalities.values())])
    slices = [slice(int(a), int(b)) for a, b in itertools.pairwise(edges)]

    def margin(model: Any, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        return np.asarray(model.decision_function(rows), dtype=np.float64)

    return OnePerLabel(table, make=lambda: MultipleKernels(slices, seed=seed), margin=margin)
