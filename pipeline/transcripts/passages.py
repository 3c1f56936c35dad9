"""`Passage` and `Token`: what every format of transcript is read into, before words get their times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Token:
    """One word as the transcript writes it.

    Attributes
    ----------
    text : str
        Without white space around it; verbatim, signs and emoji included.
    start, end : float or None
        Seconds, where the file times the word.
    probability : float or None
        The recogniser's confidence in [0, 1].
    speaker : str or None
        Who says it, where the file tells.
    interpolated : bool
        Whether the file itself says that the time was guessed.
    """

    text: str
    start: float | None = None
    end: float | None = None
    probability: float | None = None
    speaker: str | None = None
    interpolated: bool = False


@dataclass(frozen=True)
class Passage:
    """A cue, a segment or an utterance: tokens between two times.

    Attributes
    ----------
    start, end : float or None
        Seconds; None where only the words have times.
    tokens : tuple of Token
        In the order of the file.
    lines : tuple of int
        Positions in `tokens` at which a line of the file begins; the first is 0.
    place : str
        Where the passage stands in the file, for messages.
    """

    start: float | None
    end: float | None
    tokens: tuple[Token, ...]
    lines: tuple[int, ...] = (0,)
    place: str = ""


@dataclass(frozen=True)
class Contents:
    """A transcript file as read, before it is brought onto the recording.

    Attributes
    ----------
    format : str
        As people call it.
    passages : tuple of Passage
        In the order of the file.
    bounded : bool
        Whether the passages are utterances already and keep their bounds.
    subtitles : bool
        Whether it is made to be shown, so that names of speakers and marks of the subtitler stand in its text.
    seconds : bool
        Whether the format fixes the unit of its times; where it does not, milliseconds are told by their size.
    """

    format: str
    passages: tuple[Passage, ...]
    bounded: bool = False
    subtitles: bool = False
    seconds: bool = True


@dataclass
class Notes:
    """What a reader of the report should know about how a transcript was read, in plain sentences."""

    sentences: list[str] = field(default_factory=list)

    def add(self, sentence: str) -> None:
        """Add a sentence, once."""
        if sentence not in self.sentences:
            self.sentences.append(sentence)


def tokens_of(text: str, *, speaker: str | None = None) -> tuple[Token, ...]:
    """Cut a text without word times at white space."""
    return tuple(Token(piece, speaker=speaker) for piece in text.split())


def quoted(texts: Sequence[str], *, most: int = 3, longest: int = 60) -> str:
    """Return the first few texts for a note: quoted, shortened, with the number of the others."""
    shown = [f"'{text if len(text) <= longest else text[: longest - 1] + '…'}'" for text in texts[:most]]
    more = len(texts) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")
