"""`Source`: the analysed file."""

from __future__ import annotations

from dataclasses import dataclass


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
        Seconds; measured by decoding where the container does not say.
    has_audio, has_video : bool
        Whether the file has a usable track of that kind (cover art is not video).
    width, height : int or None
        Of the upright picture in pixels.
    frame_rate : float or None
        Mean frames per second.
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
