"""Compiled inner loops: prediction, inverse filtering, the per-closure IAIF, and measurements of single pulses.

Batched numpy is limited by memory bandwidth, because its intermediates have shape (frames, samples); one frame fits
into the first-level cache. numba stores the machine code in the folder of this file (or in NUMBA_CACHE_DIR), so it is
compiled once per installation.
"""

# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

import numpy as np
from numba import njit

from mtmm_video.extractors.acoustic.dsp import Complex, Float, Int

# Inner loops index views from 0: an index that could be negative (from the end) prevents vector instructions.
# Sums may be reordered for vector instructions; NaN and infinity keep IEEE semantics (silent frames become NaN).
_compiled = njit(cache=True, fastmath={"reassoc", "contract", "nsz"}, error_model="numpy", nogil=True)


@_compiled
def predict(frame: Float, order: int, a: Float, r: Float) -> None:
    """Compute the prediction polynomial a[0..order] of a windowed frame (autocorrelation method); r is scratch."""
    length = len(frame)
    for k in range(order + 1):
        total, later = 0.0, frame[k:]
        for n in range(len(later)):
            total += later[n] * frame[n]
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
    for n in range(len(frame)):
        out[n] = frame[n]
    k = 1
    while k + 2 <= min(order, len(frame) - 1):  # three coefficients at a time, which saves reading and writing `out`
        u, v, w = a[k], a[k + 1], a[k + 2]
        out[k] += u * frame[0]
        out[k + 1] += u * frame[1] + v * frame[0]
        later, once, twice = out[k + 2 :], frame[1:], frame[2:]
        for n in range(len(later)):
            later[n] += u * twice[n] + v * once[n] + w * frame[n]
        k += 3
    for j in range(k, order + 1):
        weight, later = a[j], out[j:]
        for n in range(len(later)):
            later[n] += weight * frame[n]


@_compiled
def _windowed(values: Float, skip: int, window: Float, out: Float) -> None:
    used = values[skip:]
    for n in range(len(window)):
        out[n] = used[n] * window[n]


@_compiled
def add_residual(  # noqa: PLR0917  (compiled functions take no keywords)
    segment: Float, source: Float, window: Float, order: int, shift: int, out: Float
) -> None:
    """Add the energy-matched residual of every frame of `segment`, predicted from `source`, to `out`."""
    length = len(window)
    frame, predictor, filtered = np.empty(length), np.empty(length), np.empty(length)
    a, r = np.empty(order + 1), np.empty(order + 1)
    for start in range(0, len(segment) - length + 1, shift):
        _windowed(segment, start, window, frame)
        _windowed(source, start, window, predictor)
        predict(predictor, order, a, r)
        inverse_filter(a, order, frame, filtered)
        before, after = 0.0, 0.0
        for n in range(length):
            before += frame[n] * frame[n]
            after += filtered[n] * filtered[n]
        gain, target = np.sqrt(before / after), out[start:]
        for n in range(length):
            target[n] += filtered[n] * gain


_TILE = 256  # samples convolved at a time, which stay in the first-level cache


@_compiled
def _convolve_same(frame: Float, taps: Float, out: Float) -> None:
    """Convolve with a symmetric filter of odd length and remove its delay."""
    length, half = len(frame), len(taps) // 2
    padded = np.zeros(length + 2 * half)
    padded[half : half + length] = frame
    for start in range(0, length, _TILE):
        stop = min(start + _TILE, length)
        target = out[start:stop]
        centre = padded[start + half : stop + half]
        for n in range(len(target)):
            target[n] = taps[half] * centre[n]
        k = 1
        while k + 2 <= half:  # three pairs of taps at a time
            u, v, w = taps[half + k], taps[half + k + 1], taps[half + k + 2]
            before, after = padded[start + half - k - 2 :], padded[start + half + k :]
            b1, b0, a1, a2 = before[1:], before[2:], after[1:], after[2:]
            for n in range(len(target)):
                target[n] += u * (b0[n] + after[n]) + v * (b1[n] + a1[n]) + w * (before[n] + a2[n])
            k += 3
        for j in range(k, half + 1):
            before, after = padded[start + half - j :], padded[start + half + j :]
            for n in range(len(target)):
                target[n] += taps[half + j] * (before[n] + after[n])


@_compiled
def _integrate(values: Float, leak: float, out: Float) -> None:
    state = 0.0
    for n in range(len(values)):
        state = values[n] + leak * state
        out[n] = state


