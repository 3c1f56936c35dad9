"""Feature extraction: speech recognition, text, acoustic (COVAREP-74) and visual (FACET-35) features.

Extractors take arrays (waveforms, frames), not files, and import neither Prefect nor the model.
"""
