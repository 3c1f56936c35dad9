"""Design of the filters that `extractors/acoustic/filter_design.py` reads.

Usage: python -m benchmarks.design_filters

Writes `FILTERS_FILE`. The designs are COVAREP's (Degottex et al., ICASSP 2014) at 16 kHz.
"""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save
from scipy import signal

from mtmm_video.extractors.acoustic.filter_design import FILTERS_FILE, Filters
from mtmm_video.extractors.sample_rate import SAMPLE_RATE
from mtmm_video.foundation.files import write_bytes

GLOTTAL_TAPS = 301


def design() -> Filters:
    """Design the three filters."""
    edges, gains = [0, 40, 70, SAMPLE_RATE / 2], [0, 0, 1, 1]
    return Filters(
        polarity=elliptic_high_pass(480, 500),
        closures=elliptic_high_pass(50, 30),
        glottal_flow=np.asarray(signal.firls(GLOTTAL_TAPS, edges, gains, fs=SAMPLE_RATE)),
    )


def elliptic_high_pass(pass_edge: float, stop_edge: float) -> NDArray[np.float64]:
    """Design second-order sections of least order with 3 dB at one edge, Hz, and 60 dB at the other."""
    order, edge = signal.ellipord(pass_edge, stop_edge, 3, 60, fs=SAMPLE_RATE)
    return np.asarray(signal.ellip(order, 3, 60, edge, "highpass", output="sos", fs=SAMPLE_RATE))


if __name__ == "__main__":
    write_bytes(FILTERS_FILE, save(asdict(design())))
