"""`Word`: one word of a transcript with its time."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Word:
    """One spoken word.

    Attributes
    ----------
    text : str
        The word as written, punctuation attached, without surrounding white space.
    start, end : float
        Seconds from the start of the media file, ``start <= end``.
    probability : float or None
        The recogniser's confidence in [0, 1]; None for a transcript from the user.
    interpolated : bool
        True where the transcript has no time for this word and it was interpolated between its neighbours.
    """

    text: str
    start: float
    end: float
    probability: float | None = None
    interpolated: bool = False
