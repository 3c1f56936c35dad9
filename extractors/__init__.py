"""Signals to numbers: speech recognition, text, acoustic (COVAREP-74) and visual (FACET-35) features.

Extractors take arrays (waveform, frames), not files, and know neither Prefect nor the model.
"""
