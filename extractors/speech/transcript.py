"""`Transcript`: the words of a recording with their times, and which language is spoken when."""

from __future__ import annotations

from dataclasses import dataclass

from mtmm_video.extractors.speech.words import Word


@dataclass(frozen=True)
class LanguageSpan:
    """A part of a recording in one language.

    Attributes
    ----------
    start, end : float
        Seconds.
    language : str
        ISO 639-1 code.
    """

    start: float
    end: float
    language: str


@dataclass(frozen=True)
class Transcript:
    """What was said.

    Attributes
    ----------
    words : tuple of Word
        In order of time, on the clock of the waveform.
    language : str
        ISO 639-1 code, given or the one that is spoken longest; empty where nobody speaks.
    spans : tuple of LanguageSpan
        What is spoken when, in order of time; neighbours differ.
    """

    words: tuple[Word, ...]
    language: str
    spans: tuple[LanguageSpan, ...] = ()
