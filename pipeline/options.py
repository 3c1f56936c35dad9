"""`AnalyzeOptions`: what a user can choose about an analysis, declared once for Python, flows and the command line.

A field here is the argument of `AnalyzeOptions`, the entry of the flows' parameter ``options``, and the option of
`mtmm-video analyze`, `batch` and `serve`, with underscores written as hyphens. Its metadata hold the help text.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mtmm_video.foundation.errors import InputError

DEFAULT_MODEL = "plus"
DEFAULT_FORMATS = ("csv", "json", "html")
FORMAT_NAMES = ("csv", "json", "html", "srt", "vtt", "eaf", "textgrid", "attention", "parquet")
VISUAL_BACKENDS = ("mediapipe", "pyfeat", "none")
SPEAKER_CHOICES = ("auto", "none")
ASR_MODELS = ("base", "tiny.en", "small", "medium", "large-v3-turbo")  # `whisper-<name>` in the manifest of weights
ASR_ENGINES = ("auto", "ctranslate2", "openai-whisper")
CHANNEL_CHOICES = ("auto", "mix", "split")
MODALITIES = ("text", "acoustic", "visual")  # as `model.features.MODALITIES`, which takes NumPy to import
TUPLES = ("formats", "speaker_names", "modalities")  # options of several values


def _option(
    default: Any,
    text: str,
    *,
    metavar: str | None = None,
    choices: tuple[str, ...] = (),
    flag: str | None = None,
    decides: bool = True,
    single: bool = False,
) -> Any:
    """Declare an option.

    Parameters
    ----------
    default : value
    text : str
        What ``--help`` says.
    metavar : str, optional
        What the help writes for its value.
    choices : tuple of str
        Values that a shell completes; others may be allowed.
    flag : str, optional
        The name of a switch on the command line, where it is not ``--name/--no-name``.
    decides : bool
        Whether the option decides what is measured and labelled, and so belongs into the provenance.
    single : bool
        Whether it belongs to one video, so that folders do not take it.
    """
    metadata = {
        "help": text,
        "metavar": metavar,
        "choices": choices,
        "flag": flag,
        "decides": decides,
        "single": single,
    }
    return dataclasses.field(default=default, metadata=metadata)


def seconds_of(text: str, *, option: str) -> float:
    """Return a time that is written as seconds, ``minutes:seconds`` or ``hours:minutes:seconds``.

    Raises
    ------
    InputError
        If it is none.
    """
    try:
        parts = [float(part) for part in text.split(":")]
    except ValueError as error:
        raise InputError(f"{option} {text!r}: give seconds, or a time such as 2:00") from error
    if len(parts) > 3 or not all(math.isfinite(part) and part >= 0 for part in parts):
        raise InputError(f"{option} {text!r}: give seconds from the start of the file, or a time such as 2:00")
    total = 0.0
    for part in parts:
        total = 60 * total + part
    return total


@dataclass(frozen=True)
class AnalyzeOptions:
    """The options of an analysis.

    Attributes
    ----------
    asr : str
        Whisper model: ``base``, ``tiny.en``, or one of the larger ones that are fetched by name: ``small``, ``medium``,
        ``large-v3-turbo``.
    asr_engine : str
        What runs the model: ``ctranslate2`` (int8, batches), ``openai-whisper`` (the reference, fp32), or ``auto``, the
        first where its package is installed.
    language : str or None
        ISO 639-1 code of what is spoken; None lets the recogniser decide, window by window.
    translate : bool
        Whisper writes English words for speech in other languages, so that the text columns can be computed; their
        times are known by segment only.
    transcript : Path or None
        Subtitles or JSON with words, used in place of the recogniser; docs/utterances.md lists the formats.
    start, end : float or None
        Seconds: only this part is analysed, its times being those of the whole file. Also ``2:00`` or ``1:02:03.5``.
    model : str
        ``plus``, ``paper``, or the path of a checkpoint.
    visual : str
        ``mediapipe``, ``pyfeat`` (optional extra) or ``none``.
    speakers : str
        ``auto`` finds out how many people speak and who says what, a number says how many, ``none`` leaves it. Names in
        a transcript win.
    speaker_names : tuple of str
        Of the speakers in order of first appearance; with ``auto`` they also say how many there are.
    channels : str
        ``mix`` analyses the mix of all channels, ``split`` each channel as a speaker's own, ``auto`` splits where every
        channel holds a speaker of its own. With a transcript the channels are mixed.
    modalities : tuple of str
        What the labels rest on: ``text``, ``acoustic``, ``visual``, or some of them. The others are measured and shown.
    min_confidence : float
        Utterances whose most probable sentiment is less probable than this are shown as uncertain and left out of
        headlines and shares; 0 leaves none out.
    formats : tuple of str
        Reports to write.
    embed : bool
        Put the video inside the HTML report.
    plain : bool
        Subtitles without labels.
    csv_raw : bool
        CSV texts as they are, also those that a spreadsheet would run as formulas.
    csv_excel : bool
        CSV with a byte order mark, for Excel.
    cache : bool
        Whether artefacts of earlier runs are used. New ones are stored either way.
    """

    asr: str = _option("base", f"Whisper model: {', '.join(ASR_MODELS)}.", metavar="NAME", choices=ASR_MODELS)
    asr_engine: str = _option(
        "auto", "What runs it: auto, ctranslate2, openai-whisper.", metavar="NAME", choices=ASR_ENGINES
    )
    language: str | None = _option(None, "Language spoken, such as en; recognised where not given.", metavar="CODE")
    translate: bool = _option(False, "Have whisper translate other languages into English words.", flag="--translate")
    transcript: Path | None = _option(  # noqa: RUF009 (it declares a field)
        None, "Subtitles (SRT, VTT, ASS ...) or JSON with words, in place of recognition.", metavar="FILE", single=True
    )
    start: float | None = _option(
        None, "Analyse from here: seconds, or 2:00.", flag="--from", metavar="TIME", single=True
    )
    end: float | None = _option(None, "Analyse up to here.", flag="--to", metavar="TIME", single=True)
    model: str = _option(
        DEFAULT_MODEL, "Checkpoint: paper, plus, or a path.", metavar="NAME", choices=("plus", "paper")
    )
    visual: str = _option(
        "mediapipe", "What measures faces: mediapipe, pyfeat, none.", metavar="NAME", choices=VISUAL_BACKENDS
    )
    formats: tuple[str, ...] = _option(
        DEFAULT_FORMATS, "Reports, separated by commas.", metavar="LIST", choices=FORMAT_NAMES, decides=False
    )
    speakers: str = _option(
        "auto", "How many people speak: auto, none (leave it), or a number.", metavar="N", choices=SPEAKER_CHOICES
    )
    speaker_names: tuple[str, ...] = _option(
        (), "Names of the speakers in order of first appearance, separated by commas.", metavar="LIST"
    )
    channels: str = _option(
        "auto",
        "One speaker per channel: auto (detected), mix (no), split (yes).",
        metavar="NAME",
        choices=CHANNEL_CHOICES,
    )
    modalities: tuple[str, ...] = _option(
        MODALITIES, "What the labels rest on, separated by commas.", metavar="LIST", choices=MODALITIES
    )
    min_confidence: float = _option(
        0.0, "Show utterances as uncertain whose sentiment is less probable than this.", metavar="P"
    )
    embed: bool = _option(False, "Put the video inside the HTML report.", flag="--embed", decides=False)
    plain: bool = _option(False, "Subtitles without labels.", flag="--plain", decides=False)
    csv_raw: bool = _option(
        False, "CSV texts as they are, also formulas that a spreadsheet would run.", flag="--csv-raw", decides=False
    )
    csv_excel: bool = _option(
        False, "CSV that Excel reads as UTF-8 (a byte order mark).", flag="--csv-excel", decides=False
    )
    cache: bool = _option(True, "Use what earlier runs computed, or compute every step anew.", decides=False)

    def __post_init__(self) -> None:
        if self.transcript is not None:  # notebooks and JSON give a str
            object.__setattr__(self, "transcript", Path(self.transcript))
        for name, flag in (("start", "--from"), ("end", "--to")):
            value: object = getattr(self, name)
            if isinstance(value, str):
                object.__setattr__(self, name, seconds_of(value, option=flag))
        if self.start is not None and self.end is not None and self.end <= self.start:
            raise InputError(f"--from {self.start:g} s, --to {self.end:g} s: the part must end after it starts")
        if self.visual not in VISUAL_BACKENDS:
            raise InputError(f"visual {self.visual!r}: choose one of {', '.join(VISUAL_BACKENDS)}")
        if self.channels not in CHANNEL_CHOICES:
            raise InputError(f"channels {self.channels!r}: choose one of {', '.join(CHANNEL_CHOICES)}")
        object.__setattr__(self, "speakers", str(self.speakers))  # JSON and notebooks may give an int
        if self.speakers not in SPEAKER_CHOICES and not (self.speakers.isdecimal() and int(self.speakers) > 0):
            raise InputError(f"speakers {self.speakers!r}: give auto, none, or how many people speak")
        if self.asr not in ASR_MODELS:
            raise InputError(f"asr {self.asr!r}: choose one of {', '.join(ASR_MODELS)}")
        if self.asr_engine not in ASR_ENGINES:
            raise InputError(f"asr_engine {self.asr_engine!r}: choose one of {', '.join(ASR_ENGINES)}")
        if not self.modalities or set(self.modalities) - set(MODALITIES):
            raise InputError(f"modalities {', '.join(self.modalities)!r}: give some of {', '.join(MODALITIES)}")
        if not 0 <= self.min_confidence < 1:
            raise InputError(f"min_confidence {self.min_confidence}: give a probability from 0 to less than 1")

    @property
    def part(self) -> tuple[float, float] | None:
        """Start and end in seconds of what is analysed; None for the whole file."""
        if self.start is None and self.end is None:
            return None
        return self.start or 0.0, math.inf if self.end is None else self.end

    @property
    def speaker_count(self) -> int | None:
        """How many people speak, where the user says so."""
        if self.speakers == "auto":
            return len(self.speaker_names) or None
        return None if self.speakers == "none" else int(self.speakers)

    def recorded(self) -> Mapping[str, Any]:
        """Return what provenance says of them: the options that decide the result."""
        content = self.to_content()
        content["speaker_names"] = ", ".join(self.speaker_names) or None
        content["modalities"] = ", ".join(self.modalities)
        recorded = {field.name: content[field.name] for field in dataclasses.fields(self) if field.metadata["decides"]}
        recorded |= {"asr": self.asr, "asr_engine": self.recogniser()}
        return {**recorded, "asr": None, "asr_engine": None} if self.transcript else recorded

    def recogniser(self) -> str:
        """Return the engine that recognises the words on this machine."""
        if self.asr_engine != "auto":
            return self.asr_engine
        return "ctranslate2" if importlib.util.find_spec("ctranslate2") else "openai-whisper"

    def to_content(self) -> dict[str, Any]:
        """Return the options as JSON-able values by name, which flows take as their parameter ``options``."""
        content = dataclasses.asdict(self)
        content["transcript"] = str(self.transcript) if self.transcript else None
        content["formats"] = list(self.formats)
        content["speaker_names"] = list(self.speaker_names)
        content["modalities"] = list(self.modalities)
        return content

    @classmethod
    def from_content(cls, content: Mapping[str, Any]) -> AnalyzeOptions:
        """Read what `to_content` returned; options that are missing take their defaults.

        Raises
        ------
        InputError
            If a name is no option, or a value is not one of its choices.
        """
        known = {field.name for field in dataclasses.fields(cls)}
        unknown = sorted(set(content) - known)
        if unknown:
            raise InputError(f"options: {', '.join(unknown)} is no option; choose from {', '.join(sorted(known))}")
        values = dict(content)
        values |= {name: tuple(values[name]) for name in TUPLES if name in values}
        return cls(**values)
