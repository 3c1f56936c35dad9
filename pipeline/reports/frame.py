"""A pandas data frame of an analysis: one row per utterance, with quality figures and optionally features."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from mtmm_video.model.labels import EMOTION_CLASSES, SENTIMENTS
from mtmm_video.pipeline.quality import Quality

if TYPE_CHECKING:
    import pandas as pd

    from mtmm_video.pipeline.analysis import Analysis


def to_frame(analysis: Analysis, *, features: bool = False) -> pd.DataFrame:
    """Convert an analysis to a data frame.

    Parameters
    ----------
    analysis : Analysis
    features : bool
        True adds the utterance means, the input of the model, one column per feature, named ``modality.column``.

    Returns
    -------
    pandas.DataFrame
        One row per utterance, columns:

        * ``video``, ``index``, ``start``, ``end`` (seconds), ``duration``, ``text``, ``speaker``
        * ``sentiment``, ``probability_negative``, ``probability_positive``, ``sentiment_intensity``
        * ``anger`` to ``surprise`` and ``none`` (probabilities), ``emotions``, ``flags`` and ``modalities`` (tuples)
        * ``quality_*``: the fields of `pipeline.quality.Quality`
        * with `features`, float32 columns such as ``acoustic.F0``

        Missing measurements are NaN (None in columns of text).
    """
    import pandas as pd  # noqa: PLC0415 - its import takes half a second

    columns: dict[str, Any] = {
        "video": [analysis.source.name] * len(analysis.utterances),
        "index": np.array([entry.utterance.index for entry in analysis.utterances], dtype=np.int64),
        "start": _floats([entry.utterance.start for entry in analysis.utterances]),
        "end": _floats([entry.utterance.end for entry in analysis.utterances]),
        "duration": _floats([entry.utterance.end - entry.utterance.start for entry in analysis.utterances]),
        "text": [entry.utterance.text for entry in analysis.utterances],
        "speaker": [entry.utterance.speaker for entry in analysis.utterances],
        "sentiment": [entry.prediction.sentiment for entry in analysis.utterances],
    }
    predictions = [entry.prediction for entry in analysis.utterances]
    for name in SENTIMENTS:
        columns[f"probability_{name}"] = _floats([entry.sentiment_probabilities[name] for entry in predictions])
    columns["sentiment_intensity"] = _floats([entry.sentiment_intensity for entry in predictions])
    for name in EMOTION_CLASSES:
        columns[name] = _floats([entry.emotion_probabilities[name] for entry in predictions])
    columns["emotions"] = [entry.emotions for entry in predictions]
    columns["flags"] = [entry.flags for entry in analysis.utterances]
    columns["modalities"] = [entry.modalities_used for entry in predictions]
    for field in dataclasses.fields(Quality):
        columns[f"quality_{field.name}"] = _floats(
            [getattr(entry.quality, field.name) for entry in analysis.utterances]
        )
    if features:
        for modality, means in analysis.features.modalities.items():
            values = np.where(means.valid, means.values, np.float32("nan"))
            columns |= {f"{modality}.{name}": values[:, i] for i, name in enumerate(means.names)}
    return pd.DataFrame(columns)


def _floats(values: list[Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
