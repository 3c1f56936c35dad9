"""Coefficients of the three high-pass filters of the acoustic analysis, designed once.

`benchmarks/design_filters.py` designs them with scipy.signal and writes `FILTERS_FILE`; an analysis reads the result,
because the import of scipy.signal takes as long as the columns of some 10 s of sound.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from safetensors.numpy import load_file

from mtmm_video.extractors.acoustic.dsp import Float

FILTERS_FILE = Path(__file__).parent / "filters.safetensors"


@dataclass(frozen=True)
class Filters:
    """The filters, for 16 kHz.

    Attributes
    ----------
    polarity : ndarray, shape (5, 6)
        Second-order sections of an elliptic high-pass: pass edge 480 Hz (3 dB ripple), stop edge given as 500 Hz
        (60 dB); order 9.
    closures : ndarray, shape (3, 6)
        Second-order sections of an elliptic high-pass: pass edge 50 Hz (3 dB), stop edge 30 Hz (60 dB); order 5.
    glottal_flow : ndarray, shape (301,)
        Linear-phase least-squares FIR: gain 0 up to 40 Hz, 1 from 70 Hz.
    """

    polarity: Float
    closures: Float
    glottal_flow: Float


@cache
def filters() -> Filters:
    """Read the filters, once per process."""
    return Filters(**load_file(FILTERS_FILE))
