"""The tiers of the annotation formats (ELAN, Praat): which names they have and what stands in them."""

from __future__ import annotations

from collections.abc import Iterator

from mtmm_video.model.labels import EMOTIONS
from mtmm_video.pipeline.analysis import Analysis, LabelledUtterance

# Tiers with at most one annotation per utterance, besides the transcript and its words.
LABEL_TIERS: tuple[str, ...] = ("sentiment", "sentiment_probability", *EMOTIONS, "flags")


def label_values(labelled: LabelledUtterance) -> dict[str, str]:
    """Return what stands in each of `LABEL_TIERS` for one utterance; a tier without an annotation there is left out.

    An emotion's tier holds its probability where the emotion is above its threshold, and nothing elsewhere.
    """
    prediction = labelled.prediction
    values = {
        "sentiment": prediction.sentiment,
        "sentiment_probability": f"{prediction.sentiment_probabilities[prediction.sentiment]:.2f}",
    }
    values |= {emotion: f"{prediction.emotion_probabilities[emotion]:.2f}" for emotion in prediction.emotions}
    if labelled.flags:
        values["flags"] = ";".join(labelled.flags)
    return values


def tier_values(analysis: Analysis, tier: str) -> Iterator[tuple[int, str]]:
    """Yield (position of the utterance, value) for the annotations of one of `LABEL_TIERS`."""
    for position, labelled in enumerate(analysis.utterances):
        value = label_values(labelled).get(tier)
        if value is not None:
            yield position, value
