"""Cells of a label file to numbers and names, with the reason in plain words where one cannot be read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from mtmm_video.foundation.errors import InputError
from mtmm_video.model.labels import EMOTIONS, INTENSITY_RANGE, SENTIMENT_RANGE
from mtmm_video.pipeline.corpora.segment import Polarity, polarity_of

# What people write for the three; MOSEI and MELD write the words, EmoryNLP and spreadsheets the abbreviations.
_POLARITY_NAMES: Mapping[str, Polarity] = {
    "negative": "negative",
    "neg": "negative",
    "neutral": "neutral",
    "neu": "neutral",
    "positive": "positive",
    "pos": "positive",
}


@dataclass(frozen=True)
class Scale:
    """The stated range of a number in somebody's label file.

    Attributes
    ----------
    low, high : float
        Smallest and largest value that an annotator could choose.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise InputError(f"range {self.low:g},{self.high:g}: the first number must lie below the second")

    @classmethod
    def parse(cls, text: str, *, option: str) -> Scale:
        """Read ``LOW,HIGH``.

        Raises
        ------
        InputError
            If the text is not two numbers in order.
        """
        try:
            low, high = (float(part) for part in text.replace(":", ",").split(","))
        except ValueError as error:
            raise InputError(f"{option} {text!r}: give two numbers such as -1,1") from error
        return cls(low, high)

    def rescaled(self, value: float, *, target: tuple[float, float]) -> float:
        """Return a value of this range on another one, linearly; the middle becomes the middle.

        Raises
        ------
        InputError
            If the value lies outside the range.
        """
        if not self.low <= value <= self.high:
            raise InputError(
                f"{value:g} leaves the range [{self.low:g}, {self.high:g}]; correct it, or state the range of the file"
            )
        low, high = target
        return low + (value - self.low) / (self.high - self.low) * (high - low)


SENTIMENT_SCALE = Scale(*SENTIMENT_RANGE)
EMOTION_SCALE = Scale(*INTENSITY_RANGE)


def read_sentiment(cell: str, *, scale: Scale) -> tuple[float | None, Polarity] | None:
    """Read a cell with a sentiment.

    Returns
    -------
    (float or None, Polarity) or None
        The number in [-3, 3], where it is one, and the name; None for an empty cell.

    Raises
    ------
    InputError
        If it is neither a number of the scale nor a name.
    """
    text = cell.strip()
    if not text:
        return None
    if text.casefold() in _POLARITY_NAMES:
        return None, _POLARITY_NAMES[text.casefold()]
    try:
        value = float(text)
    except ValueError as error:
        raise InputError(
            f"sentiment {text!r} is no number and none of negative, neutral, positive; correct the cell or empty it"
        ) from error
    if not math.isfinite(value):
        raise InputError(f"sentiment {text!r} is no number; correct the cell or empty it")
    try:
        number = scale.rescaled(value, target=SENTIMENT_RANGE)
    except InputError as error:
        raise InputError(f"sentiment {error} with --sentiment-range") from error
    return number, polarity_of(number)


def read_intensities(cells: Mapping[str, str], *, scale: Scale) -> dict[str, float] | None:
    """Read one cell per emotion, by the emotion's name, as intensities in [0, 3].

    Returns
    -------
    dict of str to float, or None
        Of all six, those without a column 0; None where all cells are empty.

    Raises
    ------
    InputError
        If a cell is no number of the scale, or only some are empty.
    """
    given = {name: cell.strip() for name, cell in cells.items()}
    if not any(given.values()):
        return None
    empty = [name for name, cell in given.items() if not cell]
    if empty:
        raise InputError(f"emotion {empty[0]} is empty and others are not; write 0 where it is absent")
    found = dict.fromkeys(EMOTIONS, 0.0)
    for name, cell in given.items():
        try:
            value = float(cell)
        except ValueError as error:
            raise InputError(f"emotion {name} {cell!r} is no number; correct the cell") from error
        try:
            found[name] = scale.rescaled(value, target=INTENSITY_RANGE)
        except InputError as error:
            raise InputError(f"emotion {name} {error} with --emotion-range") from error
    return found


def read_seconds(cell: str, *, column: str) -> float | None:
    """Read a time: seconds, or ``[hours:]minutes:seconds`` with a point or comma; None for an empty cell.

    Raises
    ------
    InputError
        If it is none.
    """
    text = cell.strip()
    if not text:
        return None
    try:
        parts = [float(part) for part in text.replace(",", ".").split(":")]
    except ValueError as error:
        raise InputError(f"{column} {text!r} is no time; write seconds, or minutes:seconds") from error
    if len(parts) > 3 or any(not math.isfinite(part) or part < 0 for part in parts):
        raise InputError(f"{column} {text!r} is no time; write seconds from the start of the file, 0 or more")
    total = 0.0
    for part in parts:
        total = 60 * total + part
    return total
