"""`LabelledSegment`: one utterance of somebody's own corpus, with what people said about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from mtmm_video.model.labels import EMOTIONS

Polarity = Literal["negative", "neutral", "positive"]
POLARITIES: tuple[Polarity, ...] = ("negative", "neutral", "positive")


@dataclass(frozen=True)
class SegmentLabels:
    """What one person, or the mean of several, said about an utterance. None where they did not say.

    Attributes
    ----------
    sentiment : float or None
        In [-3, 3], where the corpus has numbers.
    polarity : str or None
        One of `POLARITIES`: as it was named, or the sign of the number.
    emotions : mapping of str to float, or None
        For each of the six emotions 1 where it is present, 0 where it is not. All 0 is "none".
    intensities : mapping of str to float, or None
        For each of the six emotions in [0, 3], where the corpus has intensities.
    """

    sentiment: float | None = None
    polarity: Polarity | None = None
    emotions: Mapping[str, float] | None = None
    intensities: Mapping[str, float] | None = None

    @property
    def empty(self) -> bool:
        """Whether nothing is said at all."""
        return self.polarity is None and self.emotions is None

    @classmethod
    def of_intensities(cls, intensities: Mapping[str, float]) -> Mapping[str, float]:
        """Return which emotions are present: those with an intensity above 0 (paper, section 5.1)."""
        return {name: float(intensities[name] > 0) for name in EMOTIONS}


def polarity_of(sentiment: float) -> Polarity:
    """Return the sign of a sentiment in [-3, 3] by name."""
    return "neutral" if sentiment == 0 else ("positive" if sentiment > 0 else "negative")


@dataclass(frozen=True)
class LabelledSegment:
    """An utterance of a labelled corpus, before anything is measured.

    Attributes
    ----------
    video : str
        The video or dialogue that it belongs to: what belongs together is read as one sequence.
    name : str
        Of the utterance, unique in the corpus, for instance ``dia0_utt3``.
    file : Path
        Where it is seen and heard.
    labels : SegmentLabels
        What people said about it.
    start, end : float or None
        Seconds in the file; None for both where the utterance is the whole file.
    speaker : str or None
        Who speaks.
    text : str or None
        What is said; None where it is to be recognised.
    split : str or None
        ``train``, ``valid`` or ``test`` where the corpus has splits.
    position : float
        Its place in the video: start, or a number that counts up.
    annotator : str or None
        Whose labels these are, where several people labelled the same utterances.
    origin : str
        Where it was read, for messages: ``labels.csv, row 12``.
    """

    video: str
    name: str
    file: Path
    labels: SegmentLabels
    start: float | None = None
    end: float | None = None
    speaker: str | None = None
    text: str | None = None
    split: str | None = None
    position: float = 0.0
    annotator: str | None = None
    origin: str = ""


@dataclass(frozen=True)
class Problem:
    """Why a row of a corpus cannot be used.

    Attributes
    ----------
    origin : str
        The row: ``labels.csv, row 12``.
    reason : str
        What is wrong with it and the way out.
    """

    origin: str
    reason: str

    def __str__(self) -> str:
        return f"{self.origin}: {self.reason}"


@dataclass(frozen=True)
class Corpus:
    """A labelled corpus as it was read.

    Attributes
    ----------
    name : str
        Of the folder or file it was read from.
    layout : str
        How it was laid out, see `layouts.LAYOUTS`.
    segments : tuple of LabelledSegment
        In the order of the source.
    problems : tuple of Problem
        Rows that cannot be used.
    notes : tuple of str
        What a reader of the data card should know, in plain sentences.
    """

    name: str
    layout: str
    segments: tuple[LabelledSegment, ...]
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = field(default=())
