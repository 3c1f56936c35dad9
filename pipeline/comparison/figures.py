"""Figures of agreement between a model and people, and among people."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtmm_video.model.agreement import FIGURES, confusion, krippendorff_alpha
from mtmm_video.model.labels import EMOTIONS
from mtmm_video.model.metrics import area_under_roc
from mtmm_video.model.paper.bootstrap import FEWEST_VIDEOS, multiplicities
from mtmm_video.pipeline.comparison.alignment import Alignment, said_emotion, said_polarity
from mtmm_video.pipeline.corpora.segment import POLARITIES


@dataclass(frozen=True)
class Question:
    """One question that people and the model answered for the same utterances.

    Attributes
    ----------
    name : str
        For instance ``sentiment, three-way``.
    categories : tuple of str
        The answers, in order.
    people : ndarray, shape (annotators, n)
        Numbers of categories; NaN where one did not answer.
    said : ndarray, shape (n,)
        The model's answers.
    scores : ndarray, shape (n,), or None
        The model's probability of the second of two categories.
    ordered : bool
        Whether the order of the categories means something.
    """

    name: str
    categories: tuple[str, ...]
    people: NDArray[np.float64]
    said: NDArray[np.float64]
    scores: NDArray[np.float64] | None = None
    ordered: bool = False

    @property
    def majority(self) -> NDArray[np.float64]:
        """Most frequent answer of the people per utterance, shape (n,); NaN where two are equally frequent.

        Of two categories, the second wins a tie: an emotion counts as felt when half of the people felt it.
        """
        votes = np.stack([(self.people == category).sum(axis=0) for category in range(len(self.categories))])
        best = votes.max(axis=0)
        tied = (votes == best).sum(axis=0) > 1
        chosen: NDArray[np.float64] = votes.argmax(axis=0).astype(np.float64)
        chosen[tied] = 1.0 if len(self.categories) == 2 and not self.ordered else np.nan
        chosen[best == 0] = np.nan
        return chosen


@dataclass(frozen=True)
class Agreement:
    """The figures of one question.

    Attributes
    ----------
    question : Question
    answered : int
        Utterances that the people answered with a majority.
    figures : mapping of str to float or None
        Model against the majority: those of `model.agreement.FIGURES` and ``auroc``; None where one is not defined.
    intervals : mapping of str to (float, float)
        95 % over resampled videos; empty below `FEWEST_VIDEOS`.
    confusion : ndarray, shape (K, K)
        People in rows, model in columns.
    among_people : mapping of str to float or None
        With several annotators: ``alpha_nominal``, ``alpha_ordinal``, ``kappa`` (mean over pairs), and ``accuracy`` and
        ``f1_weighted`` of one person against the majority of the others (mean), which is the ceiling.
    """

    question: Question
    answered: int
    figures: Mapping[str, float | None]
    intervals: Mapping[str, tuple[float, float]]
    confusion: NDArray[np.float64]
    among_people: Mapping[str, float | None] = field(default_factory=dict)


def questions(alignment: Alignment) -> list[Question]:
    """Return what people answered: three-way and two-way sentiment, and each emotion."""
    units = alignment.units
    found = []
    polarity = np.stack([alignment.polarity(name) for name in alignment.annotators])
    if (~np.isnan(polarity)).any():
        said = said_polarity(units)
        positive = np.array([1 - unit.said.prediction.sentiment_probabilities["negative"] for unit in units])
        classes = np.stack([alignment.classes(name) for name in alignment.annotators])
        found.append(Question("sentiment, three-way", POLARITIES, classes, said, ordered=True))
        found.append(
            Question(
                "sentiment, neutral as positive",
                ("negative", "positive"),
                np.where(np.isnan(polarity), np.nan, polarity > 0),
                (said > 0).astype(np.float64),
                positive,
            )
        )
        left_out = np.where(polarity == 1, np.nan, polarity > 1).astype(np.float64)
        left_out[np.isnan(polarity)] = np.nan
        if (~np.isnan(left_out)).any() and (polarity == 1).any():
            found.append(
                Question(
                    "sentiment, neutral left out",
                    ("negative", "positive"),
                    left_out,
                    (said > 0).astype(np.float64),
                    positive,
                )
            )
    for emotion in EMOTIONS:
        felt = np.stack([alignment.emotion(name, emotion) for name in alignment.annotators])
        if (~np.isnan(felt)).any():
            named, probability = said_emotion(units, emotion)
            found.append(Question(emotion, ("absent", "present"), felt, named, probability))
    return found


def agreement(question: Question, *, videos: Sequence[str], resamplings: int = 1000, seed: int = 1) -> Agreement:
    """Compute the figures of one question.

    Parameters
    ----------
    question : Question
        Of n utterances.
    videos : sequence of str, length n
        Which video each is of.
    resamplings : int
        Of the videos, for the intervals; 0 for none.
    seed : int
        Of the resampling.
    """
    truth = question.majority
    size = len(question.categories)
    names = list(dict.fromkeys(videos))
    place = np.array([names.index(video) for video in videos])
    per_video = np.stack(
        [confusion(truth[place == row], question.said[place == row], categories=size) for row in range(len(names))]
    )
    counts = per_video.sum(axis=0)
    wanted = [name for name in FIGURES if question.ordered or name != "alpha_ordinal"]
    figures = {name: _number(float(FIGURES[name](counts))) for name in wanted}
    known = ~np.isnan(truth)
    if question.scores is not None and known.any():
        figures["auroc"] = _number(area_under_roc(truth[known] >= 0.5, question.scores[known]))
    spans: dict[str, tuple[float, float]] = {}
    answered_videos = int((per_video.sum(axis=(1, 2)) > 0).sum())
    if resamplings and answered_videos >= FEWEST_VIDEOS:
        weights = multiplicities(len(names), resamplings=resamplings, seed=seed)
        drawn = np.einsum("rv,vij->rij", weights, per_video)
        values = {name: FIGURES[name](drawn) for name in wanted}
        if "auroc" in figures and question.scores is not None:
            values["auroc"] = _resampled_auroc(truth[known], question.scores[known], place[known], weights)
        spans = {name: _interval(each) for name, each in values.items() if not np.isnan(each).all()}
    return Agreement(question, int(known.sum()), figures, spans, counts, among(question))


def among(question: Question) -> dict[str, float | None]:
    """Return how far the people agree with each other; empty for one."""
    people, size = question.people, len(question.categories)
    if len(people) < 2:
        return {}
    pairs = [confusion(one, other, categories=size) for one, other in itertools.combinations(people, 2)]
    kappas = [float(FIGURES["kappa"](pair)) for pair in pairs if pair.sum()]
    found: dict[str, float | None] = {
        "alpha_nominal": _number(krippendorff_alpha(people, categories=size, level="nominal")),
        "kappa": _mean(kappas),
    }
    if question.ordered:
        found["alpha_ordinal"] = _number(krippendorff_alpha(people, categories=size, level="ordinal"))
    for name in ("accuracy", "f1_weighted"):
        against = []
        for row in range(len(people)):
            others = Question(
                question.name,
                question.categories,
                np.delete(people, row, axis=0),
                question.said,
                None,
                question.ordered,
            )
            counts = confusion(others.majority, people[row], categories=size)
            if counts.sum():
                against.append(float(FIGURES[name](counts)))
        found[name] = _mean(against)
    return found


def to_content(results: Sequence[Agreement], alignment: Alignment) -> dict[str, Any]:
    """Return what ``compare --json`` writes."""
    return {
        "utterances": len(alignment.units),
        "videos": len({unit.video for unit in alignment.units}),
        "annotators": list(alignment.annotators),
        "annotations_without_utterance": list(alignment.unmatched),
        "videos_without_report": list(alignment.other_videos),
        "questions": [
            {
                "name": each.question.name,
                "categories": list(each.question.categories),
                "answered": each.answered,
                "figures": dict(each.figures),
                "intervals_95": {name: list(span) for name, span in each.intervals.items()},
                "confusion": each.confusion.astype(int).tolist(),
                "among_people": dict(each.among_people),
            }
            for each in results
        ],
    }


def _resampled_auroc(
    truth: NDArray[np.float64], scores: NDArray[np.float64], place: NDArray[np.intp], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the AUROC for each row of weights of videos."""
    order = np.argsort(scores, kind="stable")
    ranked, positive = scores[order], truth[order] >= 0.5
    _, tie = np.unique(ranked, return_inverse=True)
    found = []
    for row in weights:
        weight = row[place[order]]
        negatives = np.bincount(tie, weights=weight * ~positive)
        below = np.cumsum(negatives) - negatives / 2  # of the negatives, ties counting half
        hits, total = float((weight * positive * below[tie]).sum()), float((weight * positive).sum())
        pairs = total * float(negatives.sum())
        found.append(hits / pairs if pairs else np.nan)
    return np.array(found)


def _interval(values: NDArray[np.float64]) -> tuple[float, float]:
    low, high = np.nanpercentile(values, (2.5, 97.5))
    return float(low), float(high)


def _mean(values: Sequence[float]) -> float | None:
    known = [value for value in values if not math.isnan(value)]
    return float(np.mean(known)) if known else None


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
