"""Compiled inner loops: prediction, inverse filtering and the per-closure IAIF.

Batched numpy is limited by memory bandwidth, because its intermediates have shape (frames, samples); one frame fits
into the first-level cache. numba stores the machine code in the folder of this file (or in NUMBA_CACHE_DIR), so it is
compiled once per installation.
"""

# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Float = NDArray[np.float64]

# Sums may be reordered for vector instructions; NaN and infinity keep IEEE semantics (silent frames become NaN).
_compiled = njit(cache=True, fastmath={"reassoc", "contract", "nsz"}, error_model="numpy", nogil=True)


@_compiled
def predict(frame: Float, order: int, a: Float, r: Float) -> None:
    """Compute the prediction polynomial a[0..order] of a windowed frame (autocorrelation method); r is scratch."""
    length = len(frame)
    for k in range(order + 1):
        total = 0.0
        for n in range(k, length):
            total += frame[n] * frame[n - k]
        r[k] = total / length
    a[0] = 1.0
    for k in range(1, order + 1):
        a[k] = 0.0
    error = r[0]
    if error == 0.0:
        return
    for i in range(1, order + 1):
        total = r[i]
        for k in range(1, i):
            total += a[k] * r[i - k]
        reflection = -total / error
        for k in range(1, i // 2 + 1):
            mirror = a[i - k] + reflection * a[k]
            a[k] += reflection * a[i - k]
            if i - k != k:
                a[i - k] = mirror
        a[i] = reflection
        error *= 1.0 - reflection * reflection
        if error == 0.0:
            return


@_compiled
def inverse_filter(a: Float, order: int, frame: Float, out: Float) -> None:
    """Compute out[n] = sum_k a[k] frame[n - k] with zero initial state."""
    length = len(frame)
    for n in range(length):
        out[n] = frame[n]
    for k in range(1, order + 1):
        weight = a[k]
        for n in range(k, length):
            out[n] += weight * frame[n - k]


@_compiled
def add_residual(  # noqa: PLR0917  (compiled functions take no keywords)
    segment: Float, source: Float, window: Float, order: int, shift: int, out: Float
) -> None:
    """Add the energy-matched residual of every frame of `segment`, predicted from `source`, to `out`."""
    length = len(window)
    frame, predictor, filtered = np.empty(length), np.empty(length), np.empty(length)
    a, r = np.empty(order + 1), np.empty(order + 1)
    for start in range(0, len(segment) - length + 1, shift):
        for n in range(length):
            frame[n] = segment[start + n] * window[n]
            predictor[n] = source[start + n] * window[n]
        predict(predictor, order, a, r)
        inverse_filter(a, order, frame, filtered)
        before, after = 0.0, 0.0
        for n in range(length):
            before += frame[n] * frame[n]
            after += filtered[n] * filtered[n]
        gain = np.sqrt(before / after)
        for n in range(length):
            out[start + n] += filtered[n] * gain


@_compiled
def _convolve_same(frame: Float, taps: Float, out: Float) -> None:
    """Convolve with a symmetric filter of odd length and remove its delay."""
    length, half = len(frame), len(taps) // 2
    for n in range(length):
        out[n] = taps[half] * frame[n]
    for k in range(1, half + 1):
        weight = taps[half + k]
        for n in range(k, length):
            out[n] += weight * frame[n - k]
        for n in range(length - k):
            out[n] += weight * frame[n + k]


@_compiled
def _windowed(values: Float, skip: int, window: Float, out: Float) -> None:
    for n in range(len(window)):
        out[n] = values[skip + n] * window[n]


@_compiled
def _integrate(values: Float, leak: float, out: Float) -> None:
    state = 0.0
    for n in range(len(values)):
        state = values[n] + leak * state
        out[n] = state


@_compiled
def iaif_frame(  # noqa: PLR0917
    frame: Float, high_pass: Float, tract: int, glottal: int, leak: float, flow: Float, derivative: Float
) -> None:
    """Run IAIF on one windowed frame and add its result to `flow` and `derivative`."""
    length = len(frame)
    lead = tract + 1
    f, windowed = np.empty(length), np.empty(length)
    _convolve_same(frame, high_pass, f)
    window = np.empty(length)
    for n in range(length):
        window[n] = 0.5 * (1.0 - np.cos(2.0 * np.pi * (n + 1) / (length + 1)))
    # A ramp before the frame avoids filter transients; its part of each output is dropped.
    padded, filtered, summed = np.empty(lead + length), np.empty(lead + length), np.empty(lead + length)
    for n in range(lead):
        padded[n] = f[0] * (2.0 * n / tract - 1.0)
    for n in range(length):
        padded[lead + n] = f[n]
    a, r = np.empty(tract + 1), np.empty(tract + 1)

    _windowed(f, 0, window, windowed)  # spectral tilt
    predict(windowed, 1, a, r)
    inverse_filter(a, 1, padded, filtered)
    _windowed(filtered, lead, window, windowed)  # first vocal tract, from speech without tilt
    predict(windowed, tract, a, r)
    inverse_filter(a, tract, padded, filtered)
    _integrate(filtered, leak, summed)
    _windowed(summed, lead, window, windowed)  # glottal contribution, from the first flow
    predict(windowed, glottal, a, r)
    inverse_filter(a, glottal, padded, filtered)
    _integrate(filtered, leak, summed)
    _windowed(summed, lead, window, windowed)  # final vocal tract, from speech without it
    predict(windowed, tract, a, r)
    inverse_filter(a, tract, padded, filtered)
    _integrate(filtered, leak, summed)
    for n in range(length):
        derivative[n] += filtered[lead + n]
        flow[n] += summed[lead + n]


@_compiled
def rest_on_peaks(  # noqa: PLR0917
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
    rows, quarter = even.shape
    for i in range(rows):
        excess = goal[i, 2 * quarter] - middle[i]
        current[i, 2 * quarter] = max(current[i, 2 * quarter], middle[i])
        top = current[i, 2 * quarter]
        energy, alternating = 0.0, 0.0
        for k in range(quarter):
            low, high = even[i, k] + odd[i, k], even[i, k] - odd[i, k]
            even[i, k], odd[i, k] = low, high
            excess = max(excess, goal[i, k] - low, goal[i, quarter + k] - high)
            a, b = max(current[i, k], low), max(current[i, quarter + k], high)
            current[i, k], current[i, quarter + k] = a, b
            symmetric[i, k], antisymmetric[i, k] = a + b, a - b
            energy += a * a + b * b
        for k in range(0, quarter, 2):
            alternating += symmetric[i, k] - symmetric[i, k + 1]
        a, b = current[i, 0], current[i, quarter]
        summary[i, 0] = excess
        summary[i, 1] = 2.0 * (energy + top * top) - a * a - b * b
        summary[i, 2] = alternating - 0.5 * (a + b) + top
        symmetric[i, 0] *= 0.5
        antisymmetric[i, 0] *= 0.5
