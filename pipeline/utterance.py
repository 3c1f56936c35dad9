"""`Utterance`: a unit of speech bounded by breath or pause (paper, section 1)."""

from __future__ import annotations

from dataclasses import dataclass

from mtmm_video.extractors.speech.words import Word


@dataclass(frozen=True)
class Utterance:
    """One utterance of a video.

    Attributes
    ----------
    index : int
        Position in the video, from 0.
    start, end : float
        Seconds from the start of the media file.
    text : str
        Its words joined by single spaces.
    words : tuple of Word
        At least one, in order of time.
    speaker : str or None
        Name of the speaker: from the transcript, the user, or "Speaker 1" and so on.
    track : int
        Channel that the utterance was heard on, where each channel is analysed by itself.
    """

    index: int
    start: float
    end: float
    text: str
    words: tuple[Word, ...]
    speaker: str | None = None
    track: int = 0
