"""Mean and deviation of the phase distortion of the harmonics (HMPDM, HMPDD).

G. Degottex, D. Erro, "A uniform phase representation for the harmonic model in speech synthesis applications", EURASIP
JASMP 2014:38, and "A measure of phase randomness for the harmonic model in speech synthesis", Interspeech 2014.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mtmm_video.extractors.acoustic import phase_kernels
from mtmm_video.extractors.acoustic.columns import HMPDD_ORDER, HMPDM_ORDER
from mtmm_video.extractors.acoustic.dsp import Float, Int, round_half_away, wrap
from mtmm_video.extractors.acoustic.mel_cepstrum import mel_cepstrum
from mtmm_video.extractors.acoustic.sinusoids import Harmonics
from mtmm_video.extractors.sample_rate import SAMPLE_RATE

_FFT = 1024
_BINS = _FFT // 2 + 1
_STEP = SAMPLE_RATE / _FFT  # Hz between bins
_MEAN_SPAN = 25  # frames of the running mean, applied forwards and backwards
_TREND_SPAN = 9  # frames of the running median, and of the window that smooths it
_DEVIATION_SPAN = 9
_FEWEST_FRAMES = 3 * (_MEAN_SPAN - 1) + 1  # the zero-phase mean needs more than 72 frames
_MARGIN = _MEAN_SPAN - 1  # frames on either side that a frame's statistics depend on
_FRAMES_AT_ONCE = 256
_SEED = 20_190_225  # of the phases above the last harmonic, which are random in COVAREP
_NO_TREND = 1e-12  # magnitude below which a smoothed phasor is rounding noise
_NO_DEVIATION = 1e-3  # rad; replaces a deviation of exactly zero before the logarithm


@dataclass(frozen=True)
class PhaseDistortion:
    """Phase distortion at the harmonics of a run of frames.

    Attributes
    ----------
    f0 : ndarray, shape (frames,)
        Pitch in Hz.
    count : ndarray of int, shape (frames,)
        Number of harmonics of each frame.
    values : ndarray, shape (sum of count,)
        PD_h in rad, frame after frame, h = 1 .. count.
    """

    f0: Float
    count: Int
    values: Float

    def joined(self, later: PhaseDistortion) -> PhaseDistortion:
        """Return these frames and those of the run after it."""
        return PhaseDistortion(
            f0=np.concatenate((self.f0, later.f0)),
            count=np.concatenate((self.count, later.count)),
            values=np.concatenate((self.values, later.values)),
        )

    def without(self, frames: int) -> PhaseDistortion:
        """Return these frames but for the first `frames`."""
        return PhaseDistortion(self.f0[frames:], self.count[frames:], self.values[int(self.count[:frames].sum()) :])


def phase_distortion(harmonics: Harmonics) -> PhaseDistortion:
    """Compute the deviation of the harmonics' phases from a pure delay, minimum phase of the envelope removed.

    Parameters
    ----------
    harmonics : Harmonics

    Returns
    -------
    PhaseDistortion

    Notes
    -----
    theta_h = phase_h - psi(h f), psi the minimum phase of the envelope that joins the harmonics' log amplitudes;
    PD_h = wrap(theta_h - theta_{h-1} - theta_1), so that PD_1 = 0.
    """
    envelope = np.empty((len(harmonics.f0), _BINS))
    with np.errstate(divide="ignore"):
        level = np.log(harmonics.amplitude)
    # A silent frame has no phases and is treated as one without harmonics.
    counts = np.where((harmonics.amplitude[:, 1:2] > 0).any(axis=1), harmonics.count, 0)
    phase_kernels.harmonic_envelopes(level, harmonics.spacing, counts, _STEP, envelope)
    cepstrum = np.fft.irfft(envelope, _FFT, axis=1)
    cepstrum[:, 1 : _FFT // 2] *= 2
    cepstrum[:, _FFT // 2 + 1 :] = 0
    minimum_phase = np.ascontiguousarray(np.fft.rfft(cepstrum, axis=1).imag)

    theta = harmonics.phase.copy()
    phase_kernels.subtract_at_multiples(minimum_phase, harmonics.spacing, counts, _STEP, theta)
    theta[:, 0] = 0
    distortion = wrap(np.diff(theta, axis=1) - theta[:, 1:2])
    return PhaseDistortion(harmonics.f0, counts, distortion[np.arange(1, theta.shape[1]) <= counts[:, None]])


@lru_cache(maxsize=1)
def band_edges() -> Int:
    """Return the first DFT bin of each of the 25 bands of HMPDM, shape (25,).

    COVAREP maps bin b of 512 as harmonic b + 1 of its log-harmonic scale: identity up to 8, then a quadratic Bezier
    curve with control points (8, 8), (25, 25), (512, 25).
    """
    harmonic = np.arange(1, _FFT // 2 + 1)
    t = np.linspace(0, 1, 101)
    x = (1 - t) ** 2 * 8 + 2 * t * (1 - t) * 25 + t**2 * 512
    y = (1 - t) ** 2 * 8 + 2 * t * (1 - t) * 25 + t**2 * 25
    scale = np.where(harmonic <= 8, harmonic, np.interp(harmonic, x, y))
    band = round_half_away(scale).astype(np.int64) - 1
    return np.searchsorted(band, np.arange(HMPDM_ORDER + 1))


STATISTICS = HMPDM_ORDER + 1 + HMPDD_ORDER + 1  # of a frame
ENDS_REACH = _DEVIATION_SPAN  # frames at either end of the recording whose deviation depends on rounding noise


def phase_statistics(runs: Iterable[PhaseDistortion], *, frames: int) -> Iterator[Float]:
    """Compute HMPDM and HMPDD of every frame, a run at a time.

    Parameters
    ----------
    runs : iterable of PhaseDistortion
        All frames of the recording in order; each run is read when it is needed.
    frames : int
        Their number.

    Yields
    ------
    ndarray, shape (n, 38)
        Of the next n frames: the circular mean of the phase distortion in 25 bands, in rad, smoothed over about 0.25 s,
        and the mel cepstrum, 13 coefficients, of the circular standard deviation (ln rad) of the distortion about its
        trend. NaN throughout for 72 frames or fewer, for which the smoothing is not defined.
    """
    if frames < _FEWEST_FRAMES:
        for run in runs:
            yield np.full((len(run.f0), STATISTICS), np.nan)
        return
    coming = iter(runs)
    held, begin = next(coming), 0  # frames from `begin` on
    above = np.random.default_rng(_SEED).uniform(-np.pi, np.pi, frames)
    anywhere = np.random.default_rng(_SEED).uniform(-np.pi, np.pi, _BINS)
    no_trend = np.stack((np.cos(anywhere), np.sin(anywhere)))
    for first in range(0, frames, _FRAMES_AT_ONCE):
        last = min(first + _FRAMES_AT_ONCE, frames)
        low, high = max(first - _MARGIN, 0), min(last + _MARGIN, frames)
        start, end = low == 0, high == frames
        while begin + len(held.f0) < high:
            held = held.joined(next(coming))
        held, begin = held.without(low - begin), low
        unit = _on_bins(held, above[low:high])

        smooth = [_mean_twice(_extended(part, _MEAN_SPAN - 1, start, end)) for part in unit]
        skip = first - low if start else 0  # smoothing shortens its input at block edges inside the recording
        rows = slice(skip, skip + last - first)
        mean = np.empty((last - first, HMPDM_ORDER + 1))
        phase_kernels.band_angles(smooth[0][rows], smooth[1][rows], band_edges(), mean)

        trend = [_trend(part, start, end) for part in unit]
        inner = slice(0 if start else _TREND_REACH, high - low - (0 if end else _TREND_REACH))
        relative = np.empty((2, *trend[0].shape))
        phase_kernels.detrended(unit[0, inner], unit[1, inner], trend[0], trend[1], _NO_TREND, no_trend, relative)
        resultant = np.hypot(
            *(_smoothed(_extended(part, _DEVIATION_SPAN - 1, start, end), _DEVIATION_WEIGHTS) for part in relative)
        )
        skip = first - low if start else _MARGIN - _TREND_REACH - (_DEVIATION_SPAN - 1)
        spread = _circular_deviation(resultant[skip : skip + last - first])
        yield np.concatenate((mean, mel_cepstrum(spread, HMPDD_ORDER)), axis=1)


def _on_bins(distortion: PhaseDistortion, above: Float) -> Float:
    """Interpolate the phase distortion of the first frames, as many as `above` has, to the bins of the DFT.

    The interpolation is linear between the harmonics, from 0 at 0 Hz and towards a random phase above the last
    harmonic. The distortion of a silent frame is 0, as in COVAREP.

    Returns
    -------
    ndarray, shape (2, frames, 513)
        Cosine and sine.
    """
    frames = len(above)
    out = np.empty((2, frames, _BINS))
    count = distortion.count[:frames]
    phase_kernels.phasors_on_bins(
        distortion.values, np.cumsum(count), count, distortion.f0[:frames], above, _STEP, out[0], out[1]
    )
    return out


def _extended(rows: Float, reach: int, start: bool, end: bool) -> Float:
    """Add the odd reflection 2 v[0] - v[k] of `reach` rows at the ends of the recording (`start`, `end`)."""
    parts = [rows]
    if start:
        parts.insert(0, 2 * rows[:1] - rows[reach:0:-1])
    if end:
        parts.append(2 * rows[-1:] - rows[-2 : -reach - 2 : -1])
    return np.concatenate(parts) if len(parts) > 1 else rows


def _mean_twice(rows: Float) -> Float:
    """Apply a running mean over 25 rows twice: a triangular window of 24 rows to either side."""
    for _ in range(2):
        out = np.empty((len(rows) - _MEAN_SPAN + 1, rows.shape[1]))
        phase_kernels.running_mean(rows, out)
        rows = out
    return rows


_SMOOTHER = 0.5 * (1 - np.cos(2 * np.pi * np.arange(_TREND_SPAN) / (_TREND_SPAN - 1)))  # Hann with zero ends
_KERNEL = np.convolve(_SMOOTHER, _SMOOTHER)[1:-1] / _SMOOTHER.sum() ** 2  # its ends are zero
_TREND_REACH = _TREND_SPAN // 2 + _TREND_SPAN - 1
# The mean over nine frames, twice. A mean of phasors that are all 1 is exactly 1.
_DEVIATION_WEIGHTS = np.convolve(np.ones(_DEVIATION_SPAN), np.ones(_DEVIATION_SPAN))


def _smoothed(rows: Float, weights: Float) -> Float:
    out = np.empty((len(rows) - len(weights) + 1, rows.shape[1]))
    phase_kernels.smooth_rows(rows, weights, out)
    out /= weights.sum()
    return out


def _trend(part: Float, start: bool, end: bool) -> Float:
    """Smooth one part of unit phasors along time: running median of 9, then a Hann window twice.

    At the ends of the recording the running median's zero padding makes most medians zero, and the odd reflection keeps
    them zero: COVAREP's trend there is the angle of rounding noise, different in every bin. A fixed angle would not
    average out, so that `phase_statistics` takes one at random for each bin.
    """
    reach = _TREND_SPAN // 2
    padded = np.pad(part, ((reach if start else 0, reach if end else 0), (0, 0)))
    medians = np.empty((len(padded) - 2 * reach, part.shape[1]))
    phase_kernels.median_of_nine(padded, medians)
    return _smoothed(_extended(medians, _TREND_SPAN - 1, start, end)[1:-1], _KERNEL)


def _circular_deviation(resultant: Float) -> Float:
    """Compute the circular standard deviation sqrt(-2 ln R) in rad, zeros replaced for the later logarithm."""
    with np.errstate(divide="ignore"):
        deviation = np.sqrt(-2 * np.log(np.minimum(resultant, 1.0)))
    deviation[:, 0] = deviation[:, 1]
    deviation[deviation == 0] = _NO_DEVIATION
    return np.asarray(deviation)
