"""How much work recognition is, in encoded windows and decoder calls, which no busy machine changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mtmm_video.extractors.speech.chunks import plan_chunks
from mtmm_video.extractors.speech.recognition import transcribe
from mtmm_video.extractors.speech.windows import Window
from mtmm_video.extractors.speech.words import Word

RATE = 16_000


class CountingEngine:
    """An engine that hears one word per second, in English before the change and in German after it."""

    n_mels = 80
    is_multilingual = True
    translate = False
    batch = 8

    def __init__(self, *, change: float = np.inf) -> None:
        self.change = change
        self.calls: Counter[str] = Counter()
        self.languages: list[str] = []

    def encode(self, windows: Sequence[Window]) -> NDArray[np.float64]:
        self.calls["encode"] += 1
        self.calls["windows"] += len(windows)
        times = [window.start + np.arange(1500) / 50 for window in windows]  # features that tell their own time
        return np.stack(times)[..., None]

    def detect_languages(self, encoded: NDArray[np.float64]) -> list[tuple[str, float]]:
        self.calls["languages"] += 1
        return [("de" if times[0, 0] >= self.change else "en", 0.99) for times in encoded]

    def decode(self, windows: Sequence[Window], _encoded: object, *, languages: Sequence[str]) -> list[list[Word]]:
        self.calls["decode"] += 1
        self.languages += languages
        return [
            [
                Word("word", second, second + 0.9, 0.9)
                for second in np.arange(each.start, each.start + each.seconds - 0.4)
            ]
            for each in windows
        ]


def recognise(engine: CountingEngine, speech: list[tuple[float, float]], *, language: str | None = None) -> None:
    intervals = np.array(speech)
    waveform = np.zeros(round((intervals[-1, 1] + 1) * RATE))
    transcribe(waveform, sample_rate=RATE, engine=engine, speech=intervals, language=language)


def test_each_chunk_is_encoded_once_and_chunks_are_decoded_together() -> None:
    speech = [(start, start + 9.0) for start in np.arange(0.0, 400.0, 10.0)]
    chunks = len(plan_chunks(np.array(speech)))
    engine = CountingEngine()
    recognise(engine, speech, language="en")
    assert engine.calls["windows"] == chunks
    assert engine.calls["decode"] == engine.calls["encode"] == -(-chunks // engine.batch)
    assert engine.calls["languages"] == 0  # it was given


def test_telling_the_language_encodes_nothing_more() -> None:
    engine = CountingEngine()
    recognise(engine, [(start, start + 9.0) for start in np.arange(0.0, 100.0, 10.0)])
    chunks = engine.calls["windows"]
    assert chunks == len(plan_chunks(np.array([(start, start + 9.0) for start in np.arange(0.0, 100.0, 10.0)])))
    assert engine.calls["languages"] <= engine.calls["encode"] + 2 * chunks  # the window, its first and last seconds


def test_a_window_in_two_languages_is_cut_at_the_pause_between() -> None:
    engine = CountingEngine(change=14.0)
    recognise(engine, [(0.0, 13.5), (14.2, 27.0)])
    assert set(engine.languages[-2:]) == {"en", "de"}
    assert engine.calls["windows"] == 3  # the whole, and the two pieces


def test_silence_costs_nothing() -> None:
    engine = CountingEngine()
    assert transcribe(np.zeros(RATE), sample_rate=RATE, engine=engine, speech=np.zeros((0, 2))).words == ()
    assert not engine.calls
