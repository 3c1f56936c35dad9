"""Speech recognition: whisper over all the speech of a recording, words with times.

Whisper alone writes text for silence and music, loses its place in long pauses and falls into loops. So the speech that
`extractors.speech.voice_activity` found is packed into chunks of up to 30 s (`extractors.speech.chunks`), and
words that lie outside speech are dropped. Each window is recognised in the language that is spoken in it.
docs/utterances.md has the figures behind each choice.

Source: A. Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision", 2022.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from whisper.audio import TOKENS_PER_SECOND
from whisper.tokenizer import LANGUAGES

from mtmm_video.extractors.sample_rate import SAMPLE_RATE
from mtmm_video.extractors.speech.chunks import plan_chunks, spoken_seconds
from mtmm_video.extractors.speech.heard_words import fit_to_speech, join_text
from mtmm_video.extractors.speech.transcript import LanguageSpan, Transcript
from mtmm_video.extractors.speech.windows import ENGLISH, Engine, Window
from mtmm_video.extractors.speech.words import Word
from mtmm_video.foundation.errors import InputError

SHORTEST_REST = 0.5  # seconds of speech after the last word for which the window is moved on
SHORTEST_ADVANCE = 10.0  # seconds that windows move on average, at least: sound that whisper cannot read is given up
SURE_LANGUAGE = 0.9  # probability; English of one second and more has .95 (docs/utterances.md)
LANGUAGE_SAMPLE = 4.0  # seconds of a window that tell its language; a name or a quotation in another one is shorter


def transcribe(
    waveform: NDArray[np.floating],
    *,
    sample_rate: int,
    engine: Engine,
    speech: NDArray[np.floating],
    language: str | None = None,
    hook: Callable[[float], None] | None = None,
) -> Transcript:
    """Recognise the words of a recording.

    The same input gives the same words: no draw is left to chance.

    Parameters
    ----------
    waveform : ndarray, shape (samples,)
        Mono, in [-1, 1).
    sample_rate : int
        Must be 16,000 Hz.
    engine : Engine
        `ctranslate2_engine.CTranslate2Engine`, or `openai_engine.OpenAIEngine`, the reference.
    speech : ndarray, shape (n, 2)
        Start and end of speech in seconds, see `extractors.speech.voice_activity.detect_speech`.
    language : str, optional
        ISO 639-1 code; recognised window by window where it is not given.
    hook : callable, optional
        Called with the share of the speech that is done, in [0, 1].

    Returns
    -------
    Transcript
        No words where `speech` is empty.

    Raises
    ------
    InputError
        If the waveform has another sample rate or shape, or the language is unknown to the model.
    """
    if sample_rate != SAMPLE_RATE or waveform.ndim != 1:
        raise InputError(
            f"waveform of shape {waveform.shape} at {sample_rate} Hz: whisper needs one channel, shape (samples,), at "
            f"{SAMPLE_RATE} Hz"
        )
    if language is not None and language not in LANGUAGES:
        raise InputError(f"language {language!r} is not known to whisper; give a two-letter code such as 'en'")
    if language not in (None, ENGLISH) and not engine.is_multilingual:
        raise InputError(f"language {language!r}: this whisper knows only English; choose a multilingual --asr model")
    if engine.translate and not engine.is_multilingual:
        raise InputError(
            "--translate: this whisper knows only English; choose a multilingual --asr model, such as base"
        )
    samples = np.ascontiguousarray(waveform, dtype=np.float32)
    chunks = [_Chunk(start, end) for start, end in plan_chunks(speech)]
    if not chunks:
        return Transcript((), language or "")
    asked = language or (None if engine.is_multilingual else "en")
    # The longest first: batches are then of windows that are alike in length, and the first one tells the language.
    waiting = sorted(chunks, key=lambda chunk: chunk.start - chunk.end)
    total = sum(chunk.end - chunk.start for chunk in chunks)
    heard: defaultdict[str, float] = defaultdict(float)  # seconds by language
    while waiting:
        batch, waiting = waiting[: engine.batch], waiting[engine.batch :]
        windows = [chunk.window(samples, n_mels=engine.n_mels) for chunk in batch]
        encoded = engine.encode(windows)
        languages = [asked or "en"] * len(batch)
        if asked is None:
            detected = engine.detect_languages(encoded)
            for window, (found, probability) in zip(windows, detected, strict=True):
                heard[found] += probability * window.seconds
            usual = max(heard, key=heard.__getitem__)
            languages = [found if probability >= SURE_LANGUAGE else usual for found, probability in detected]
        decoded = engine.decode(windows, encoded, languages=languages)
        for row, (chunk, window, spoken) in enumerate(zip(batch, windows, languages, strict=True)):
            pause = None
            if asked is None:
                inside = speech[(speech[:, 1] > chunk.position) & (speech[:, 0] < chunk.end)]
                pause = _change_of_language(engine, encoded[row : row + 1], window, inside)
            if pause is None:
                chunk.take(window, decoded[row], language=spoken, speech=speech)
            else:
                rest = chunk.cut(pause)
                chunks.insert(chunks.index(chunk) + 1, rest)
                waiting.append(rest)
        waiting = [chunk for chunk in batch if chunk.goes_on(speech)] + waiting
        if hook is not None:
            hook(sum(chunk.position - chunk.start for chunk in chunks) / total)
    words: list[Word] = []
    for chunk in chunks:
        words = join_text(words, chunk.words)
    spans = _merged([span for chunk in chunks for span in chunk.spans])
    fitted = fit_to_speech(words, speech)
    if engine.translate:
        foreign = [span for span in spans if span.language != ENGLISH]
        fitted = tuple(
            replace(word, interpolated=True) if any(span.start <= word.start < span.end for span in foreign) else word
            for word in fitted
        )
    return Transcript(fitted, language or _longest(spans), spans)


@dataclass
class _Chunk:
    """A chunk of speech through which a window moves until no speech is left in it."""

    start: float
    end: float
    words: list[Word] = field(default_factory=list)
    spans: list[LanguageSpan] = field(default_factory=list)
    position: float = field(init=False)  # where the next window begins
    reached: float = 0.0  # the end of the last word
    turn: int = 0

    def __post_init__(self) -> None:
        self.position = self.start

    def window(self, samples: NDArray[np.float32], *, n_mels: int) -> Window:
        return Window.of(samples, start=self.position, end=self.end, n_mels=n_mels, earliest=self.reached)

    def take(self, window: Window, words: list[Word], *, language: str, speech: NDArray[np.floating]) -> None:
        """Add a window's words and move on."""
        begun = self.position
        self.words = join_text(self.words, words)
        self.reached = words[-1].end if words else window.start + window.seconds
        self.reached = max(self.reached, begun + SHORTEST_REST)
        later = speech[speech[:, 1] > self.reached, 0]
        self.position = min(max(self.reached, float(later[0]) if len(later) else self.end), self.end)
        self.turn += 1
        if not self.goes_on(speech):
            self.position = self.end
        self.spans.append(LanguageSpan(begun, self.position, language))

    def cut(self, pause: tuple[float, float]) -> _Chunk:
        """End at a pause, and return the chunk that begins after it."""
        rest = _Chunk(pause[1], self.end)
        self.end = pause[0]
        return rest

    def goes_on(self, speech: NDArray[np.floating]) -> bool:
        """Tell whether another window is worth it."""
        left = spoken_seconds(speech, start=self.position, end=self.end)
        return left >= SHORTEST_REST and self.turn < 2 + int((self.end - self.start) / SHORTEST_ADVANCE)


