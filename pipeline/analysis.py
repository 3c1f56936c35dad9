"""`Analysis`: everything mtmm-video says about one video. Reports are views of it, nothing else."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mtmm_video.foundation.errors import InputError
from mtmm_video.model.attention import whole_matrix
from mtmm_video.model.features import Modality, VideoFeatures
from mtmm_video.model.prediction_types import UtterancePrediction, VideoPrediction
from mtmm_video.pipeline.provenance import Provenance
from mtmm_video.pipeline.quality import Quality
from mtmm_video.pipeline.source import Source
from mtmm_video.pipeline.utterance import Utterance

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

# The methods of `Analysis` are views that live in their own modules; what those import is loaded when they are called.
# ruff: noqa: PLC0415


@dataclass(frozen=True)
class LabelledUtterance:
    """An utterance with its labels, flags (names in `FLAGS`) and quality figures.

    Attributes
    ----------
    uncertain : bool
        Whether the sentiment label is less probable than the user asks for; headlines and shares leave it out.
    """

    utterance: Utterance
    prediction: UtterancePrediction
    flags: tuple[str, ...]
    quality: Quality
    uncertain: bool = False


@dataclass(frozen=True, repr=False)
class Analysis:
    """One analysed video.

    Attributes
    ----------
    source : Source
        The file.
    utterances : tuple of LabelledUtterance
        In order of time; empty where nothing was said.
    features : VideoFeatures
        The utterance means that the model saw, per modality.
    prediction : VideoPrediction
        Labels again as the model gave them, with the attention per pair of modalities.
    provenance : Provenance
        How it was made.
    notes : tuple of str
        What a reader of the whole file should know, in plain sentences: missing tracks, absent columns.
    """

    source: Source
    utterances: tuple[LabelledUtterance, ...]
    features: VideoFeatures
    prediction: VideoPrediction
    provenance: Provenance
    notes: tuple[str, ...] = field(default=())

    def __repr__(self) -> str:
        shares = Counter(entry.prediction.sentiment for entry in self.utterances)
        counts = ", ".join(f"{count} {name}" for name, count in shares.most_common())
        return (
            f"<Analysis of {self.source.name}: {self.source.duration:.1f} s, {len(self.utterances)} utterances"
            f"{f' ({counts})' if counts else ''}>"
        )

    def _repr_html_(self) -> str:
        """Return what a notebook shows: a table of the utterances."""
        from mtmm_video.pipeline.reports.notebook import to_notebook_html

        return to_notebook_html(self)

    def to_frame(self, *, features: bool = False) -> pd.DataFrame:
        """Return a data frame with a row per utterance, see `pipeline.reports.frame.to_frame`."""
        from mtmm_video.pipeline.reports.frame import to_frame

        return to_frame(self, features=features)

    def to_json(self) -> str:
        """Return the JSON report, see `pipeline.reports.json_report.to_json`."""
        from mtmm_video.pipeline.reports.json_report import to_json

        return to_json(self)

    def plot_timeline(self, *, width: float = 10.0) -> Figure:
        """Return a figure of sentiment and emotions over time, see `pipeline.reports.plot.plot_timeline`."""
        from mtmm_video.pipeline.reports.plot import plot_timeline

        return plot_timeline(self, width=width)

    def attention(self, asks: Modality, looked_at: Modality) -> NDArray[np.float32]:
        """Return the attention of one modality to another.

        Parameters
        ----------
        asks, looked_at : "text", "acoustic" or "visual"

        Returns
        -------
        ndarray, shape (u, u)
            Row i holds the weights that `asks` of utterance i gives to `looked_at` of every utterance; rows sum to 1.
            This is N1 of the pair (Algorithm 1 of the paper), or N2 where the model has the pair the other way round.
            Of more than 300 utterances a row has its 64 largest weights and 0 elsewhere, unless ``attention`` was among
            the formats of the analysis.

        Raises
        ------
        InputError
            If the model does not attend over this pair.
        """
        matrices = self.prediction.attention
        if (asks, looked_at) in matrices:
            return whole_matrix(matrices[asks, looked_at][0])
        if (looked_at, asks) in matrices:
            return whole_matrix(matrices[looked_at, asks][1])
        known = "; ".join(", ".join(pair) for pair in matrices) or "none at all"
        raise InputError(f"attention: the model has no pair ({asks}, {looked_at}); it has: {known}")
