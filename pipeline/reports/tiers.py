"""Label tiers of the annotation formats (ELAN, Praat): their names and values."""

from __future__ import annotations

from collections.abc import Iterator

from mtmm_video.model.labels import EMOTIONS
from mtmm_video.pipeline.analysis import Analysis, LabelledUtterance

# Tiers with at most one annotation per utterance; the transcript and its words are separate tiers.
LABEL_TIERS: tuple[str, ...] = (
    "sentiment",
    "sentiment_probability",
    "sentiment_binary",
    "uncertain",
    *EMOTIONS,
    "flags",
)


def tier_name(tier: str, speaker: str | None) -> str:
    """Return the name of a speaker's tier, ``transcript@Ann`` as ELAN has it; the tier's own without a speaker."""
    return tier if speaker is None else f"{tier}@{' '.join(speaker.split())}"


def label_values(labelled: LabelledUtterance) -> dict[str, str]:
    """Return the annotations of one utterance by tier, for those of `LABEL_TIERS` that have one.

    The tier of an emotion has its probability for utterances in which the emotion is above its threshold.
    """
    prediction = labelled.prediction
    values = {
        "sentiment": prediction.sentiment,
        "sentiment_probability": f"{prediction.confidence:.2f}",
        "sentiment_binary": prediction.sentiment_binary,
    }
    if labelled.uncertain:
        values["uncertain"] = "uncertain"
    values |= {emotion: f"{prediction.emotion_probabilities[emotion]:.2f}" for emotion in prediction.emotions}
    if labelled.flags:
        values["flags"] = ";".join(labelled.flags)
    return values


def tier_values(analysis: Analysis, tier: str) -> Iterator[tuple[int, str]]:
    """Yield (position of the utterance, value) for all annotations of one of `LABEL_TIERS`."""
    for position, labelled in enumerate(analysis.utterances):
        value = label_values(labelled).get(tier)
        if value is not None:
            yield position, value
