"""`Window`, the sound that a recogniser decodes at a time, and `Engine`, what decodes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from whisper.audio import HOP_LENGTH, N_SAMPLES, log_mel_spectrogram

from mtmm_video.extractors.sample_rate import SAMPLE_RATE
from mtmm_video.extractors.speech.chunks import CHUNK_MARGIN
from mtmm_video.extractors.speech.words import Word

FRAMES_PER_SECOND = SAMPLE_RATE // HOP_LENGTH  # 100 columns of the spectrogram

Task = Literal["transcribe", "translate"]  # whisper's names
TRANSLATE: Task = "translate"
ENGLISH = "en"  # the only language that whisper translates into


def task_for(language: str, *, translate: bool) -> Task:
    """Return what whisper is to write for speech in a language: its words, or English ones."""
    return TRANSLATE if translate and language != ENGLISH else "transcribe"


@dataclass(frozen=True)
class Window:
    """Up to 30 s of a recording.

    Attributes
    ----------
    mel : ndarray of float32, shape (n_mels, frames)
        Log mel spectrogram, 10 ms a frame, with the 30 s of silence after the sound that whisper was trained with.
    start : float
        Seconds on the clock of the recording.
    seconds : float
        Of sound.
    whole : bool
        Whether the chunk of speech ends within the window.
    """

    mel: NDArray[np.float32]
    start: float
    seconds: float
    whole: bool

    @classmethod
    def of(
        cls, samples: NDArray[np.float32], *, start: float, end: float, n_mels: int, earliest: float = 0.0
    ) -> Window:
        """Take the window that begins at `start`.

        Parameters
        ----------
        samples : ndarray of float32, shape (samples,)
            Of the whole recording, 16 kHz.
        start, end : float
            Of the speech in seconds; the window ends after 30 s at the latest.
        n_mels : int
            Bands of the spectrogram.
        earliest : float
            Seconds before which the window must not begin: earlier sound is recognised.
        """
        first = round(max(earliest, start - CHUNK_MARGIN) * SAMPLE_RATE)
        last = min(len(samples), round((end + CHUNK_MARGIN) * SAMPLE_RATE), first + N_SAMPLES)
        # A copy, because torch wraps no read-only arrays.
        mel = log_mel_spectrogram(samples[first:last].copy(), n_mels, padding=N_SAMPLES).numpy()
        return cls(mel, first / SAMPLE_RATE, (last - first) / SAMPLE_RATE, whole=last / SAMPLE_RATE >= end)


class Engine(Protocol):
    """A whisper model that decodes windows. What `encode` returns is the engine's own affair."""

    @property
    def n_mels(self) -> int:
        """Bands of the spectrogram that it takes."""
        ...

    @property
    def is_multilingual(self) -> bool:
        """Whether it knows languages beside English."""
        ...

    @property
    def translate(self) -> bool:
        """Whether it writes English words for speech in other languages."""
        ...

    @property
    def batch(self) -> int:
        """How many windows it decodes at a time."""
        ...

    def encode(self, windows: Sequence[Window]) -> Any:
        """Run the encoder, once per window for all that follows."""
        ...

    def detect_languages(self, encoded: Any) -> list[tuple[str, float]]:
        """Return the most probable language of each window and its probability; multilingual models only."""
        ...

    def decode(self, windows: Sequence[Window], encoded: Any, *, languages: Sequence[str]) -> list[list[Word]]:
        """Return the words of each window in its language, with their times on the clock of the recording."""
        ...
