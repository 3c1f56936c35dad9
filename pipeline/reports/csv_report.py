"""The CSV report: one row per utterance."""

from __future__ import annotations

import csv
import io

from mtmm_video.model.labels import EMOTIONS
from mtmm_video.pipeline.analysis import Analysis, LabelledUtterance

COLUMNS: tuple[str, ...] = (
    "index",
    "start",  # seconds
    "end",  # seconds
    "text",
    "speaker",
    "sentiment",
    "sentiment_probability",  # of the label in `sentiment`
    "sentiment_intensity",  # in [-3, 3]; empty for a checkpoint without an intensity head
    *EMOTIONS,  # probabilities in [0, 1]
    "emotions",  # those above their thresholds, separated by semicolons
    "flags",  # separated by semicolons
    "modalities",  # separated by semicolons
)


def to_csv(analysis: Analysis) -> str:
    """Format an analysis as CSV (RFC 4180 quoting, newline endings) with the header `COLUMNS`.

    Parameters
    ----------
    analysis : Analysis

    Returns
    -------
    str
        The header and a row per utterance; times in seconds with three decimals, probabilities with four.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(_row(labelled) for labelled in analysis.utterances)
    return text.getvalue()


def _row(labelled: LabelledUtterance) -> list[str]:
    utterance, prediction = labelled.utterance, labelled.prediction
    intensity = prediction.sentiment_intensity
    return [
        str(utterance.index),
        f"{utterance.start:.3f}",
        f"{utterance.end:.3f}",
        utterance.text,
        utterance.speaker or "",
        prediction.sentiment,
        f"{prediction.sentiment_probabilities[prediction.sentiment]:.4f}",
        "" if intensity is None else f"{intensity:.4f}",
        *(f"{prediction.emotion_probabilities[emotion]:.4f}" for emotion in EMOTIONS),
        ";".join(prediction.emotions),
        ";".join(labelled.flags),
        ";".join(prediction.modalities_used),
    ]
