"""Features of creaky voice, every 10 ms.

J. Kane, T. Drugman, C. Gobl, "Improved automatic detection of creak", Computer Speech and Language 27(4):1028-1047,
2013; T. Drugman, J. Kane, C. Gobl, "Resonator-based creaky voice detection", Interspeech 2012; C. Ishi,
K.-I. Sakakibara, H. Ishiguro, "A method for automatic detection of vocal fry", IEEE TASLP 16(1):47-56, 2008.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy import fft, ndimage, signal

from mtmm_video.extractors.acoustic.dsp import (
    HOP,
    Float,
    Int,
    hanning,
    interpolate,
    mask_to_zero,
    round_half_away,
    round_int,
)
from mtmm_video.extractors.acoustic.srh import PitchTrack
from mtmm_video.extractors.acoustic.zero_phase import ZeroPhase
from mtmm_video.extractors.sample_rate import SAMPLE_RATE

STATIC_NAMES = (
    "H2-H1",
    "peak prominence",
    "zero crossings",
    "intra-frame periodicity",
    "inter-pulse similarity",
    "power fall",
    "power rise",
    "F0",
    "median F0",
    "energy",
    "power deviation",
    "creak F0",
)
FEATURE_NAMES = tuple(prefix + name for prefix in ("", "d ", "dd ") for name in STATIC_NAMES)

_RESONANCE = (0.97, 0.8)  # pole radii of the narrow and the wide resonator at the median F0
_PITCH_FRAME = 800  # samples = 50 ms
_SPEECH_FRAME = 512  # samples = 32 ms
_SPEECH_HOP = 80  # samples = 5 ms
_POWER_FRAME, _POWER_HOP = 64, 32  # samples = 4 and 2 ms
_PROMINENCE_HOP = 320  # samples = 20 ms
_SHORTEST_LAG = 5
_LONGEST_ISHI_LAG, _SHORTEST_ISHI_LAG = 240, 16  # samples = 15 and 1 ms
_PULSE_HALF = 120  # samples = 7.5 ms
_REACH = 560  # samples = 35 ms that a pulse's measures hold before it
_BLOCK = 1 << 18  # samples worked on at a time
_WARM_UP = 2048  # samples after which the resonator (0.97^n) has forgotten its start


def creak_features(x: NDArray[np.floating], residual: Float, pitch: PitchTrack) -> Float:
    """Compute the 36 features that COVAREP classifies creak by.

    Parameters
    ----------
    x : ndarray, shape (samples,)
        Signal at 16 kHz, polarity corrected; at least 0.1 s.
    residual : ndarray, shape (samples,)
        Main residual.
    pitch : PitchTrack
        From a search of 20..500 Hz, with a median.

    Returns
    -------
    ndarray, shape (floor(samples / 160), 36)
        Columns `FEATURE_NAMES` at positions 160, 320, ...: twelve measures, their first and their second differences.
    """
    samples = len(x)
    rows = samples // HOP
    positions = HOP * np.arange(1, rows + 1, dtype=np.int64)
    median = pitch.median
    if median is None:
        median = float(np.median(pitch.f0))

    def spread(values: Float) -> Float:
        return interpolate(np.linspace(1, samples, len(values)), values, positions)

    h2_h1, creak_f0, prominence_raw = _resonator_measures(residual, median)
    crossings, energy, power = _speech_measures(x)
    energy = _floor_infinite(energy)
    energy = energy - energy.max()
    deviation = np.zeros(len(power))
    if len(power) > 32:
        deviation[16:-16] = np.std(sliding_window_view(power, 33), axis=1, ddof=1)
    centres, prominence = _gated_prominence(prominence_raw, energy, samples)
    periodicity, similarity, fall, rise = _ishi_measures(x, rows)
    static = np.stack(
        (
            spread(_moving_average(h2_h1)),
            mask_to_zero(interpolate(centres, ndimage.median_filter(prominence, 5, mode="constant"), positions)),
            # attached one hop late, as in the original
            mask_to_zero(
                interpolate(_SPEECH_FRAME // 2 + _SPEECH_HOP * (1 + np.arange(len(crossings))), crossings, positions)
            ),
            periodicity,
            similarity,
            fall,
            rise,
            interpolate(np.linspace(1, rows, len(pitch.f0)), pitch.f0, np.arange(1, rows + 1)),
            np.full(rows, median),
            spread(energy),
            spread(ndimage.median_filter(deviation, 13, mode="constant")),
            spread(_moving_average(ndimage.median_filter(creak_f0, 7, mode="constant"))),
        ),
        axis=1,
    )
    first = np.diff(static, axis=0, prepend=static[:1])
    return np.concatenate((static, first, np.diff(first, axis=0, prepend=first[:1])), axis=1)


def _moving_average(values: Float) -> Float:
    """Average nine neighbours; the four values at either end stay as they are."""
    out = values.copy()
    if len(values) >= 9:
        out[4:-4] = np.convolve(values, np.full(9, 1 / 9), mode="valid")
    return out


def _floor_infinite(values: Float) -> Float:
    """Replace minus infinity (digital silence) by the smallest finite value."""
    finite = np.isfinite(values)
    return np.where(finite, values, values[finite].min() if finite.any() else 0.0)


def _frames(values: Float, length: int, hop: int) -> Float:
    return sliding_window_view(values, length)[::hop]


def _blocks(count: int, hop: int) -> list[tuple[int, int]]:
    """Ranges of frame numbers whose samples make about one block."""
    step = max(1, _BLOCK // hop)
    return [(first, min(first + step, count)) for first in range(0, count, step)]


def _resonator_measures(residual: Float, median: float) -> tuple[Float, Float, tuple[Float, Int]]:
    """H2-H1 and F0 of the resonated residual every 10 ms; peak prominence and its sample every 20 ms."""
    samples = len(residual)
    count = max(1, -(-(samples - _PITCH_FRAME) // HOP))
    half = round_int(SAMPLE_RATE / _prominence_pitch(median))
    count_peaks = max(1, (samples - 2 * half) // _PROMINENCE_HOP + 1)
    h2_h1, f0 = np.zeros(count), np.zeros(count)
    prominence, place = np.zeros(count_peaks), np.zeros(count_peaks, dtype=np.int64)
    for first, last in _blocks(count, HOP):
        low, high = first * HOP, min((last - 1) * HOP + _PITCH_FRAME, samples)
        begin = max(low - _WARM_UP, 0)
        excitation = mask_to_zero(residual[begin:high])
        narrow, wide = (_resonate(excitation, median, rho)[low - begin :] for rho in _RESONANCE)
        window = hanning(min(_PITCH_FRAME, len(wide)))
        h2_h1[first:last], f0[first:last] = _harmonic_difference(
            _frames(narrow, len(window), HOP) * window**2, _frames(wide, len(window), HOP) * window
        )
    for first, last in _blocks(count_peaks, _PROMINENCE_HOP):
        # room for the segment that is centred anew on a peak anywhere in the frame
        low, high = first * _PROMINENCE_HOP - 4 * half, (last - 1) * _PROMINENCE_HOP + 6 * half
        begin, end = max(low - _WARM_UP, 0), min(high, samples)
        wide = _resonate(mask_to_zero(residual[begin:end]), median, _RESONANCE[1])
        for number in range(first, last):
            prominence[number], place[number] = _prominence(wide, number * _PROMINENCE_HOP - begin, half)
            place[number] += begin
    return h2_h1, f0, (prominence, place)


def _prominence_pitch(median: float) -> float:
    """Pitch in Hz that sets the prominence window, coarser for lower voices."""
    if median == 100:
        return 80.0
    return 90.0 if median > 100 else 65.0 if median >= 85 else 55.0


def _resonate(excitation: Float, median: float, radius: float) -> Float:
    """Second-order resonator at the median F0."""
    a = [1.0, -2 * radius * np.cos(2 * np.pi * median / SAMPLE_RATE), radius**2]
    return np.asarray(signal.lfilter([1.0], a, excitation))


def _autocorrelation(frames: Float, longest: int) -> Float:
    """Autocorrelation at lags 0..longest by FFT, shape (n, longest + 1)."""
    size = fft.next_fast_len(frames.shape[1] + longest, real=True)
    spectrum = fft.rfft(frames, size, axis=1)
    return np.asarray(fft.irfft(spectrum.real**2 + spectrum.imag**2, size, axis=1)[:, : longest + 1])


def _harmonic_difference(narrow: Float, wide: Float) -> tuple[Float, Float]:
    """H2 - H1 in dB of the autocorrelation's spectrum, and the pitch that it is read at, both (n,)."""
    longest = narrow.shape[1] - 1
    lags = np.arange(1, longest + 1)
    smooth = _autocorrelation(wide, longest)[:, 1:] * (longest / (longest + 1 - lags))
    leading = np.cumprod(smooth > 0, axis=1, dtype=np.int8).astype(np.bool_)
    smooth[leading] = 0
    lag = np.maximum(smooth.argmax(axis=1) + 1, _SHORTEST_LAG)
    f0 = round_half_away(SAMPLE_RATE / lag)
    correlation = _autocorrelation(narrow, longest)[:, 1:]
    levels = []
    for bins in (2 * f0 - 1, f0 - 1):
        turn = np.exp(-2j * np.pi / SAMPLE_RATE * bins)
        phasor = turn[:, None] ** lags
        levels.append(20 * np.log10(np.abs(np.einsum("nl,nl->n", correlation, phasor)) + np.finfo(np.float64).tiny))
    return np.asarray(levels[0] - levels[1]), f0


