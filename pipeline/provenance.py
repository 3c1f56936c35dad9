"""`Provenance`: where an analysis came from, so that it can be made again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class StepRecord:
    """One step of an analysis: its name and version, how long it took and on what, whether it came from the store.

    Attributes
    ----------
    seconds : float or None
        Wall-clock time of the run that computed the artefact, also where this run `reused` it; None if that was on
        another machine.
    device : str or None
        What it was computed on: ``cpu``, or the name of the graphics processor; None where `seconds` is, and in reports
        of versions that did not record it.
    """

    name: str
    version: str
    seconds: float | None
    reused: bool
    device: str | None = None


@dataclass(frozen=True)
class Provenance:
    """Where an analysis came from, so that it can be made again.

    Attributes
    ----------
    version : str
        Of mtmm-video.
    created : str
        ISO 8601 with time zone.
    options : mapping of str to value
        The options that decide the result, defaults included.
    weights : mapping of str to str
        SHA-256 of every pretrained weight file used, by name.
    model : mapping of str to str
        Name and SHA-256 of the checkpoint, the versions of the features it takes, and what it says it was trained on.
    packages : mapping of str to str
        Versions of the libraries that decide the numbers.
    steps : tuple of StepRecord
        In the order they ran.
    speakers : str
        Where the speakers come from: ``transcript``, ``voices`` (diarisation), ``channels`` or ``none``.
    """

    version: str
    created: str
    options: Mapping[str, str | int | float | bool | None]
    weights: Mapping[str, str]
    model: Mapping[str, str]
    packages: Mapping[str, str]
    steps: tuple[StepRecord, ...]
    speakers: str = "none"
