"""Compiled loops of the phase distortion: joining harmonics along frequency, smoothing frames along time.

Smoothing takes rows of 513 bins. Each of its inner loops reads and writes few rows, which lie in the first-level
cache, and is compiled to vector instructions.
"""

# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

import numpy as np
from numba import njit

from mtmm_video.extractors.acoustic.dsp import Float, Int

_compiled = njit(cache=True, fastmath={"reassoc", "contract", "nsz"}, error_model="numpy", nogil=True)


@_compiled
def joined(step: float, spacing: float, values: Float, out: Float) -> None:
    """Interpolate linearly between `values` at multiples of `spacing`, to multiples of `step`; the last goes on."""
    last = len(values) - 1
    for k in range(len(out)):
        place = k * step / spacing
        j = int(place)
        if j >= last:
            out[k] = values[last]
        else:
            out[k] = values[j] + (place - j) * (values[j + 1] - values[j])


@_compiled
def harmonic_envelopes(level: Float, spacing: Float, counts: Int, step: float, out: Float) -> None:
    """Join the levels of harmonics 1 .. `counts`, flat below the first and above the last; 0 without harmonics."""
    for i in range(len(out)):
        if counts[i] == 0:
            out[i] = 0.0
            continue
        knots = level[i, : counts[i] + 1].copy()
        knots[0] = knots[1]
        joined(step, spacing[i], knots, out[i])


@_compiled
def subtract_at_multiples(spectrum: Float, spacing: Float, counts: Int, step: float, out: Float) -> None:
    """Subtract from `out` (n, harmonics) spectra with bins of `step`, read at the multiples of `spacing`."""
    for i in range(len(out)):
        if counts[i] > 0:
            read = np.empty(out.shape[1])
            joined(spacing[i], step, spectrum[i], read)
            out[i] -= read


@_compiled
def phasors_on_bins(  # noqa: PLR0917  (compiled functions take no keywords)
    values: Float, ends: Int, counts: Int, f0: Float, above: Float, step: float, real: Float, imaginary: Float
) -> None:
    """Join each row's phases (rad) along frequency by the shorter arcs, from 0 at 0 to `above` past the last.

    Row i has `counts[i]` phases at the multiples of `f0[i]`, up to `ends[i]` in `values`; without any it is 0. The
    unit phasors of the joined phases are written, cosines to `real` and sines to `imaginary` (rows, bins).
    """
    turn = 2.0 * np.pi
    bins = real.shape[1]
    for i in range(len(real)):
        count, phase, k = counts[i], 0.0, 0
        if count == 0:
            real[i], imaginary[i] = 1.0, 0.0
            continue
        for h in range(1, count + 2):
            # Between two harmonics the phase is linear: one rotation from bin to bin.
            goal = above[i] if h == count + 1 else values[ends[i] - count + h - 1]
            arc = goal - phase
            arc -= turn * np.round(arc / turn)
            beyond = min(bins, int(np.ceil(h * f0[i] / step)))
            if k < beyond:
                first = phase + (k * step / f0[i] - (h - 1)) * arc
                a, b = np.cos(first), np.sin(first)
                turn_a, turn_b = np.cos(arc * step / f0[i]), np.sin(arc * step / f0[i])
                for n in range(k, beyond):
                    real[i, n], imaginary[i, n] = a, b
                    a, b = a * turn_a - b * turn_b, a * turn_b + b * turn_a
                k = beyond
            phase = goal
        real[i, k:] = np.cos(phase)
        imaginary[i, k:] = np.sin(phase)


@_compiled
def _smaller(a: Float, b: Float, out: Float) -> None:
    for k in range(len(out)):
        out[k] = min(a[k], b[k])


@_compiled
def _larger(a: Float, b: Float, out: Float) -> None:
    for k in range(len(out)):
        out[k] = max(a[k], b[k])


@_compiled
def _middle(a: Float, b: Float, c: Float, out: Float) -> None:
    for k in range(len(out)):
        out[k] = max(min(a[k], b[k]), min(max(a[k], b[k]), c[k]))


