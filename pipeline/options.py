"""`AnalyzeOptions`: what a user can choose about an analysis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mtmm_video.foundation.errors import InputError

DEFAULT_MODEL = "plus"
DEFAULT_FORMATS = ("csv", "json", "html")
VISUAL_BACKENDS = ("mediapipe", "pyfeat", "none")


@dataclass(frozen=True)
class AnalyzeOptions:
    """The options of an analysis. All but the last four decide the result.

    Attributes
    ----------
    asr : str
        Whisper model: ``base``, ``tiny.en``, or a name for which a weight ``whisper-<name>`` is at hand.
    language : str or None
        ISO 639-1 code of what is spoken; None lets the recogniser decide.
    transcript : Path or None
        SRT, VTT or JSON with words, used in place of the recogniser.
    model : str
        ``plus``, ``paper``, or the path of a checkpoint.
    visual : str
        ``mediapipe``, ``pyfeat`` (optional extra) or ``none``.
    formats : tuple of str
        Reports to write.
    embed : bool
        Put the video inside the HTML report.
    plain : bool
        Subtitles without labels.
    reuse : bool
        Whether artefacts of earlier runs are used. New ones are stored either way.
    """

    asr: str = "base"
    language: str | None = None
    transcript: Path | None = None
    model: str = DEFAULT_MODEL
    visual: str = "mediapipe"
    formats: tuple[str, ...] = DEFAULT_FORMATS
    embed: bool = False
    plain: bool = False
    reuse: bool = True

    def __post_init__(self) -> None:
        if self.visual not in VISUAL_BACKENDS:
            raise InputError(f"visual {self.visual!r}: choose one of {', '.join(VISUAL_BACKENDS)}")

    def recorded(self) -> Mapping[str, str | None]:
        """Return what provenance says of them: the options that decide the result."""
        return {
            "asr": None if self.transcript else self.asr,
            "language": self.language,
            "transcript": str(self.transcript) if self.transcript else None,
            "model": self.model,
            "visual": self.visual,
        }
