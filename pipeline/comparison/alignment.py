"""Which annotation speaks of which utterance: by overlap in time.

The units are the model's utterances. A person's annotation counts for the utterance that it overlaps longest, if they
share at least half of the shorter of the two; of several annotations of one person for an utterance, the one that
overlaps it longest counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mtmm_video.foundation.errors import InputError
from mtmm_video.model.labels import EMOTIONS
from mtmm_video.model.neutral import classes_of
from mtmm_video.pipeline.analysis import Analysis, LabelledUtterance
from mtmm_video.pipeline.corpora.segment import POLARITIES, LabelledSegment, SegmentLabels

LEAST_SHARE = 0.5  # of the shorter of annotation and utterance
ONE_PERSON = "one person"


@dataclass(frozen=True)
class Unit:
    """An utterance of a report with what people said about it.

    Attributes
    ----------
    video : str
        Name of the report.
    said : LabelledUtterance
        What the model says.
    people : mapping of str to SegmentLabels
        By annotator; those who did not label it are missing.
    """

    video: str
    said: LabelledUtterance
    people: Mapping[str, SegmentLabels]


@dataclass(frozen=True)
class Alignment:
    """Reports and annotations, laid beside each other.

    Attributes
    ----------
    units : tuple of Unit
        All utterances of all reports that somebody annotated.
    annotators : tuple of str
        Who.
    unmatched : tuple of str
        Annotations that meet no utterance, by their origin.
    other_videos : tuple of str
        Annotated videos without a report.
    """

    units: tuple[Unit, ...]
    annotators: tuple[str, ...]
    unmatched: tuple[str, ...]
    other_videos: tuple[str, ...]

    def classes(self, annotator: str) -> NDArray[np.float64]:
        """Return an annotator's three-way sentiment per unit: numbers of `POLARITIES`, NaN where there is none.

        What was given as a number is neutral where the model calls such numbers neutral (`model.neutral.classes_of`).
        """
        people = [unit.people.get(annotator) for unit in self.units]
        numbers = [np.nan if labels is None or labels.sentiment is None else labels.sentiment for labels in people]
        cut = classes_of(np.array(numbers, np.float64))
        return np.where(cut < 0, self.polarity(annotator), cut).astype(np.float64)

    def polarity(self, annotator: str) -> NDArray[np.float64]:
        """Return the sign of an annotator's sentiment per unit: numbers of `POLARITIES`, NaN where there is none."""
        return np.array(
            [
                np.nan if labels is None or labels.polarity is None else POLARITIES.index(labels.polarity)
                for labels in (unit.people.get(annotator) for unit in self.units)
            ]
        )

    def emotion(self, annotator: str, emotion: str) -> NDArray[np.float64]:
        """Return whether an annotator felt an emotion per unit: 0, 1, or NaN."""
        return np.array(
            [
                np.nan if labels is None or labels.emotions is None else labels.emotions[emotion]
                for labels in (unit.people.get(annotator) for unit in self.units)
            ]
        )


def align(analyses: Sequence[Analysis], annotations: Sequence[LabelledSegment]) -> Alignment:
    """Lay annotations beside reports.

    A video is told by its name: that of the annotated file, or of its column ``video``, without suffix, against the
    report's. Annotations without times count for a whole report that has one utterance.

    Raises
    ------
    InputError
        If two reports have one name, or no annotation belongs to a report.
    """
    by_name: dict[str, Analysis] = {}
    for analysis in analyses:
        if analysis.source.name in by_name:
            raise InputError(f"{analysis.source.name}: two reports have this name; compare them one by one")
        by_name[analysis.source.name] = analysis
    people: dict[str, list[dict[str, SegmentLabels]]] = {
        name: [{} for _ in analysis.utterances] for name, analysis in by_name.items()
    }
    reached: dict[tuple[str, int, str], float] = {}
    annotators: dict[str, None] = {}
    unmatched: list[str] = []
    others: dict[str, None] = {}
    annotated: set[str] = set()
    for annotation in annotations:
        name = next((each for each in _names(annotation) if each in by_name), None)
        if name is None:
            others[_names(annotation)[-1]] = None
            continue
        annotated.add(name)
        annotator = annotation.annotator or ONE_PERSON
        annotators[annotator] = None
        found = _longest(annotation, by_name[name])
        if found is None:
            unmatched.append(annotation.origin)
            continue
        row, seconds = found
        if seconds > reached.get((name, row, annotator), 0.0):
            reached[name, row, annotator] = seconds
            people[name][row][annotator] = annotation.labels
    if not annotated:
        given, known = ", ".join(list(others)[:3]), ", ".join(list(by_name)[:3])
        raise InputError(f"the annotations are of {given or 'nothing'}, the reports of {known}: no name in common")
    units = tuple(
        Unit(name, entry, people[name][row])
        for name, analysis in by_name.items()
        if name in annotated
        for row, entry in enumerate(analysis.utterances)
    )
    return Alignment(units, tuple(annotators), tuple(unmatched), tuple(others))


def _names(annotation: LabelledSegment) -> list[str]:
    return [annotation.file.name, annotation.file.stem, annotation.video, Path(annotation.video).stem]


def _longest(annotation: LabelledSegment, analysis: Analysis) -> tuple[int, float] | None:
    """Return the utterance that an annotation overlaps longest, and for how many seconds; None where none is met."""
    entries = [entry.utterance for entry in analysis.utterances]
    if annotation.start is None or annotation.end is None:
        return (0, analysis.source.duration) if len(entries) == 1 else None
    best: tuple[int, float] | None = None
    for row, utterance in enumerate(entries):
        shared = min(annotation.end, utterance.end) - max(annotation.start, utterance.start)
        shorter = min(annotation.end - annotation.start, utterance.end - utterance.start)
        if shared > 0 and shared >= LEAST_SHARE * shorter and (best is None or shared > best[1]):
            best = row, shared
    return best


def said_polarity(units: Sequence[Unit]) -> NDArray[np.float64]:
    """Return the model's sentiment per unit: numbers of `POLARITIES`."""
    return np.array([float(POLARITIES.index(unit.said.prediction.sentiment)) for unit in units])


def said_emotion(units: Sequence[Unit], emotion: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return whether the model names an emotion per unit, 0 or 1, and its probability."""
    assert emotion in EMOTIONS
    named = np.array([float(emotion in unit.said.prediction.emotions) for unit in units])
    return named, np.array([unit.said.prediction.emotion_probabilities[emotion] for unit in units])