@_compiled
def median_of_nine(rows: Float, out: Float) -> None:
    """Compute the running median of nine rows, (n + 8, bins) -> `out` (n, bins).

    Each triple of rows is sorted once for all windows that contain it; the median of nine is the median of the largest
    minimum, the median of the medians and the smallest maximum of its three triples.
    """
    bins = out.shape[1]
    low, middle, high = np.empty((7, bins)), np.empty((7, bins)), np.empty((7, bins))
    small, large, between = np.empty(bins), np.empty(bins), np.empty(bins)
    for t in range(len(out) + 6):
        now = t % 7
        a, b, c = rows[t], rows[t + 1], rows[t + 2]
        _smaller(a, b, small)
        _larger(a, b, large)
        _smaller(small, c, low[now])
        _larger(large, c, high[now])
        _middle(a, b, c, middle[now])
        if t >= 6:
            first, second = (t - 6) % 7, (t - 3) % 7
            _larger(low[first], low[second], between)
            _larger(between, low[now], small)
            _smaller(high[first], high[second], between)
            _smaller(between, high[now], large)
            _middle(middle[first], middle[second], middle[now], between)
            _middle(small, between, large, out[t - 6])


@_compiled
def _add_pair(weight: float, a: Float, b: Float, out: Float) -> None:
    for k in range(len(out)):
        out[k] += weight * (a[k] + b[k])


@_compiled
def smooth_rows(rows: Float, weights: Float, out: Float) -> None:
    """Filter along the rows with symmetric weights of odd number w, (n + w - 1, bins) -> `out` (n, bins)."""
    last = len(weights) - 1
    for t in range(len(out)):
        target, centre = out[t], rows[t + last // 2]
        for k in range(len(target)):
            target[k] = weights[last // 2] * centre[k]
        for j in range(last // 2):
            _add_pair(weights[j], rows[t + j], rows[t + last - j], target)


@_compiled
def running_mean(rows: Float, out: Float) -> None:
    """Average each w consecutive rows by a running sum, (n + w - 1, bins) -> `out` (n, bins)."""
    span = len(rows) - len(out) + 1
    total = np.zeros(out.shape[1])
    for t in range(len(rows)):
        added = rows[t]
        for k in range(len(total)):
            total[k] += added[k]
        if t >= span - 1:
            target, left = out[t - span + 1], rows[t - span + 1]
            for k in range(len(total)):
                target[k] = total[k] / span
            for k in range(len(total)):
                total[k] -= left[k]


@_compiled
def detrended(  # noqa: PLR0917
    real: Float, imaginary: Float, trend_real: Float, trend_imaginary: Float, lost: float, anywhere: Float, out: Float
) -> None:
    """Divide unit phasors by the trend's, scaled to magnitude 1: `out` (2, rows, bins), real and imaginary part.

    A trend of magnitude below `lost` has no angle; it is replaced by the phasor `anywhere` (2, bins).
    """
    bins = real.shape[1]
    size = np.empty(bins)
    for t in range(len(real)):
        c, s = trend_real[t], trend_imaginary[t]
        for k in range(bins):
            size[k] = np.sqrt(c[k] * c[k] + s[k] * s[k])
        for k in range(bins):
            if size[k] < lost:
                c[k], s[k], size[k] = anywhere[0, k], anywhere[1, k], 1.0
        a, b, x, y = real[t], imaginary[t], out[0, t], out[1, t]
        for k in range(bins):
            x[k] = (a[k] * c[k] + b[k] * s[k]) / size[k]
        for k in range(bins):
            y[k] = (b[k] * c[k] - a[k] * s[k]) / size[k]


@_compiled
def band_angles(real: Float, imaginary: Float, edges: Int, out: Float) -> None:
    """Average the unit phasors of the bins of each band and write the angle, `out` (rows, bands).

    Band j begins at bin `edges[j]`, and the last ends before the last bin. The mean is over unit phasors, as in
    COVAREP, and an angle of exactly zero remains exactly zero.
    """
    bands = len(edges)
    for t in range(len(out)):
        for j in range(bands):
            x, y = 0.0, 0.0
            for k in range(edges[j], edges[j + 1] if j + 1 < bands else real.shape[1] - 1):
                size = np.sqrt(real[t, k] * real[t, k] + imaginary[t, k] * imaginary[t, k])
                if size > 0.0:
                    x += real[t, k] / size
                    y += imaginary[t, k] / size
            out[t, j] = np.arctan2(y, x)
