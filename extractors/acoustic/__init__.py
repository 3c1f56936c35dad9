"""COVAREP-74, the acoustic features of CMU-MOSI and CMU-MOSEI, computed in Python; and whisper's encoder states.

>>> from mtmm_video.extractors.acoustic.covarep import covarep
>>> stream = covarep(waveform, sample_rate=16_000)  # doctest: +SKIP
>>> stream.column("F0")  # doctest: +SKIP
"""
