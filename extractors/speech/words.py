"""`Word`: the smallest unit of a transcript that carries a time."""

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
        Seconds on the picture's clock, ``start <= end``.
    probability : float or None
        The recogniser's confidence in [0, 1]; None where the transcript came from the user.
    interpolated : bool
        True where the transcript gave no time for this word and it was put between its neighbours.
    """

    text: str
    start: float
    end: float
    probability: float | None = None
    interpolated: bool = False
