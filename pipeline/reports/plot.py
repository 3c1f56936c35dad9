"""The timeline of a video as a matplotlib figure, for notebooks and papers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mtmm_video.model.labels import EMOTIONS
from mtmm_video.model.paper.figures import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from mtmm_video.pipeline.analysis import Analysis

SENTIMENT_COLOURS = {"positive": "#13806a", "neutral": "#8b8b84", "negative": "#c1502e"}  # as in the HTML report


def plot_timeline(analysis: Analysis, *, width: float = 10.0) -> Figure:
    """Plot sentiment and emotions over time.

    Parameters
    ----------
    analysis : Analysis
    width : float
        Inches.

    Returns
    -------
    matplotlib.figure.Figure
        Upper axes: one bar per utterance, p(positive) - p(negative). Lower axes: a row per emotion, with the opacity of
        a cell equal to the probability, and a frame where the emotion is labelled.

    Raises
    ------
    DependencyError
        If matplotlib is not installed.
    """
    figure = new_figure(width, 4.2)
    above, below = figure.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": [1.4, 1]})
    starts = np.array([entry.utterance.start for entry in analysis.utterances])
    lengths = np.array([entry.utterance.end - entry.utterance.start for entry in analysis.utterances])
    for i, entry in enumerate(analysis.utterances):
        prediction = entry.prediction
        lean = prediction.sentiment_probabilities["positive"] - prediction.sentiment_probabilities["negative"]
        colour = SENTIMENT_COLOURS[prediction.sentiment]
        above.bar(starts[i], lean, width=lengths[i], align="edge", color=colour, edgecolor="white", linewidth=0.5)
        for row, emotion in enumerate(EMOTIONS):
            labelled = emotion in prediction.emotions
            below.barh(
                row,
                lengths[i],
                left=starts[i],
                height=0.8,
                color=(0.12, 0.24, 0.51, prediction.emotion_probabilities[emotion]),
                edgecolor="black" if labelled else "none",
                linewidth=0.8,
            )
    above.axhline(0, color="0.4", linewidth=0.8)
    above.set_ylim(-1.05, 1.05)
    above.set_yticks([-1, 0, 1], ["negative", "neutral", "positive"])
    above.set_title(analysis.source.name)
    below.set_yticks(range(len(EMOTIONS)), EMOTIONS)
    below.invert_yaxis()
    below.set_xlim(0, max(analysis.source.duration, float((starts + lengths).max(initial=0)), 0.1))
    below.set_xlabel("seconds")
    for axis in (above, below):
        axis.spines[["top", "right"]].set_visible(False)
    return figure
