"""Validated access to the values of a JSON transcript: errors name the place; a missing time is None."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mtmm_video.foundation.errors import InputError
from mtmm_video.pipeline.transcripts.passages import Notes, Token

_CLOCK_TIME = re.compile(r"(?:(\d{1,3}):)?(\d{1,3}):(\d{1,2}(?:[.,]\d{1,9})?)")  # "00:01:02.500"


@dataclass(frozen=True)
class Document:
    """A JSON transcript: the path for messages, and the notes on corrections."""

    path: Path
    notes: Notes = field(default_factory=Notes)

    def error(self, place: str, problem: str) -> InputError:
        """Return the error that names file, place and problem."""
        return InputError(f"{self.path}: {place} {problem}".replace(":  ", ": "))

    def entries(self, holder: Mapping[str, Any], key: str, *, place: str = "") -> list[tuple[str, Mapping[str, Any]]]:
        """Return the objects of a list with the place of each; an empty list if the key is missing.

        Raises
        ------
        InputError
            If the value is not a list of objects.
        """
        where = f"{place}.{key}".lstrip(".")
        values = holder.get(key)
        if values is None:
            return []
        if not isinstance(values, list):
            raise self.error(where, "is not a list")
        for index, value in enumerate(values):
            if not isinstance(value, Mapping):
                raise self.error(f"{where}[{index}]", "is not an object")
        return [(f"{where}[{index}]", value) for index, value in enumerate(values)]

    def time(self, value: object, *, place: str, per_second: float = 1.0) -> float | None:
        """Return a time in seconds; None if it is missing or not finite (NaN from an aligner).

        A text such as "00:01:02.500" is a time, too.

        Raises
        ------
        InputError
            If the value is not a number.
        """
        if value is None:
            return None
        wrong = self.error(place, f"is {str(value)[:40]!r}; times are numbers of seconds from the start")
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise wrong
        try:
            if isinstance(value, str) and (match := _CLOCK_TIME.fullmatch(value.strip())):
                hours, minutes, rest = (float(part) for part in (match[1] or 0, match[2], match[3].replace(",", ".")))
                seconds = 3600 * hours + 60 * minutes + rest
            else:
                seconds = float(value.strip().removesuffix("s") if isinstance(value, str) else value) / per_second
        except (ValueError, OverflowError):
            raise wrong from None
        if not math.isfinite(seconds):
            self.notes.add("Transcript: times that are no numbers were taken for missing ones.")
            return None
        if seconds < 0.0:
            self.notes.add("Transcript: times before the recording were taken for 0 s.")
            return 0.0
        return seconds

    def span(
        self, entry: Mapping[str, Any], keys: tuple[str, str], *, place: str, per_second: float = 1.0
    ) -> tuple[float | None, float | None]:
        """Return start and end of a passage in seconds.

        Raises
        ------
        InputError
            If one of them is not a time, or the passage ends before it starts.
        """
        start, end = (
            self.time(entry.get(key), place=f"{place}.{key}".lstrip("."), per_second=per_second) for key in keys
        )
        if start is not None and end is not None and end < start:
            raise self.error(place, f"ends ({end} s) before it starts ({start} s)")
        return start, end

    def text(self, entry: Mapping[str, Any], keys: Sequence[str], *, place: str) -> str:
        """Return the value of the first of the keys that holds a string.

        Raises
        ------
        InputError
            If none does.
        """
        for key in keys:
            value = entry.get(key)
            if isinstance(value, str):
                return value
        raise self.error(place, f"has no {' or '.join(keys)}")

    def word(
        self,
        entry: Mapping[str, Any],
        *,
        place: str,
        texts: Sequence[str] = ("word", "text"),
        times: tuple[str, str] = ("start", "end"),
        per_second: float = 1.0,
        speaker: str | None = None,
    ) -> tuple[Token, ...]:
        """Return the tokens of one entry of a word list; all tokens of an entry have its time.

        A word with a missing, non-finite or negative-length time has no time; it is interpolated later.

        Raises
        ------
        InputError
            If the entry has no text, or a time that is not a number.
        """
        text = self.text(entry, texts, place=place)
        start, end = (self.time(entry.get(key), place=f"{place}.{key}", per_second=per_second) for key in times)
        if start is not None and end is not None and end < start:
            self.notes.add("Transcript: words that end before they start were put between their neighbours.")
            start = end = None
        if start is None or end is None:
            start = end = None
        score = next((entry[key] for key in ("probability", "score", "confidence", "conf") if key in entry), None)
        valid = isinstance(score, int | float | str) and not isinstance(score, bool)
        token = Token(
            "",
            start,
            end,
            probability=_share(score) if valid else None,
            speaker=name(entry.get("speaker")) or speaker,
            interpolated=entry.get("interpolated") is True,
        )
        return tuple(replace(token, text=piece) for piece in text.split())


def name(value: object) -> str | None:
    """Return a speaker's name or number as text; None if there is none."""
    if isinstance(value, Mapping):
        value = value.get("name", value.get("id"))
    return str(value).strip() or None if isinstance(value, str | int) and not isinstance(value, bool) else None


def _share(value: object) -> float | None:
    try:
        number = float(value)  # type: ignore[arg-type]
    except (ValueError, OverflowError):
        return None
    return number if 0.0 <= number <= 1.0 else None
