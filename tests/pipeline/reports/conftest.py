"""An analysis to write reports of: made up, with everything in it that is hard to write."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from mtmm_video.extractors.speech.words import Word
from mtmm_video.model.features import ModalityFeatures, VideoFeatures
from mtmm_video.model.labels import EMOTION_CLASSES, EMOTIONS, SENTIMENT_CLASSES
from mtmm_video.model.prediction_types import UtterancePrediction, VideoPrediction
from mtmm_video.pipeline.analysis import Analysis, LabelledUtterance
from mtmm_video.pipeline.provenance import Provenance, StepRecord
from mtmm_video.pipeline.quality import Quality
from mtmm_video.pipeline.source import Source
from mtmm_video.pipeline.utterance import Utterance

TEXTS = (
    "We had a wonderful weekend at this little hotel by the lake.",
    'He said "no", and <script>document.title = "broken into"</script> & that --> was it.',
    "The room was dirty, and the bathroom smelled disgusting.",
    "Ärger, naïve déjà-vu, 日本語, emoji 🙂 and a\ttab.",
    "I am really happy that we went there.",
)
ACOUSTIC = ("F0", "VUV", "NAQ", "MCEP_0")
VISUAL = ("Joy", "Anger", "AU4", "AU6", "AU12", "AU15", "Pitch", "Yaw", "Roll")

MakeAnalysis = Callable[..., Analysis]


def _words(text: str, start: float, end: float) -> tuple[Word, ...]:
    parts = text.split()
    edges = np.linspace(start, end, len(parts) + 1)
    return tuple(
        Word(part, float(a), float(b), probability=0.9, interpolated=i == 2)
        for i, (part, a, b) in enumerate(zip(parts, edges[:-1], edges[1:], strict=True))
    )


def _prediction(index: int, random: np.random.Generator) -> UtterancePrediction:
    classes = dict(zip(SENTIMENT_CLASSES, map(float, random.dirichlet((0.7, 0.7, 0.7))), strict=True))
    probabilities = dict(zip(EMOTION_CLASSES, map(float, random.uniform(0, 0.7, len(EMOTION_CLASSES))), strict=True))
    labels = sorted((e for e in EMOTIONS if probabilities[e] > 0.5), key=lambda e: -probabilities[e])
    return UtterancePrediction(
        sentiment=max(classes, key=classes.__getitem__),
        sentiment_probabilities=classes,
        sentiment_intensity=3 * (classes["positive"] - classes["negative"]),
        emotions=tuple(labels),
        emotion_probabilities=probabilities,
        emotion_intensities=None,
        emotion_thresholds=dict.fromkeys(EMOTIONS, 0.5),
        modalities_used=("text", "acoustic") if index == 2 else ("text", "acoustic", "visual"),
    )


def _modality(
    names: tuple[str, ...], count: int, random: np.random.Generator, *, absent: int | None
) -> ModalityFeatures:
    values = random.normal(size=(count, len(names))).astype(np.float32)
    valid = np.ones(values.shape, dtype=np.bool_)
    if absent is not None and absent < count:
        valid[absent] = False
    return ModalityFeatures(np.where(valid, values, 0).astype(np.float32), valid, names, "made-up/1")


@pytest.fixture(scope="session")
def make_analysis() -> MakeAnalysis:
    """Make an analysis of any number of utterances, 3 s each with a pause of 0.75 s; the same numbers every time."""

    def make(*, count: int = 5, name: str = "talk", path: str = "talk.mp4", seed: int = 7) -> Analysis:
        random = np.random.default_rng(seed)
        labelled = []
        for i in range(count):
            start, end = 0.7 + 3.75 * i, 3.7 + 3.75 * i
            text = TEXTS[i % len(TEXTS)].replace("\t", " ")
            utterance = Utterance(i, start, end, text, _words(text, start, end), speaker="A" if i == 1 else None)
            no_face = i == 2
            quality = Quality(
                asr_confidence=0.91,
                unknown_word_share=0.1,
                voiced_share=0.55,
                face_share=0.0 if no_face else 0.97,
                faces=0 if no_face else 1,
                face_track=None if no_face else 0,
                face_confidence=None if no_face else 1.0,
                face_height=None if no_face else 170.0,
                sharpness=None if no_face else 40.0,
                turned_share=None if no_face else 0.0,
            )
            flags = ("no_face", "interpolated_times") if no_face else ("interpolated_times",)
            labelled.append(LabelledUtterance(utterance, _prediction(i, random), flags, quality))
        text_means = _modality(("g0", "g1", "g2"), count, random, absent=None)
        acoustic = _modality(ACOUSTIC, count, random, absent=None)
        acoustic.values[:, 0] = 120 + 20 * acoustic.values[:, 0]
        features = VideoFeatures(
            name,
            {"text": text_means, "acoustic": acoustic, "visual": _modality(VISUAL, count, random, absent=2)},
        )
        pairs = [("text", "visual"), ("text", "acoustic"), ("visual", "acoustic")]
        attention = {}
        for pair in pairs:
            logits = random.normal(scale=2, size=(2, count, count))
            weights = np.exp(logits) / np.exp(logits).sum(axis=2, keepdims=True)
            attention[pair] = (weights[0].astype(np.float32), weights[1].astype(np.float32))
        provenance = Provenance(
            version="0.1.0",
            created="2026-11-22T14:00:00+00:00",
            options={"asr": "base", "language": "en", "transcript": None, "model": "plus", "visual": "mediapipe"},
            weights={"whisper-base": "0" * 64, "glove-6b-50d": "1" * 64},
            model={"name": "plus", "sha256": "2" * 64, "text": "glove-6b-50d/1"},
            packages={"torch": "2.13.0", "numpy": "2.0.0"},
            steps=(
                StepRecord("transcript", "1", 4.2, False, "NVIDIA H200"),
                StepRecord("acoustic", "1", 0.01, True, "cpu"),
                StepRecord("text", "1", None, True),  # from a shared store
            ),
        )
        return Analysis(
            source=Source(name, path, "3" * 64, 1.0 + 3.75 * count, True, True, 400, 400, 25.0),
            utterances=tuple(labelled),
            features=features,
            prediction=VideoPrediction(tuple(entry.prediction for entry in labelled), attention),
            provenance=provenance,
            notes=("Not measured in any utterance: Has_Glasses.",),
        )

    return make


@pytest.fixture(scope="session")
def analysis(make_analysis: MakeAnalysis) -> Analysis:
    """Five utterances: markup and an arrow in the second, no face in the third, many scripts in the fourth."""
    return make_analysis()


@pytest.fixture(scope="session")
def empty_analysis(analysis: Analysis) -> Analysis:
    """A video in which nothing was said and nothing was seen."""
    return dataclasses.replace(
        analysis,
        source=dataclasses.replace(analysis.source, has_video=False, width=None, height=None, frame_rate=None),
        utterances=(),
        features=VideoFeatures("talk", {}),
        prediction=VideoPrediction((), {}),
        notes=("No speech was detected in the sound.",),
    )


CHROMIUM_FLAGS = [
    "--no-sandbox",  # containers run as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A headless Chromium; tests that use it are marked `browser`."""
    api = pytest.importorskip("playwright.sync_api", reason="needs the Python package playwright")
    executable = shutil.which("chromium")
    if executable is None:
        pytest.skip("needs Debian's chromium (apt-get install chromium)")
    with api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_FLAGS)
        yield running
        running.close()