def _prominence(wide: Float, start: int, half: int) -> tuple[float, int]:
    """Height of the largest peak of a frame above the rest around it (0..1), and its sample."""
    frame = wide[start : start + 2 * half]
    centre = start + int(np.abs(frame).argmax()) if len(frame) else start
    if centre - half < 0 or centre + half >= len(wide):
        return 0.0, min(max(centre, 0), len(wide) - 1)
    centre += int(np.abs(wide[centre - half : centre + half + 1]).argmax()) - half
    if centre - half < 0 or centre + half >= len(wide) or wide[centre] == 0:
        return 0.0, min(max(centre, 0), len(wide) - 1)
    segment = wide[centre - half : centre + half + 1] / wide[centre]
    near = round_int(0.4 * half)
    segment[half - near : half + near + 1] = 0
    return 1.0 - max(float(segment.max()), 0.0), start + half


def _gated_prominence(measured: tuple[Float, Int], energy: Float, samples: int) -> tuple[Float, Float]:
    """Frame centres, and the prominence with frames far below the loudest within 400 ms set to 0."""
    prominence, place = measured
    track = np.linspace(1, samples, len(energy))
    reach = round_int(6400 / max((samples - 1) / max(len(energy) - 1, 1), 1))
    loudest = ndimage.maximum_filter1d(energy, 2 * reach + 1)
    quiet = np.interp(place + 1, track, energy) < np.interp(place + 1, track, loudest) - 4
    return place.astype(np.float64), np.where(quiet, 0.0, prominence)


