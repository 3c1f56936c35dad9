"""Summary of an analysis: shares, emotions over time, strongest utterances, coverage and quality."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mtmm_video.model.features import MODALITIES
from mtmm_video.model.labels import EMOTIONS
from mtmm_video.pipeline.analysis import Analysis, LabelledUtterance
from mtmm_video.pipeline.quality import FLAGS

CLEAR_SHARE, MOST_SHARE = 0.85, 0.6  # of the speaking time, from which the headline says "clearly" and "mostly"
MOMENTS = 3  # strongest utterances shown per sentiment


@dataclass(frozen=True)
class EmotionProfile:
    """One emotion over the video.

    Attributes
    ----------
    emotion : str
    mean : float
        Probability averaged over speaking time.
    labelled : int
        Number of utterances with this label.
    probabilities : tuple of float
        Per utterance.
    """

    emotion: str
    mean: float
    labelled: int
    probabilities: tuple[float, ...]


@dataclass(frozen=True)
class Measure:
    """A share that measures coverage or quality; None without data."""

    name: str
    meaning: str
    share: float | None


@dataclass(frozen=True)
class Summary:
    """Summary of one video.

    Attributes
    ----------
    headline : str
        One sentence.
    positive_share : float or None
        Share of the speaking time in utterances labelled positive; None without utterances.

    emotions : tuple of EmotionProfile
        In the paper's order.
    most_positive, most_negative : tuple of LabelledUtterance
        Strongest first.
    measures : tuple of Measure
        Coverage and quality.
    flags : tuple of (str, int)
        Raised flags, most frequent first, with the number of utterances.
    modalities : tuple of (str, int)
        Modality and the number of utterances that use it.
    """

    headline: str
    positive_share: float | None

    emotions: tuple[EmotionProfile, ...]
    most_positive: tuple[LabelledUtterance, ...]
    most_negative: tuple[LabelledUtterance, ...]
    measures: tuple[Measure, ...]
    flags: tuple[tuple[str, int], ...]
    modalities: tuple[tuple[str, int], ...]


def summarise(analysis: Analysis) -> Summary:
    """Summarise an analysis, with means and shares weighted by the duration of the utterances."""
    entries = analysis.utterances
    weights = np.array([max(e.utterance.end - e.utterance.start, 0.05) for e in entries])
    positive = np.array([e.prediction.sentiment_probabilities["positive"] for e in entries])
    labelled_positive = np.array([e.prediction.sentiment == "positive" for e in entries], dtype=np.float64)
    share = _mean(labelled_positive, weights)
    profiles = tuple(_profile(emotion, entries, weights) for emotion in EMOTIONS)
    flags = Counter(flag for entry in entries for flag in entry.flags)
    used = Counter(modality for entry in entries for modality in entry.prediction.modalities_used)
    ranked = [entries[i] for i in np.argsort(-positive, kind="stable")]
    return Summary(
        headline=_headline(share, profiles),
        positive_share=share,
        emotions=profiles,
        most_positive=tuple(e for e in ranked[:MOMENTS] if e.prediction.sentiment == "positive"),
        most_negative=tuple(e for e in ranked[: -MOMENTS - 1 : -1] if e.prediction.sentiment == "negative"),
        measures=_measures(analysis, weights),
        flags=tuple(sorted(flags.items(), key=lambda item: (-item[1], list(FLAGS).index(item[0])))),
        modalities=tuple((modality, used[modality]) for modality in MODALITIES),
    )


def _headline(share: float | None, profiles: Sequence[EmotionProfile]) -> str:
    if share is None:
        return "Nothing was said, so there is nothing to label."
    if share >= CLEAR_SHARE:
        tone = "Clearly positive"
    elif share >= MOST_SHARE:
        tone = "Mostly positive"
    elif share > 1 - MOST_SHARE:
        tone = "Mixed"
    elif share > 1 - CLEAR_SHARE:
        tone = "Mostly negative"
    else:
        tone = "Clearly negative"
    frequent = sorted((p for p in profiles if p.labelled), key=lambda p: (-p.labelled, -p.mean))
    if not frequent:
        return f"{tone}, without a marked emotion."
    names = " and ".join(p.emotion for p in frequent[:2])
    return (
        f"{tone}. Emotion labelled most: {names}."
        if len(frequent) == 1
        else f"{tone}. Emotions labelled most: {names}."
    )


def _profile(emotion: str, entries: Sequence[LabelledUtterance], weights: NDArray[np.float64]) -> EmotionProfile:
    probabilities = tuple(entry.prediction.emotion_probabilities[emotion] for entry in entries)
    return EmotionProfile(
        emotion=emotion,
        mean=_mean(np.array(probabilities), weights) or 0.0,
        labelled=sum(emotion in entry.prediction.emotions for entry in entries),
        probabilities=probabilities,
    )


def _measures(analysis: Analysis, weights: NDArray[np.float64]) -> tuple[Measure, ...]:
    entries, duration = analysis.utterances, analysis.source.duration

    def average(values: Iterable[float | None]) -> float | None:
        known = [(value, weight) for value, weight in zip(values, weights, strict=True) if value is not None]
        return _mean(np.array([v for v, _ in known]), np.array([w for _, w in known]))

    spoken = sum(entry.utterance.end - entry.utterance.start for entry in entries)
    covered = min(1.0, spoken / duration) if duration else None
    quality = [entry.quality for entry in entries]
    return (
        Measure("speech", "share of the video that lies in utterances", covered),
        Measure("face", "share of frames in utterances with a usable face", average(q.face_share for q in quality)),
        Measure("voice", "share of the speech that is voiced", average(q.voiced_share for q in quality)),
        Measure("words", "mean confidence of the recogniser", average(q.asr_confidence for q in quality)),
        Measure("vocabulary", "share of words with a word vector", average(1 - q.unknown_word_share for q in quality)),
    )


def _mean(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float | None:
    return float(np.average(values, weights=weights)) if len(values) else None
