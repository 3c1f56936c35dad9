"""A pandas data frame of an analysis: one row per utterance, with quality figures and optionally features."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from mtmm_video.pipeline.reports.columns import COLUMNS

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

        * those of `pipeline.reports.columns`, docs/columns.md; ``emotions``, ``flags`` and ``modalities`` hold tuples
        * with `features`, float32 columns such as ``acoustic.F0``

        Missing measurements are NaN (None in columns of text).
    """
    import pandas as pd  # noqa: PLC0415 - its import takes half a second

    columns: dict[str, Any] = {}
    for column in COLUMNS:
        values = [column.value(analysis, entry) for entry in analysis.utterances]
        if column.type == "count":
            columns[column.name] = np.array(values, dtype=np.int64)
        else:
            columns[column.name] = _floats(values) if column.type == "number" else values
    if features:
        for modality, means in analysis.features.modalities.items():
            means_or_nan = np.where(means.valid, means.values, np.float32("nan"))
            columns |= {f"{modality}.{name}": means_or_nan[:, i] for i, name in enumerate(means.names)}
    return pd.DataFrame(columns)


def to_frames(analyses: Iterable[Analysis], *, features: bool = False) -> pd.DataFrame:
    """Convert several analyses to one data frame: their rows one after the other, with a new index.

    Parameters
    ----------
    analyses : iterable of Analysis
    features : bool
        As in `to_frame`. A column that a video lacks is NaN in its rows.
    """
    import pandas as pd  # noqa: PLC0415 - as above

    frames = [to_frame(analysis, features=features) for analysis in analyses]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=[column.name for column in COLUMNS])


def _floats(values: list[Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
