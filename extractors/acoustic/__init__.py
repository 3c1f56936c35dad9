"""COVAREP-74: the acoustic features of CMU-MOSI and CMU-MOSEI, computed in Python.

>>> from mtmm_video.extractors.acoustic import covarep
>>> stream = covarep(waveform, sample_rate=16_000)  # doctest: +SKIP
>>> stream.column("F0")  # doctest: +SKIP
"""

from mtmm_video.extractors.acoustic.columns import COVAREP_NAMES, COVAREP_VERSION, UNITS
from mtmm_video.extractors.acoustic.covarep import covarep

__all__ = ["COVAREP_NAMES", "COVAREP_VERSION", "UNITS", "covarep"]
