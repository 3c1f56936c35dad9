"""Lists in the layout of the paper's Tables 6 and 8: transcripts, annotations and predictions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mtmm_video.foundation.errors import InputError
from mtmm_video.model.labels import EMOTIONS
from mtmm_video.model.paper.tables import ABSENT, markdown
from mtmm_video.model.prediction_types import UtterancePrediction, VideoPrediction
from mtmm_video.model.table import Labels, UtteranceTable

LONGEST_TEXT = 90  # characters of a transcript in a list
BOTH_TASKS = ("sentiment", "emotion")


def actual_sentiment(labels: Labels, row: int) -> str:
    """Format a sentiment annotation as ``Pos``, ``Neg``, or ``?`` if it is missing."""
    value = labels.sentiment[row]
    return "?" if np.isnan(value) else ("Pos" if value >= 0.5 else "Neg")


def actual_emotions(labels: Labels, row: int) -> str:
    """Format annotated emotions; ``No class`` without an emotion, ``?`` without annotation."""
    values = labels.emotion[row, : len(EMOTIONS)]
    if np.isnan(values).any():
        return "?"
    return name_list([name for name, value in zip(EMOTIONS, values, strict=True) if value >= 0.5])


def name_list(emotions: Sequence[str]) -> str:
    """Format emotions as in the paper's tables, in its order."""
    return ", ".join(name.capitalize() for name in EMOTIONS if name in emotions) or "No class"


def short(text: str) -> str:
    """Truncate a transcript to `LONGEST_TEXT` characters and replace ``|``, the cell separator of Markdown tables."""
    flat = " ".join(text.split()).replace("|", "/")
    return flat if len(flat) <= LONGEST_TEXT else flat[: LONGEST_TEXT - 1] + "…"


def binary_probability(prediction: UtterancePrediction) -> float:
    """Return the probability of the paper's label, of two classes."""
    return max(prediction.positive_binary, 1.0 - prediction.positive_binary)


def predicted_sentiment(prediction: UtterancePrediction) -> str:
    """Format a predicted sentiment as ``Pos`` or ``Neg``."""
    return "Pos" if prediction.sentiment_binary == "positive" else "Neg"


def utterance_list(
    texts: Sequence[str], prediction: VideoPrediction, *, labels: Labels | None, tasks: Collection[str] = BOTH_TASKS
) -> str:
    """Format Table 6: every utterance of a video with its predicted labels and, if there are any, its annotations.

    Parameters
    ----------
    texts : sequence of str
        Transcripts.
    prediction : VideoPrediction
        Of the same utterances.
    labels : Labels or None
        Annotations.
    tasks : collection of str
        Tasks of the model; the cells of other tasks are ``-``.
    """
    header = ["", "utterance", "sentiment", "probability", "emotions"]
    if labels is not None:
        header += ["actual sentiment", "actual emotions"]
    rows = []
    for index, (text, label) in enumerate(zip(texts, prediction.utterances, strict=True)):
        row = [f"u{index + 1}", short(text), ABSENT, ABSENT, ABSENT]
        if "sentiment" in tasks:
            row[2:4] = [predicted_sentiment(label), f"{binary_probability(label):.2f}"]
        if "emotion" in tasks:
            row[4] = name_list(label.emotions)
        if labels is not None:
            row += [actual_sentiment(labels, index), actual_emotions(labels, index)]
        rows.append(row)
    return markdown(header, rows)


def joined(predictions: Sequence[tuple[Collection[str], VideoPrediction]]) -> VideoPrediction:
    """Combine single-task predictions: each task is taken from the first prediction that has it.

    Parameters
    ----------
    predictions : sequence of (tasks, VideoPrediction)
        Of the same utterances.

    Raises
    ------
    InputError
        If sentiment or emotions are predicted by none of them.
    """
    found = {
        task: next((prediction for tasks, prediction in predictions if task in tasks), None) for task in BOTH_TASKS
    }
    missing = [task for task, prediction in found.items() if prediction is None]
    if missing:
        raise InputError(
            f"explain --against: one side does not predict {' or '.join(missing)}; compare multi-task checkpoints, or "
            "give two single-task ones, one --against each"
        )
    first, second = found["sentiment"], found["emotion"]
    assert first is not None
    assert second is not None
    utterances = tuple(
        replace(a, emotions=b.emotions, emotion_probabilities=b.emotion_probabilities)
        for a, b in zip(first.utterances, second.utterances, strict=True)
    )
    return VideoPrediction(utterances=utterances, attention=first.attention)


