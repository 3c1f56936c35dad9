"""Names of the classes in the paper's order, and ranges of the annotations."""

from __future__ import annotations

SENTIMENTS: tuple[str, ...] = (
    "negative",
    "positive",
)  # softmax order; positive means sentiment >= 0 (paper, section 5.1)
NEUTRAL = "neutral"
SENTIMENT_CLASSES: tuple[str, ...] = (
    "negative",
    NEUTRAL,
    "positive",
)  # as shown; positive is above neutral
# An annotated intensity from 0 to this is neutral: at most two of three annotators saw a weak one. Of 0, 0.4
# and 0.7 it agrees best with MELD's three classes (docs/plus.md); below 0 is the paper's negative.
NEUTRAL_CEILING = 0.7
EMOTIONS: tuple[str, ...] = ("anger", "disgust", "fear", "happy", "sad", "surprise")  # the paper's order
NO_EMOTION = "none"
EMOTION_CLASSES: tuple[str, ...] = (*EMOTIONS, NO_EMOTION)  # seven sigmoids (paper, section 5.1)
SENTIMENT_RANGE = (-3.0, 3.0)  # CMU-MOSEI annotation scale
INTENSITY_RANGE = (0.0, 3.0)  # CMU-MOSEI emotion intensities; larger values in the files are clipped
