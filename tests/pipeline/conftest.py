"""An analysis with everything in it, for the tests of the reports."""

from __future__ import annotations

import numpy as np
import pytest

from mtmm_video.extractors.speech.words import Word
from mtmm_video.model.features import ModalityFeatures, VideoFeatures
from mtmm_video.model.labels import SENTIMENT_CLASSES
from mtmm_video.model.prediction_types import UtterancePrediction, VideoPrediction
from mtmm_video.pipeline.analysis import Analysis, LabelledUtterance
from mtmm_video.pipeline.provenance import Provenance, StepRecord
from mtmm_video.pipeline.quality import Quality
from mtmm_video.pipeline.source import Source
from mtmm_video.pipeline.utterance import Utterance

SHA256 = "0123456789abcdef" * 4


def _utterance(index: int, text: str, *, start: float, speaker: str | None = None) -> Utterance:
    words = tuple(
        Word(piece, start + 0.25 * number, start + 0.25 * number + 0.2, 0.9 - 0.1 * index, interpolated=number == 1)
        for number, piece in enumerate(text.split())
    )
    return Utterance(index, start, words[-1].end, text, words, speaker)


def _prediction(
    sentiment: str, classes: tuple[float, float, float], emotions: dict[str, float], *, visual: bool
) -> UtterancePrediction:
    probabilities = dict.fromkeys(("anger", "disgust", "fear", "happy", "sad", "surprise", "none"), 0.125) | emotions
    return UtterancePrediction(
        sentiment=sentiment,
        sentiment_probabilities=dict(zip(SENTIMENT_CLASSES, classes, strict=True)),
        sentiment_intensity=1.5 if visual else None,
        emotions=tuple(sorted(emotions, key=lambda name: -emotions[name])),
        emotion_probabilities=probabilities,
        emotion_intensities={name: 2 * value for name, value in emotions.items()} if visual else None,
        modalities_used=("text", "acoustic", "visual") if visual else ("text", "acoustic"),
    )


@pytest.fixture
def short_analysis() -> Analysis:
    """Two utterances: a happy one with a face, and one that has commas, quotes, an umlaut, a speaker and no face."""
    random = np.random.default_rng(0)
    text = random.normal(size=(2, 3)).astype(np.float32)
    visual = np.array([[0.1, -1e-7], [0.0, 0.0]], dtype=np.float32)
    utterances = (
        _utterance(0, "I love this film", start=0.1),
        _utterance(1, 'Er sagte, "schön", =1+1', start=2.5, speaker="2"),
    )
    predictions = (
        _prediction("positive", (0.0625, 0.0625, 0.875), {"happy": 0.75, "surprise": 0.625}, visual=True),
        _prediction("negative", (0.75, 0.125, 0.125), {}, visual=False),
    )
    quality = (
        Quality(0.9, 0.0, 0.5, 1.0, 1, 0, 1.0, 210.0, 33.25, 0.0),
        Quality(asr_confidence=0.8, unknown_word_share=0.75, faces=0, face_share=0.0),
    )
    flags: tuple[tuple[str, ...], ...] = (("interpolated_times",), ("no_face", "interpolated_times", "unknown_words"))
    weights = random.dirichlet((1.0, 1.0), size=2).astype(np.float32)
    return Analysis(
        source=Source(
            "talk",
            "videos/talk.mp4",
            SHA256,
            4.04,
            True,
            True,
            1280,
            720,
            29.97,
            9.0,
            ((1.5, 2.25),),
            ("It ends early.",),
        ),
        utterances=tuple(
            LabelledUtterance(*entry) for entry in zip(utterances, predictions, flags, quality, strict=True)
        ),
        features=VideoFeatures(
            "talk",
            {
                "text": ModalityFeatures(text, np.ones((2, 3), np.bool_), ("g0", "g1", "g2"), "glove-6b-50d/1"),
                "visual": ModalityFeatures(visual, visual != 0, ("AU12", "pitch"), "facet-35/1"),
            },
            speakers=("", "2"),
        ),
        prediction=VideoPrediction(predictions, {("text", "visual"): (weights, weights.T.copy())}),
        provenance=Provenance(
            version="0.1.0",
            created="2026-11-22T12:00:00+00:00",
            options={"asr": "base", "transcript": None},
            weights={"whisper-base": SHA256},
            model={"name": "paper", "sha256": SHA256},
            packages={"torch": "2.13.0"},
            steps=(StepRecord("media", "1", 0.25, False), StepRecord("transcript", "1", 0.0, True)),
        ),
        notes=("Not measured in any utterance: NAQ.",),
    )
