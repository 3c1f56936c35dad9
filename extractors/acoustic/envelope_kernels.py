"""Compiled loops of the True Envelope (`true_envelope`)."""

# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

import numpy as np
from numba import njit

from mtmm_video.extractors.acoustic.dsp import Float, Int

# No value is NaN, so that maxima and sums may be formed in any order, by vector instructions.
_compiled = njit(cache=True, fastmath={"reassoc", "contract", "nsz", "nnan"}, error_model="numpy", nogil=True)


@_compiled
def _larger(a: Float, b: Float, out: Float) -> None:
    for k in range(len(out)):
        out[k] = max(a[k], b[k])


@_compiled
def _largest(values: Float, spare: Float) -> float:
    """Return the largest value, of an even number, by halving, which vector instructions do; both are overwritten."""
    half = len(values) // 2
    _larger(values, values[half:], spare[:half])
    _larger(spare, spare[half // 2 :], values[: half // 2])
    largest = -np.inf
    for k in range(half // 2):
        largest = max(largest, values[k])
    return largest


@_compiled
def rest_on_peaks(  # noqa: PLR0917  (compiled functions take no keywords)
    even: Float,
    odd: Float,
    middle: Float,
    goal: Float,
    current: Float,
    symmetric: Float,
    antisymmetric: Float,
    summary: Float,
) -> None:
    """Run one pass of the True Envelope over folded spectra of 2 x quarter + 1 bins.

    On entry `even` and `odd` (rows, quarter) hold the parts of the smooth curve that are even and odd about bin
    `quarter`, and `middle` (rows,) its value there; on return `even` holds the curve's lower half (bins 0 ..), `odd`
    its upper half (last bin downwards). `current` (rows, 2 quarter + 1: lower half, upper half, middle) is raised to
    the curve, and `symmetric`, `antisymmetric` receive its folded sum and difference. `summary` (rows, 3) receives the
    largest height of `goal` above the curve, the energy of `current` over the two-sided spectrum, and half its
    alternating sum.
    """
    quarter = even.shape[1]
    first, second = np.empty_like(even[0]), np.empty_like(even[0])
    for i in range(len(even)):
        # One loop for few arrays each: with more, the compiler gives up to show that they do not overlap. Maxima are
        # not written over what they are taken of: that becomes a masked store, slow on many processors.
        low, high, goals, raised = even[i], odd[i], goal[i], current[i]
        upper_goals, upper_raised = goals[quarter:], raised[quarter:]
        for k in range(quarter):
            a, b = low[k] + high[k], low[k] - high[k]
            low[k], high[k] = a, b
        for k in range(quarter):
            first[k] = max(goals[k] - low[k], upper_goals[k] - high[k])
        summary[i, 0] = max(goals[2 * quarter] - middle[i], _largest(first, second))
        _larger(raised, low, first)
        _larger(upper_raised, high, second)
        for k in range(quarter):
            raised[k] = first[k]
        for k in range(quarter):
            upper_raised[k] = second[k]
        raised[2 * quarter] = max(raised[2 * quarter], middle[i])
        total, difference = symmetric[i], antisymmetric[i]
        for k in range(quarter):
            total[k] = first[k] + second[k]
        for k in range(quarter):
            difference[k] = first[k] - second[k]
        energy, alternating = 0.0, 0.0
        for k in range(2 * quarter):
            value = raised[k]
            energy += value * value
        for k in range(quarter // 2):
            alternating += total[2 * k] - total[2 * k + 1]
        zero, half = raised[0], raised[quarter]
        top = raised[2 * quarter]
        summary[i, 1] = 2.0 * (energy + top * top) - zero * zero - half * half
        summary[i, 2] = alternating - 0.5 * (zero + half) + top
        total[0] /= 2
        difference[0] /= 2


@_compiled
def move_cepstrum(  # noqa: PLR0917
    even: Float,
    odd: Float,
    current: Float,
    summary: Float,
    offset: Float,
    orders: Int,
    lag_window: Float,
    cepstrum: Float,
    of_even: Float,
    of_odd: Float,
    middle: Float,
) -> None:
    """Move each row's cepstrum (rows, size + 1) towards that of the raised spectrum, in place.

    The step is the longer, the more of the spectrum's energy lies outside the coefficients up to `orders`. `even` and
    `odd` are the folded spectra times the cosines of even and of odd order, `offset` is the level that was taken away
    from the spectra. The new coefficients, without the offset, are given to `of_even` and `of_odd` by their order,
    and the new curve at the bin in the middle to `middle`.
    """
    half = current.shape[1] - 1
    wanted = np.empty(cepstrum.shape[1])
    for i in range(len(cepstrum)):
        top = current[i, half]
        inside, energy, first = 0.0, 0.0, 0.0
        for m in range(orders[i] + 1):
            c = odd[i, m // 2] / half if m % 2 == 1 else (even[i, m // 2] + (1.0 - m % 4) * top) / half
            inside += c * c
            if m == 0:
                first = c
                wanted[0] = c + offset[i]
            else:
                wanted[m] = 2.0 * c
            energy += wanted[m] * wanted[m]
        last = summary[i, 2] / half
        # Parseval: what is not in the kept coefficients or the last one lies between them.
        tail = (summary[i, 1] / (2.0 * half) + first * first - last * last) / 2.0 - inside
        step = 1.0 + np.sqrt(4.0 * max(tail, 0.0) / energy)
        total = 0.0
        for m in range(orders[i] + 1):
            cepstrum[i, m] += step * lag_window[i, m] * (wanted[m] - cepstrum[i, m])
            value = cepstrum[i, m] - offset[i] if m == 0 else cepstrum[i, m]
            if m % 2 == 1:
                of_odd[i, m // 2] = value
            else:
                of_even[i, m // 2] = value
                total += (1.0 - m % 4) * value
        middle[i] = total