@dataclass(frozen=True)
class Example:
    """An annotated utterance with the predictions of two systems.

    Attributes
    ----------
    segment, text : str
        Its name in the corpus and its transcript.
    actual_sentiment : str
        ``Pos``, ``Neg`` or ``?``.
    actual_emotions : str
        In the format of `actual_emotions`.
    first, second : UtterancePrediction
        Of the two systems.
    """

    segment: str
    text: str
    actual_sentiment: str
    actual_emotions: str
    first: UtterancePrediction
    second: UtterancePrediction

    @property
    def differs(self) -> bool:
        """Whether the labels of the two systems differ."""
        a, b = self.first, self.second
        return a.sentiment != b.sentiment or set(a.emotions) != set(b.emotions)

    @property
    def gain(self) -> float:
        """Advantage of the first system: correctness of the sentiment plus F1 of the set of emotions."""
        return self._score(self.first) - self._score(self.second)

    def _score(self, prediction: UtterancePrediction) -> float:
        actual, predicted = set(self.actual_emotions.split(", ")), set(name_list(prediction.emotions).split(", "))
        return float(predicted_sentiment(prediction) == self.actual_sentiment) + 2 * len(actual & predicted) / (
            len(actual) + len(predicted)
        )


def examples_of(
    table: UtteranceTable, first: Sequence[VideoPrediction], second: Sequence[VideoPrediction]
) -> list[Example]:
    """Combine the predictions of two systems for every video of a table with its annotations."""
    by_system = [[one for video in predictions for one in video.utterances] for predictions in (first, second)]
    return [
        Example(
            segment=table.segments[row],
            text=table.texts[row],
            actual_sentiment=actual_sentiment(table.labels, row),
            actual_emotions=actual_emotions(table.labels, row),
            first=by_system[0][row],
            second=by_system[1][row],
        )
        for row in range(len(table))
    ]


def example_list(examples: Sequence[Example], *, names: tuple[str, str]) -> str:
    """Format Table 8: utterances with their annotations and the labels of two systems."""
    header = ["", "utterance", "actual", *names, "actual emotions", *(f"{name} emotions" for name in names)]
    rows = [
        [
            *(one.segment, short(one.text), one.actual_sentiment),
            *(predicted_sentiment(one.first), predicted_sentiment(one.second), one.actual_emotions),
            *(name_list(one.first.emotions), name_list(one.second.emotions)),
        ]
        for one in examples
    ]
    return markdown(header, rows)


def comparison_lists(examples: Sequence[Example], *, names: tuple[str, str], rows: int) -> str:
    """Format Table 8 for many videos, as two lists: utterances on which the first system is better, and the second.

    The paper has the first list only. Each list is preceded by the number of such utterances; the number of utterances
    per predicted emotion follows the lists (paper, section 5.5).

    Parameters
    ----------
    examples : sequence of Example
        All utterances of a split.
    names : tuple of str
        Of the two systems.
    rows : int
        Maximum length of each list; the largest differences come first.
    """
    ranked = sorted(examples, key=lambda one: -one.gain)
    better, worse = [one for one in ranked if one.gain > 0], [one for one in reversed(ranked) if one.gain < 0]
    parts = []
    for (title, other), found in ((names, better), ((names[1], names[0]), worse)):
        parts.append(f"{title} is closer to the annotations than {other} in {len(found):,} of {len(examples):,}")
        parts += [example_list(found[:rows], names=names)] if found else []
    counts = []
    for name in EMOTIONS:
        shown = name.capitalize()
        predicted = [
            sum(name in prediction.emotions for prediction in side)
            for side in ([one.first for one in examples], [one.second for one in examples])
        ]
        actual = sum(shown in one.actual_emotions.split(", ") for one in examples)
        counts.append([shown, *(f"{count:,}" for count in (*predicted, actual))])
    parts += ["How many utterances carry an emotion", markdown(["emotion", *names, "actual"], counts)]
    return "\n\n".join(parts)
