"""`Analysis`: everything mtmm-video says about one video. Reports are views of it, nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mtmm_video.foundation.errors import InputError
from mtmm_video.model.features import Modality, VideoFeatures
from mtmm_video.model.prediction_types import UtterancePrediction, VideoPrediction
from mtmm_video.pipeline.utterance import Utterance

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

# The methods of `Analysis` are views that live in their own modules; what those import is loaded when they are called.
# ruff: noqa: PLC0415

# The flags an utterance can carry, with what they mean. Reports and the JSON schema list the same names.
FLAGS: Mapping[str, str] = {
    "no_face": "no usable face in the utterance: the visual modality is absent",
    "partial_face": "a usable face in fewer than half of the utterance's frames",
    "several_faces": "more than one face was seen; the one that speaks was chosen, see quality.face_confidence",
    "head_turned": "the head is turned away for more than half of the frames with a face",
    "small_or_blurred_face": "the face is too small or too blurred for reliable action units",
    "no_video": "the file has no picture",
    "no_audio": "the file has no sound",
    "unvoiced": "hardly any voiced speech was measured: pitch and voice quality are not reliable",
    "low_asr_confidence": "the recogniser was unsure of the words",
    "interpolated_times": "at least one word had no time and was put between its neighbours",
    "unknown_words": "more than half of the words have no GloVe vector",
}


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


@dataclass(frozen=True)
class Quality:
    """How far the measurements of one utterance can be trusted. None where there was nothing to measure.

    Attributes
    ----------
    asr_confidence : float or None
        Mean word probability in [0, 1].
    unknown_word_share : float
        Share of tokens without a GloVe vector, in [0, 1].
    voiced_share : float or None
        Share of 10 ms frames that are voiced, in [0, 1].
    face_share : float or None
        Share of sampled frames with a usable face of the chosen person, in [0, 1].
    faces : int or None
        Number of different faces seen during the utterance.
    face_track : int or None
        Which of the video's faces was used.
    face_confidence : float or None
        Confidence in [0, 1] that the chosen face is the one that speaks; 1 where there is only one.
    face_height : float or None
        Median height of the face in pixels.
    sharpness : float or None
        Median sharpness of the face, see `extractors.visual`.
    turned_share : float or None
        Share of face frames with the head turned away, in [0, 1].
    """

    asr_confidence: float | None = None
    unknown_word_share: float = 0.0
    voiced_share: float | None = None
    face_share: float | None = None
    faces: int | None = None
    face_track: int | None = None
    face_confidence: float | None = None
    face_height: float | None = None
    sharpness: float | None = None
    turned_share: float | None = None


@dataclass(frozen=True)
class LabelledUtterance:
    """An utterance with its labels, flags (names in `FLAGS`) and quality figures."""

    utterance: Utterance
    prediction: UtterancePrediction
    flags: tuple[str, ...]
    quality: Quality


@dataclass(frozen=True)
class StepRecord:
    """One step of an analysis: its name and version, how long it took, whether it came from the store.

    Attributes
    ----------
    seconds : float
        Wall-clock time of this run (near zero where `reused`).
    """

    name: str
    version: str
    seconds: float
    reused: bool


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
        Name and SHA-256 of the checkpoint, and the versions of the features it takes.
    packages : mapping of str to str
        Versions of the libraries that decide the numbers.
    steps : tuple of StepRecord
        In the order they ran.
    """

    version: str
    created: str
    options: Mapping[str, str | int | float | bool | None]
    weights: Mapping[str, str]
    model: Mapping[str, str]
    packages: Mapping[str, str]
    steps: tuple[StepRecord, ...]


@dataclass(frozen=True)
class Analysis:
    """One analysed video.

    Attributes
    ----------
    source : Source
        The file.
    utterances : tuple of LabelledUtterance
        In order of time; empty where nothing was said.
    features : VideoFeatures
        The utterance means that the model saw, per modality.
    prediction : VideoPrediction
        Labels again as the model gave them, with the attention per pair of modalities.
    provenance : Provenance
        How it was made.
    notes : tuple of str
        What a reader of the whole file should know, in plain sentences: missing tracks, absent columns.
    """

    source: Source
    utterances: tuple[LabelledUtterance, ...]
    features: VideoFeatures
    prediction: VideoPrediction
    provenance: Provenance
    notes: tuple[str, ...] = field(default=())

    def to_frame(self, *, features: bool = False) -> pd.DataFrame:
        """Return a data frame with a row per utterance, see `pipeline.reports.frame.to_frame`."""
        from mtmm_video.pipeline.reports.frame import to_frame

        return to_frame(self, features=features)

    def to_json(self) -> str:
        """Return the JSON report, see `pipeline.reports.json_report.to_json`."""
        from mtmm_video.pipeline.reports.json_report import to_json

        return to_json(self)

    def plot_timeline(self, *, width: float = 10.0) -> Figure:
        """Return a figure of sentiment and emotions over time, see `pipeline.reports.plot.plot_timeline`."""
        from mtmm_video.pipeline.reports.plot import plot_timeline

        return plot_timeline(self, width=width)

    def attention(self, asks: Modality, looked_at: Modality) -> NDArray[np.float32]:
        """Return how one modality looks at another.

        Parameters
        ----------
        asks, looked_at : "text", "acoustic" or "visual"

        Returns
        -------
        ndarray, shape (u, u)
            Row i holds the weights that `asks` of utterance i gives to `looked_at` of every utterance; rows sum to 1.
            This is N1 of the pair (Algorithm 1 of the paper), or N2 where the model has the pair the other way round.

        Raises
        ------
        InputError
            If the model does not attend over this pair.
        """
        matrices = self.prediction.attention
        if (asks, looked_at) in matrices:
            return matrices[asks, looked_at][0]
        if (looked_at, asks) in matrices:
            return matrices[looked_at, asks][1]
        known = "; ".join(", ".join(pair) for pair in matrices) or "none at all"
        raise InputError(f"attention: the model has no pair ({asks}, {looked_at}); it has: {known}")
