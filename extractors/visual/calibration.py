"""Fitted maps from facial measurements to FACET's action units and expression evidences.

The coefficients are fitted by ``mtmm-video train facet`` and stored in this folder as safetensors; the metadata of each
file names the data and the measured agreement.

Action units are a sum of two parts, because the training data has many frames but only three people:

    AU = mean over CMU-MOSEI + level of the person + movement around that level

*Movement* is linear in all measurements, centred on the person's mean. *Level* is one gain per action unit, applied to
the person's mean of the blendshapes of that unit (which MediaPipe makes comparable between people) minus the median of
neutral photographs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

ACTION_UNITS_FILE = Path(__file__).parent / "action_units.safetensors"
EXPRESSIONS_FILE = Path(__file__).parent / "expressions.safetensors"

# Expressions with enough labelled photographs; Contempt (9 photographs), Confusion and Frustration (none) are absent.
EXPRESSIONS: tuple[str, ...] = ("Anger", "Disgust", "Fear", "Joy", "Baseline", "Sadness", "Surprise")
LARGEST_DEVIATION = 4.0  # standard deviations to which a single measurement is clipped


@dataclass(frozen=True)
class ActionUnitMap:
    """Coefficients from measurements to FACET's 20 action units.

    Attributes
    ----------
    movement : ndarray of float32, shape (m, 20)
        FACET units per unit of measurement.
    level : ndarray of float32, shape (shapes, 20)
        FACET units per unit of mean blendshape.
    neutral : ndarray of float32, shape (shapes,)
        Median blendshapes of neutral photographs.
    mean, deviation : ndarray of float32, shape (20,)
        Of FACET's columns over CMU-MOSEI.
    """

    movement: NDArray[np.float32]
    level: NDArray[np.float32]
    neutral: NDArray[np.float32]
    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]

    def evidence(self, movement: NDArray[np.float32], shapes: NDArray[np.float32]) -> NDArray[np.float64]:
        """Compute FACET's evidence for each action unit.

        Parameters
        ----------
        movement : ndarray, shape (frames, 20)
            Measurements times the coefficients `movement`, of one person, not centred.
        shapes : ndarray, shape (frames, shapes)
            That person's blendshapes, left and right averaged.

        Returns
        -------
        ndarray, shape (frames, 20)
            In FACET's units, within `LARGEST_DEVIATION` deviations of the person's level.
        """
        limit = LARGEST_DEVIATION * self.deviation
        around = np.clip(movement - movement.mean(axis=0), -limit, limit)
        level = (shapes.mean(axis=0) - self.neutral) @ self.level
        return np.asarray(self.mean + level + around, np.float64)


@dataclass(frozen=True)
class ExpressionMap:
    """A multinomial logistic regression from measurements to seven expressions.

    Attributes
    ----------
    centre, scale : ndarray of float32, shape (m,)
        Mean and standard deviation of the measurements over the photographs.
    weights : ndarray of float32, shape (m, 7)
    bias : ndarray of float32, shape (7,)
    shift : ndarray of float32, shape (7,)
        Added to the evidences: difference between FACET's mean over CMU-MOSEI and the map's mean over talking faces.
    """

    centre: NDArray[np.float32]
    scale: NDArray[np.float32]
    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    shift: NDArray[np.float32]

    def logits(self, measurements: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute unnormalised log probabilities of the seven expressions, shape (..., m) to (..., 7)."""
        deviations = np.clip((measurements - self.centre) / self.scale, -LARGEST_DEVIATION, LARGEST_DEVIATION)
        return np.asarray(deviations @ self.weights + self.bias, np.float32)

    def evidence(self, logits: NDArray[np.float32]) -> NDArray[np.float64]:
        """Compute the base-10 log odds of each expression against all others, shape (frames, 7), on FACET's scale."""
        return log_odds(logits) + self.shift


def log_odds(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Compute log10(p / (1 - p)) of a softmax over the last axis in log space, which avoids overflow."""
    wide = logits.astype(np.float64)
    others = np.stack(
        [np.logaddexp.reduce(np.delete(wide, index, axis=-1), axis=-1) for index in range(wide.shape[-1])], axis=-1
    )
    return np.asarray((wide - others) / np.log(10), np.float64)


@cache
def action_unit_map() -> ActionUnitMap:
    """Return the shipped coefficients of the action units."""
    return ActionUnitMap(**load_file(ACTION_UNITS_FILE))


@cache
def expression_map() -> ExpressionMap:
    """Return the shipped coefficients of the expressions."""
    return ExpressionMap(**load_file(EXPRESSIONS_FILE))
