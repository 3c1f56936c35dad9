"""Compiled search for the Rd whose phases are nearest to the measured ones (`rd`)."""

# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

import numpy as np
from numba import njit

from mtmm_video.extractors.acoustic.dsp import Float, Int

_compiled = njit(cache=True, error_model="numpy", nogil=True)  # the path of the search depends on the order of sums
_GOLDEN = 0.5 * (3.0 - np.sqrt(5.0))
_ROOT = np.sqrt(np.finfo(np.float64).eps)
_TURN = 2.0 * np.pi


@_compiled
def _error(place: float, measured: Float, model: Float) -> float:
    """Compute the mean square of the wrapped sum of `measured` (k,) and of `model` (rows, k) between two rows."""
    row = min(max(int(place), 0), len(model) - 2)
    share = place - row
    total = 0.0
    for k in range(len(measured)):
        left = measured[k] + model[row, k] + share * (model[row + 1, k] - model[row, k])
        turns = left / _TURN
        left -= _TURN * np.sign(turns) * np.floor(abs(turns) + 0.5)
        total += left * left
    return total / len(measured)


@_compiled
def least_errors(  # noqa: PLR0917  (compiled functions take no keywords)
    measured: Float,
    models: Float,
    group: Int,
    low: float,
    high: float,
    spacing: float,
    precision: float,
    most: int,
    points: Float,
    values: Float,
) -> None:
    """Minimise the error of each row of `measured` by Brent's bounded search (golden section and parabolas).

    `models` (groups, rows, k) are tabulated at `spacing` from `low`; `precision` is the search's tolerance and `most`
    its number of evaluations. The minima and their values are written to `points` and `values`.
    """
    for i in range(len(measured)):
        model = models[group[i]]
        a, b = low, high
        best = a + _GOLDEN * (b - a)
        f_best = _error((best - low) / spacing, measured[i], model)
        second, third, f_second, f_third = best, best, f_best, f_best
        step, before = 0.0, 0.0  # the last step and the one before it
        for _ in range(most - 1):
            middle = (a + b) / 2.0
            tolerance = _ROOT * abs(best) + precision / 3.0
            if not abs(best - middle) > 2.0 * tolerance - (b - a) / 2.0:
                break
            # A parabola through the three best points, if it falls inside the bracket and shrinks the step.
            r = (best - second) * (f_best - f_third)
            q = (best - third) * (f_best - f_second)
            p = (best - third) * q - (best - second) * r
            q = 2.0 * (q - r)
            if q > 0.0:
                p = -p
            q = abs(q)
            if abs(before) > tolerance and abs(p) < abs(0.5 * q * before) and q * (a - best) < p < q * (b - best):
                before = step
                step = p / q
                if best + step - a < 2.0 * tolerance or b - best - step < 2.0 * tolerance:
                    step = tolerance if middle >= best else -tolerance
            else:
                before = a - best if best >= middle else b - best
                step = _GOLDEN * before
            trial = best + (max(abs(step), tolerance) if step >= 0.0 else -max(abs(step), tolerance))
            f_trial = _error((trial - low) / spacing, measured[i], model)
            if f_trial <= f_best:
                if trial >= best:
                    a = best
                else:
                    b = best
                third, f_third, second, f_second = second, f_second, best, f_best
                best, f_best = trial, f_trial
            else:
                if trial >= best:
                    b = trial
                else:
                    a = trial
                if f_trial <= f_second or second == best:
                    third, f_third, second, f_second = second, f_second, trial, f_trial
                elif f_trial <= f_third or third in (best, second):
                    third, f_third = trial, f_trial
        points[i], values[i] = best, f_best
