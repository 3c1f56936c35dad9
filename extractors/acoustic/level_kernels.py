"""Compiled logarithms of spectra, by vector instructions, which numpy's have on a few processors only."""

# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

import numpy as np
from numba import njit

from mtmm_video.extractors.acoustic.dsp import Complex, Float, Int

# Terms may not be reordered: the sums below depend on their order.
_compiled = njit(cache=True, fastmath={"contract", "nsz"}, error_model="numpy", nogil=True)

_LN2 = 0.6931471803691238  # multiples of it by an exponent are exact
_LN2_REST = 1.9082149292705877e-10  # ln 2 without it
_ROOT_HALF = 0x3FE6A09E667F3BCD  # bits of sqrt(1/2)
_BIAS = 1023  # of the exponent in the bits of a double
_FRACTION = 52  # bits
_INTEGER = 0x4330000000000000  # bits of 2^52: with those of a small integer added, the bits of their sum
_SHIFT = (_BIAS << _FRACTION) - _ROOT_HALF


@_compiled
def _logarithm(values: Float, integers: Int, scale: float, out: Float) -> None:
    """Compute `scale` ln x of doubles x >= 0 to within two units in the last place; minus infinity for 0.

    x = 2^e m with m in [sqrt(1/2), sqrt(2)), and ln m = 2 artanh s, s = (m - 1)/(m + 1), by its power series.
    `integers` (2, samples) is scratch.
    """
    bits = values.view(np.int64)
    for k in range(len(out)):
        integers[0, k] = ((bits[k] + _SHIFT) >> _FRACTION) | _INTEGER
    for k in range(len(out)):
        integers[1, k] = bits[k] - ((((bits[k] + _SHIFT) >> _FRACTION) - _BIAS) << _FRACTION)
    exponents, mantissas = integers[0].view(np.float64), integers[1].view(np.float64)
    for k in range(len(out)):
        exponent = exponents[k] - (2.0**_FRACTION + _BIAS)
        s = (mantissas[k] - 1.0) / (mantissas[k] + 1.0)
        z = s * s
        series = 1.0 / 21.0
        series = series * z + 1.0 / 19.0
        series = series * z + 1.0 / 17.0
        series = series * z + 1.0 / 15.0
        series = series * z + 1.0 / 13.0
        series = series * z + 1.0 / 11.0
        series = series * z + 1.0 / 9.0
        series = series * z + 1.0 / 7.0
        series = series * z + 1.0 / 5.0
        series = series * z + 1.0 / 3.0
        value = exponent * _LN2 + (exponent * _LN2_REST + 2.0 * s * (1.0 + z * series))
        out[k] = scale * value if values[k] > 0.0 else -np.inf


@_compiled
def levels(spectrum: Complex, out: Float) -> None:
    """Compute ln |S| of complex spectra, (n, bins)."""
    bins = out.shape[1]
    power, integers = np.empty(bins), np.empty((2, bins), np.int64)
    for i in range(len(out)):
        row = spectrum[i]
        for k in range(bins):
            power[k] = row[k].real * row[k].real + row[k].imag * row[k].imag
        _logarithm(power, integers, 0.5, out[i])


@_compiled
def warped_levels(amplitude: Float, left: Int, weight: Float, out: Float) -> None:
    """Compute the logarithm of amplitudes (n, bins) interpolated between bins `left` and `left` + 1."""
    bins = out.shape[1]
    warped, integers = np.empty(bins), np.empty((2, bins), np.int64)
    for i in range(len(out)):
        row = amplitude[i]
        for k in range(bins):
            low = row[left[k]]
            warped[k] = low + weight[k] * (row[left[k] + 1] - low)
        _logarithm(warped, integers, 1.0, out[i])