def _change_of_language(
    engine: Engine, encoded: Any, window: Window, speech: NDArray[np.floating]
) -> tuple[float, float] | None:
    """Return the pause at which the language of a window changes, or None where it does not.

    Whisper writes a window in one language and translates what is in another. The language of a few seconds is read
    off the window's own features, so this costs no more sound to be encoded. The first and the last seconds are
    compared, and only where they differ is the place looked for. The pieces are recognised as windows of their own,
    and if they turn out to be in one language after all, then only a cut was made in vain.
    """
    starts = np.arange(0.0, window.seconds - LANGUAGE_SAMPLE, LANGUAGE_SAMPLE)
    if len(starts) < 2:
        return None

    def language_at(second: float) -> str | None:
        first = round(second * TOKENS_PER_SECOND)
        part = encoded[:, first : first + round(LANGUAGE_SAMPLE * TOKENS_PER_SECOND)]
        ((language, probability),) = engine.detect_languages(part)
        return language if probability >= SURE_LANGUAGE else None

    starts[-1] = window.seconds - LANGUAGE_SAMPLE
    before, after = language_at(starts[0]), language_at(starts[-1])
    if before is None or after is None or before == after:
        return None
    known = [(second, language) for second in starts[1:-1] if (language := language_at(second)) is not None]
    known.append((starts[-1], after))
    place = next(index for index, (_, language) in enumerate(known) if language != before)
    earliest = window.start + ([starts[0]] + [second for second, _ in known])[place]
    latest = window.start + known[place][0] + LANGUAGE_SAMPLE
    pauses = [
        (float(end), float(start))
        for end, start in zip(speech[:-1, 1], speech[1:, 0], strict=True)
        if earliest < end and start < latest
    ]
    return max(pauses, key=lambda pause: pause[1] - pause[0]) if pauses else None


def _merged(spans: Sequence[LanguageSpan]) -> tuple[LanguageSpan, ...]:
    merged: list[LanguageSpan] = []
    for span in spans:
        if merged and merged[-1].language == span.language:
            merged[-1] = replace(merged[-1], end=span.end)
        else:
            merged.append(span)
    return tuple(merged)


def _longest(spans: Sequence[LanguageSpan]) -> str:
    seconds: defaultdict[str, float] = defaultdict(float)
    for span in spans:
        seconds[span.language] += span.end - span.start
    return max(seconds, key=seconds.__getitem__)