@_compiled
def iaif_frame(  # noqa: PLR0917
    frame: Float,
    window: Float,
    high_pass: Float,
    tract: int,
    glottal: int,
    leak: float,
    flow: Float,
    derivative: Float,
) -> None:
    """Run IAIF on one frame and add its result to `flow` and `derivative`."""
    length = len(frame)
    lead = tract + 1
    f, windowed = np.empty(length), np.empty(length)
    _windowed(frame, 0, window, windowed)
    _convolve_same(windowed, high_pass, f)
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
def pulse_quotients(  # noqa: PLR0917
    flow: Float, derivative: Float, starts: Int, lengths: Int, periods: Int, tail: int, out: Float
) -> None:
    """Compute NAQ and QOQ of flow pulses, `out` (n, 2), see `glottal.glottal_parameters`.

    Pulse i has `lengths[i]` samples from `starts[i]`; the derivative's peak may lie `tail` samples later.
    """
    for i in range(len(starts)):
        start, length = starts[i], lengths[i]
        first, last = flow[start], flow[start + length - 1]
        z = np.empty(length)
        top = 0
        for n in range(length):
            z[n] = flow[start + n] - (first + n / (length - 1) * (last - first))
            if z[n] > z[top] or (np.isnan(z[n]) and not np.isnan(z[top])):
                top = n
        end = start + length + tail
        if end > len(derivative):
            end = start + length
        steepest = 0.0
        for n in range(start, end):
            slope = abs(derivative[n])
            if slope > steepest or np.isnan(slope):
                steepest = slope
        # Places count from 1. Both searches start at the peak and end there if it is at an end of the pulse.
        left = right = top + 1
        while left > 3 and z[left - 1] > z[top] / 2:
            left -= 1
        while right < length - 2 and z[right - 1] > z[top] / 2:
            right += 1
        out[i, 0] = z[top] / (steepest * periods[i])
        out[i, 1] = (right - left) / periods[i]


@_compiled
def harmonic_levels(  # noqa: PLR0917
    power: Float, bins: Int, pitch: Float, tiny: float, difference: Float, count: Int
) -> None:
    """Compute H1 - H2 in dB and the number of peaks of power spectra (n, bins of 1 Hz), of which `bins` (n,) are used.

    Peaks are local maxima (of a flat one, its middle), thinned until all are more than half the pitch apart: each pass
    removes the lower of every pair of closer neighbours, the later on equality. `tiny` keeps the level of 0 finite.
    """
    places = np.empty(power.shape[1], np.int64)
    dead = np.empty(power.shape[1], np.bool_)
    for i in range(len(power)):
        found, changed, rising = 0, 0, False
        for k in range(bins[i] - 1):
            if power[i, k + 1] > power[i, k]:
                changed, rising = k, True
            elif power[i, k + 1] < power[i, k]:
                if rising:
                    places[found] = (changed + 1 + k) // 2
                    found += 1
                changed, rising = k, False
        thinned = True
        while thinned:
            thinned = False
            dead[:found] = False
            for j in range(found - 1):
                if places[j + 1] - places[j] <= pitch[i] / 2:
                    later = power[i, places[j + 1]] <= power[i, places[j]]
                    dead[j + 1 if later else j] = True
                    thinned = True
            kept = 0
            for j in range(found):
                if not dead[j]:
                    places[kept] = places[j]
                    kept += 1
            found = kept
        count[i], difference[i] = found, 0.0
        for harmonic in range(1, 3):
            nearest, distance = 0, np.inf
            for j in range(found):
                away = abs(places[j] + 1 - harmonic * pitch[i])
                if away < distance:
                    nearest, distance = j, away
            if found:
                level = 20.0 * np.log10(np.sqrt(power[i, places[nearest]]) + tiny)
                difference[i] += level if harmonic == 1 else -level


@_compiled
def take_magnitudes(spectrum: Complex, spread: int, shift: int, magnitude: Float) -> None:
    """Fill bins `spread` k + `shift` of `magnitude` (n, bins) from the first bins of `spectrum`.

    The last bins of `spectrum`, its negative frequencies, fill bins `spread` k - `shift` unless those are the same.
    """
    size = spectrum.shape[1]
    mirrored = 0 < shift < spread - shift
    for i in range(len(spectrum)):
        for k in range(magnitude.shape[1] // spread):
            value = spectrum[i, k]
            magnitude[i, spread * k + shift] = np.sqrt(value.real * value.real + value.imag * value.imag)
            if mirrored:
                value = spectrum[i, size - 1 - k]
                place = spread * (k + 1) - shift
                magnitude[i, place] = np.sqrt(value.real * value.real + value.imag * value.imag)


@_compiled
def summed_harmonics(magnitude: Float, between: Int, lowest: int, out: Float) -> None:
    """Compute the sum of five harmonics minus the four bins between them, `out` (n, candidates from `lowest` Hz)."""
    for i in range(len(magnitude)):
        for c in range(out.shape[1]):
            total = 0.0
            for k in range(1, 6):
                total += magnitude[i, k * (lowest + c) - 1]
            for k in range(4):
                total -= magnitude[i, between[k, c]]
            out[i, c] = total
