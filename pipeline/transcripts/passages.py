"""`Passage` and `Token`: the common representation of all transcript formats before word times are interpolated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Token:
    """One word as written in the transcript.

    Attributes
    ----------
    text : str
        Verbatim, with punctuation and emoji, without surrounding white space.
    start, end : float or None
        Seconds; None if the file has no time for the word.
    probability : float or None
        The recogniser's confidence in [0, 1].
    speaker : str or None
        Speaker; None if the file does not name one.
    interpolated : bool
        Whether the file marks the time as interpolated.
    """

    text: str
    start: float | None = None
    end: float | None = None
    probability: float | None = None
    speaker: str | None = None
    interpolated: bool = False


@dataclass(frozen=True)
class Passage:
    """A cue, segment or utterance: tokens with common bounds.

    Attributes
    ----------
    start, end : float or None
        Seconds; None if only the words have times.
    tokens : tuple of Token
        In file order.
    lines : tuple of int
        Indices in `tokens` of the first token of each line of the file; the first is 0.
    place : str
        Position in the file, for messages.
    """

    start: float | None
    end: float | None
    tokens: tuple[Token, ...]
    lines: tuple[int, ...] = (0,)
    place: str = ""


@dataclass(frozen=True)
class Contents:
    """The content of a transcript file, before its times are fitted to the recording.

    Attributes
    ----------
    format : str
        Common name of the format.
    passages : tuple of Passage
        In file order.
    bounded : bool
        Whether the passages are utterances, whose bounds are kept.
    subtitles : bool
        Whether the format is for display, with speaker labels and change marks in its text.
    seconds : bool
        Whether the format defines the unit of its times; otherwise milliseconds are detected by their magnitude.
    """

    format: str
    passages: tuple[Passage, ...]
    bounded: bool = False
    subtitles: bool = False
    seconds: bool = True


@dataclass
class Notes:
    """Remarks for the report on how a transcript was read, as sentences."""

    sentences: list[str] = field(default_factory=list)

    def add(self, sentence: str) -> None:
        """Add a sentence, once."""
        if sentence not in self.sentences:
            self.sentences.append(sentence)


def tokens_of(text: str, *, speaker: str | None = None) -> tuple[Token, ...]:
    """Split a text without word times at white space."""
    return tuple(Token(piece, speaker=speaker) for piece in text.split())


def quoted(texts: Sequence[str], *, most: int = 3, longest: int = 60) -> str:
    """Return the first few texts for a note: quoted, truncated, with the number of the others."""
    shown = [f"'{text if len(text) <= longest else text[: longest - 1] + '…'}'" for text in texts[:most]]
    more = len(texts) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")
