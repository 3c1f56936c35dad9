"""The paper's network: data tables, training, metrics, checkpoints, prediction.

Takes utterance tables, not videos; knows neither extractors nor Prefect.
"""
