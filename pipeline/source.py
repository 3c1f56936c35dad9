"""`Source`: the analysed file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Source:
    """The analysed file.

    Attributes
    ----------
    name : str
        File name without its folder and last suffix; reports are named after it.
    path : str
        As the user gave it.
    sha256 : str
        Of the file's content.
    duration : float
        Seconds of content; less than in the header if the file is incomplete.
    has_audio, has_video : bool
        Whether the file has a usable audio or video track (cover art is not video).
    width, height : int or None
        Of the upright picture in pixels.
    frame_rate : float or None
        Mean frames per second.
    claimed_duration : float or None
        Duration in the header in seconds, if it exceeds the content; None otherwise.
    gaps : tuple of (float, float)
        Start and end in seconds of gaps in the audio: packets that were lost or never recorded.
    remarks : tuple of str
        Sentences for the report: missing content, gaps, restarts, overlaps.
    tracks : int
        Channels that are analysed each by itself, as one speaker's; 1 where all are mixed.
    """

    name: str
    path: str
    sha256: str
    duration: float
    has_audio: bool
    has_video: bool
    width: int | None = None
    height: int | None = None
    frame_rate: float | None = None
    claimed_duration: float | None = None
    gaps: tuple[tuple[float, float], ...] = ()
    remarks: tuple[str, ...] = ()
    tracks: int = 1

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> Source:
        """Convert from JSON; fields that were added in later versions may be missing.

        Raises
        ------
        TypeError
            If an original field is missing, or one is unknown.
        """
        gaps = tuple((float(start), float(end)) for start, end in facts.get("gaps", ()))
        return cls(**{**facts, "gaps": gaps, "remarks": tuple(facts.get("remarks", ()))})
