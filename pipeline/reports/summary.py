"""Summary of an analysis: shares, emotions over time, strongest utterances, coverage and quality."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mtmm_video.model.features import MODALITIES
from mtmm_video.model.labels import EMOTIONS, SENTIMENT_CLASSES
from mtmm_video.pipeline.analysis import Analysis, LabelledUtterance
from mtmm_video.pipeline.quality import FLAGS

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
    shares : mapping of str to float
        Share of the speaking time per sentiment label, negative first, without the uncertain utterances; the classes
        that the checkpoint knows. Empty where no utterance is certain.
    uncertain_share : float
        Share of the speaking time in uncertain utterances.
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
    shares: Mapping[str, float]
    uncertain_share: float
    emotions: tuple[EmotionProfile, ...]
    most_positive: tuple[LabelledUtterance, ...]
    most_negative: tuple[LabelledUtterance, ...]
    measures: tuple[Measure, ...]
    flags: tuple[tuple[str, int], ...]
    modalities: tuple[tuple[str, int], ...]

    @property
    def positive_share(self) -> float | None:
        """Share of the speaking time labelled positive; None where nothing is certain."""
        return self.shares.get("positive")


def summarise(analysis: Analysis) -> Summary:
    """Summarise an analysis, with means and shares weighted by the duration of the utterances."""
    entries = analysis.utterances
    weights = np.array([max(e.utterance.end - e.utterance.start, 0.05) for e in entries])
    positive = np.array([e.prediction.sentiment_probabilities["positive"] for e in entries])
    certain = np.array([not e.uncertain for e in entries], dtype=np.bool_)
    certain_entries = [e for e in entries if not e.uncertain]
    shares = _shares(certain_entries, weights[certain])
    flags = Counter(flag for entry in entries for flag in entry.flags)
    used = Counter(modality for entry in entries for modality in entry.prediction.modalities_used)
    negative = np.array([e.prediction.sentiment_probabilities["negative"] for e in entries])
    ranked = [entries[i] for i in np.argsort(-positive, kind="stable")]
    most_negative = [entries[i] for i in np.argsort(-negative, kind="stable")]
    return Summary(
        headline=_headline(shares, _profiles(certain_entries, weights[certain]), utterances=len(entries)),
        shares=shares,
        uncertain_share=_mean((~certain).astype(np.float64), weights) or 0.0,
        emotions=_profiles(entries, weights),
        most_positive=tuple(e for e in ranked[:MOMENTS] if e.prediction.sentiment == "positive" and not e.uncertain),
        most_negative=tuple(
            e for e in most_negative[:MOMENTS] if e.prediction.sentiment == "negative" and not e.uncertain
        ),
        measures=_measures(analysis, weights),
        flags=tuple(sorted(flags.items(), key=lambda item: (-item[1], list(FLAGS).index(item[0])))),
        modalities=tuple((modality, used[modality]) for modality in MODALITIES),
    )


def _shares(certain: Sequence[LabelledUtterance], weights: NDArray[np.float64]) -> dict[str, float]:
    if not certain:
        return {}
    labels = np.array([entry.prediction.sentiment for entry in certain])
    known = [name for name in SENTIMENT_CLASSES if name in certain[0].prediction.sentiment_probabilities]
    return {name: float(np.average(labels == name, weights=weights)) for name in known}


def shares_text(shares: Mapping[str, float]) -> str:
    """Return the shares of the sentiment classes in words, such as ``10 % negative, 70 % neutral, 20 % positive``."""
    return ", ".join(f"{100 * share:.0f} % {name}" for name, share in shares.items())


def _headline(shares: Mapping[str, float], profiles: Sequence[EmotionProfile], *, utterances: int) -> str:
    if not utterances:
        return "Nothing was said, so there is nothing to label."
    tone = f"{shares_text(shares)}, by speaking time" if shares else "Every utterance is uncertain"
    frequent = sorted((p for p in profiles if p.labelled), key=lambda p: (-p.labelled, -p.mean))
    if not frequent:
        return f"{tone}; no marked emotion."
    names = " and ".join(p.emotion for p in frequent[:2])
    return f"{tone}. Emotion{'s' if len(frequent) > 1 else ''} labelled most: {names}."


def _profiles(entries: Sequence[LabelledUtterance], weights: NDArray[np.float64]) -> tuple[EmotionProfile, ...]:
    return tuple(_profile(emotion, entries, weights) for emotion in EMOTIONS)


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
