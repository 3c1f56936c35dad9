"""Lists like the paper's Tables 6 and 8: what was said, what annotators felt, what the models say."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from model.labels import EMOTIONS
from model.paper_tables import markdown
from model.prediction_types import UtterancePrediction, VideoPrediction
from model.table import Labels

LONGEST_TEXT = 90  # characters of a transcript that a list shows


def actual_sentiment(labels: Labels, row: int) -> str:
    """Return an annotation as ``Pos``, ``Neg``, or ``?`` where there is none."""
    value = labels.sentiment[row]
    return "?" if np.isnan(value) else ("Pos" if value >= 0.5 else "Neg")


def actual_emotions(labels: Labels, row: int) -> str:
    """Return annotated emotions, ``No class`` where none was felt, ``?`` where nobody annotated."""
    values = labels.emotion[row, : len(EMOTIONS)]
    if np.isnan(values).any():
        return "?"
    return name_list([name for name, value in zip(EMOTIONS, values, strict=True) if value >= 0.5])


def name_list(emotions: Sequence[str]) -> str:
    """Show emotions as the paper's tables do, in its order."""
    return ", ".join(name.capitalize() for name in EMOTIONS if name in emotions) or "No class"


def short(text: str) -> str:
    """Cut a transcript to `LONGEST_TEXT` characters; ``|`` would end a table's cell."""
    flat = " ".join(text.split()).replace("|", "/")
    return flat if len(flat) <= LONGEST_TEXT else flat[: LONGEST_TEXT - 1] + "…"


def said_sentiment(prediction: UtterancePrediction) -> str:
    """Show a predicted sentiment as ``Pos`` or ``Neg``."""
    return "Pos" if prediction.sentiment == "positive" else "Neg"


def utterance_list(texts: Sequence[str], prediction: VideoPrediction, *, labels: Labels | None) -> str:
    """Lay out Table 6: every utterance of a video with its annotations, where there are any, and its labels."""
    header = ["", "utterance", "sentiment", "probability", "emotions"]
    if labels is not None:
        header += ["actual sentiment", "actual emotions"]
    rows = []
    for index, (text, said) in enumerate(zip(texts, prediction.utterances, strict=True)):
        row = [
            f"u{index + 1}",
            short(text),
            said_sentiment(said),
            f"{said.sentiment_probabilities[said.sentiment]:.2f}",
        ]
        row.append(name_list(said.emotions))
        if labels is not None:
            row += [actual_sentiment(labels, index), actual_emotions(labels, index)]
        rows.append(row)
    return markdown(header, rows)


def disagreement_list(
    texts: Sequence[str], labels: Labels, first: VideoPrediction, second: VideoPrediction, *, names: tuple[str, str]
) -> str:
    """Lay out Table 8: the utterances of a video on which two models differ, with what annotators felt."""
    header = ["", "utterance", "actual", *names, "actual emotions", *(f"{name} emotions" for name in names)]
    rows = []
    for index, (a, b) in enumerate(zip(first.utterances, second.utterances, strict=True)):
        if a.sentiment == b.sentiment and set(a.emotions) == set(b.emotions):
            continue
        rows.append(
            [
                *(f"u{index + 1}", short(texts[index]), actual_sentiment(labels, index)),
                *(said_sentiment(a), said_sentiment(b), actual_emotions(labels, index)),
                *(name_list(a.emotions), name_list(b.emotions)),
            ]
        )
    return markdown(header, rows)