def _speech_measures(x: NDArray[np.floating]) -> tuple[Float, Float, Float]:
    """Zero crossings per ms and ln energy (32 ms every 5 ms), power in dB x 2 (4 ms every 2 ms)."""
    samples = len(x)
    window = hanning(_SPEECH_FRAME) ** 2
    count = max(1, (samples - _SPEECH_FRAME - 1) // _SPEECH_HOP + 1)
    crossings, energy = np.zeros(count), np.zeros(count)
    for first, last in _blocks(count, _SPEECH_HOP):
        part = np.asarray(x[first * _SPEECH_HOP : (last - 1) * _SPEECH_HOP + _SPEECH_FRAME], dtype=np.float64)
        changes = np.concatenate(([0], np.cumsum(np.diff(part >= 0))))
        starts = np.arange(last - first) * _SPEECH_HOP
        crossings[first:last] = (changes[starts + _SPEECH_FRAME - 1] - changes[starts]) * (16 / _SPEECH_FRAME)
        with np.errstate(divide="ignore"):
            energy[first:last] = np.log(_frames(part**2, _SPEECH_FRAME, _SPEECH_HOP) @ window / _SPEECH_FRAME)
    return crossings, energy, _power_contour(x)


def _power_contour(x: NDArray[np.floating]) -> Float:
    """20 log10 of the mean square in 4 ms frames every 2 ms; silence at the smallest finite value."""
    count = max(1, (len(x) - _POWER_FRAME) // _POWER_HOP + 1)
    power = np.zeros(count)
    for first, last in _blocks(count, _POWER_HOP):
        part = np.asarray(x[first * _POWER_HOP : (last - 1) * _POWER_HOP + _POWER_FRAME], dtype=np.float64)
        halves = np.square(part).reshape(-1, _POWER_HOP).sum(axis=1)
        with np.errstate(divide="ignore"):
            power[first:last] = 20 * np.log10((halves[:-1] + halves[1:]) / _POWER_FRAME)
    return _floor_infinite(power)


@lru_cache(maxsize=1)
def _band_pass() -> Float:
    """Butterworth, 100-1500 Hz (3 dB), 40 dB down at 50 and 3000 Hz: order 7."""
    order, edges = signal.buttord([100, 1500], [50, 3000], 3, 40, fs=SAMPLE_RATE)
    return np.asarray(signal.butter(order, edges, "bandpass", output="sos", fs=SAMPLE_RATE))


def _ishi_measures(x: NDArray[np.floating], rows: int) -> tuple[Float, Float, Float, Float]:
    """Intra-frame periodicity, inter-pulse similarity, power fall and rise, each (rows,)."""
    samples = len(x)
    band = ZeroPhase(_band_pass(), x)[:]
    read = round_half_away(np.linspace(1, samples, rows)).astype(np.int64) - 1
    periodicity = _periodicity(band, read)
    power = _power_contour(band)
    peaks, _ = signal.find_peaks(power)
    last = len(power) - 1
    stands_out = (power[peaks] >= power[np.maximum(peaks - 3, 0)] + 2) & (
        power[peaks] >= power[np.minimum(peaks + 3, last)] + 2
    )
    peaks = peaks[stands_out]
    if len(peaks):
        peaks = peaks[power[peaks] >= power[peaks].max() - 30]
    nothing = np.zeros(rows)
    if len(peaks) < 3:
        return periodicity, nothing, nothing, nothing
    padded = np.pad(power, 5, mode="edge")
    rise = power[peaks] - sliding_window_view(padded, 5)[peaks].min(axis=1)
    fall = power[peaks] - sliding_window_view(padded, 5)[peaks + 6].min(axis=1)
    centres = peaks * _POWER_HOP + _POWER_FRAME // 2
    similarity = _pulse_similarity(band, centres)
    following = np.searchsorted(centres, read)
    inside = np.minimum(following, len(centres) - 1)
    near = (following < len(centres)) & (centres[inside] - read < _REACH)
    similarity, fall, rise = (np.where(near, values[inside], 0.0) for values in (similarity, fall, rise))
    return periodicity, similarity, fall, rise


def _periodicity(band: Float, read: Int) -> Float:
    """Smallest of the autocorrelation maxima at the multiples of the period, in 32 ms frames every 10 ms, (rows,)."""
    count = max(1, (len(band) - _SPEECH_FRAME) // HOP + 1)
    measured = np.zeros(count)
    lags = np.arange(_LONGEST_ISHI_LAG + 1)
    for first, last in _blocks(count, HOP):
        frames = _frames(band[first * HOP : (last - 1) * HOP + _SPEECH_FRAME], _SPEECH_FRAME, HOP)
        correlation = _autocorrelation(frames, _LONGEST_ISHI_LAG)
        with np.errstate(divide="ignore", invalid="ignore"):
            correlation = correlation / correlation[:, :1]
        correlation[~np.isfinite(correlation)] = 0
        correlation[:, :_SHORTEST_ISHI_LAG] = 0
        correlation *= _SPEECH_FRAME / (_SPEECH_FRAME - (lags + 1))
        around = ndimage.maximum_filter1d(correlation, 33, axis=1, mode="constant")
        period = correlation.argmax(axis=1) + 1  # a place counted from 1, as in the original
        smallest = correlation.max(axis=1)
        frame = np.arange(len(smallest))
        for multiple in range(2, _LONGEST_ISHI_LAG // _SHORTEST_ISHI_LAG + 1):
            place = multiple * period
            reached = place <= _LONGEST_ISHI_LAG
            if not reached.any():
                break
            at = around[frame[reached], place[reached] - 1]
            smallest[reached] = np.minimum(smallest[reached], at)
        measured[first:last] = smallest
    followed = measured.copy()
    if count > 3:
        fading = (measured[1:-2] < 0.5) | (measured[2:-1] < 0.5)
        followed[:-3][fading] = 0
    centres = _SPEECH_FRAME // 2 + HOP * np.arange(count)
    return mask_to_zero(interpolate(centres, np.clip(followed, 0, 1), read))


def _pulse_similarity(band: Float, centres: Int) -> Float:
    """Largest normalised cross-correlation of each pulse with the one before it, (pulses,)."""
    out = np.zeros(len(centres))
    inside = (centres - _PULSE_HALF >= 0) & (centres + _PULSE_HALF < len(band))
    pairs = 1 + np.flatnonzero((np.diff(centres) <= SAMPLE_RATE // 10) & inside[1:] & inside[:-1])
    width = np.arange(-_PULSE_HALF, _PULSE_HALF + 1)
    for first in range(0, len(pairs), 1024):
        part = pairs[first : first + 1024]
        now, before = band[centres[part][:, None] + width], band[centres[part - 1][:, None] + width]
        cross = fft.irfft(fft.rfft(now, 512, axis=1) * np.conj(fft.rfft(before, 512, axis=1)), 512, axis=1)
        energy = np.einsum("nl,nl->n", now, now) * np.einsum("nl,nl->n", before, before)
        with np.errstate(divide="ignore", invalid="ignore"):
            out[part] = mask_to_zero(cross.max(axis=1) / np.sqrt(energy))
    return out
