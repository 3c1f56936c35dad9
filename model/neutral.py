"""`NeutralHead`: the third sentiment class beside the paper's two.

The paper asks one question, negative or not; a person asks a second, positive or neutral. So the classes are nested
(continuation ratios: Fienberg, The Analysis of Cross-Classified Categorical Data, 1980, section 6.6): the network says
P(negative), this head what share of the rest is neutral. P(neutral) + P(positive) is the paper's positive, unchanged.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mtmm_video.model.calibration import fit_scale, softened
from mtmm_video.model.labels import NEUTRAL_CEILING, SENTIMENT_RANGE


@dataclass(frozen=True)
class NeutralHead:
    """Log-odds of neutral against positive, linear in the network's outputs.

    Attributes
    ----------
    bias : float
        Log-odds where all else is 0.
    weights : tuple of float
        Of each output, in the order of `model.anchoring.stacked`.
    """

    bias: float
    weights: tuple[float, ...]

    def share(self, outputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return P(neutral | not negative), shape (n,), from outputs of shape (n, o)."""
        from scipy.special import expit  # noqa: PLC0415 (reading a specification needs no scipy)

        return np.asarray(expit(self.log_odds(outputs)), dtype=np.float64)

    def log_odds(self, outputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the log-odds of neutral against positive, shape (n,), from outputs of shape (n, o)."""
        return np.asarray(self.bias + outputs @ np.asarray(self.weights), dtype=np.float64)

    def recalibrated(self, outputs: NDArray[np.float64], classes: NDArray[np.int64]) -> NeutralHead:
        """Return the head with slope and offset fitted to other people's idea of neutral (Platt, 1999).

        Parameters
        ----------
        outputs : ndarray, shape (n, o)
            Of the network for their utterances.
        classes : ndarray of int, shape (n,)
            What they called each, an index into `model.labels.SENTIMENT_CLASSES`; only neutral and positive are read.
        """
        asked = classes > 0
        neutral = softened((classes[asked] == 1).astype(np.float64)).astype(np.float64)
        scale, bias = fit_scale(self.log_odds(outputs[asked]), neutral)
        weights = tuple(scale * weight for weight in self.weights)
        return replace(self, bias=scale * self.bias + bias, weights=weights)


def three_classes(positive: NDArray[np.float64], neutral: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probabilities of `model.labels.SENTIMENT_CLASSES`, shape (n, 3), rows summing to 1.

    Parameters
    ----------
    positive : ndarray, shape (n,)
        Probability of the paper's positive.
    neutral : ndarray, shape (n,)
        P(neutral | not negative).
    """
    return np.stack([1.0 - positive, positive * neutral, positive * (1.0 - neutral)], axis=1)


def classes_of(intensity: NDArray[np.floating]) -> NDArray[np.int64]:
    """Return the class of annotated intensities, an index into `SENTIMENT_CLASSES`; -1 where the intensity is NaN."""
    found = np.where(intensity < 0, 0, np.where(intensity > NEUTRAL_CEILING, 2, 1))
    return np.where(np.isnan(intensity), -1, found).astype(np.int64)


def agreeing_intensity(intensity: NDArray[np.floating], classes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Bring intensities into the part of the scale that belongs to the label.

    Parameters
    ----------
    intensity : ndarray, shape (n,)
        In [-3, 3], as the intensity head gives it.
    classes : ndarray of int, shape (n,)
        Indices into `model.labels.SENTIMENT_CLASSES`.
    """
    low = np.array([SENTIMENT_RANGE[0], 0.0, NEUTRAL_CEILING])[classes]
    high = np.array([0.0, NEUTRAL_CEILING, SENTIMENT_RANGE[1]])[classes]
    return np.clip(intensity.astype(np.float64), low, high)
