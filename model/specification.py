"""`Specification`: what a checkpoint was trained on and how its numbers become labels; it travels with the weights."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from mtmm_video.foundation.errors import CheckpointError
from mtmm_video.model.anchor import Anchor
from mtmm_video.model.calibration import Calibration
from mtmm_video.model.domain import Domain
from mtmm_video.model.features import MODALITIES, Modality, ModalityFeatures, extractor_names
from mtmm_video.model.labels import EMOTION_CLASSES, SENTIMENTS
from mtmm_video.model.network_shape import NetworkShape, Task
from mtmm_video.model.neutral import NeutralHead
from mtmm_video.model.normaliser import Normaliser
from mtmm_video.model.speaker_mean import SpeakerMean

# 2 may subtract the speaker's mean, 3 may have a neutral class and anchors: readers of earlier ones would ignore them.
FORMAT = "mtmm-video-checkpoint/3"
READABLE = (FORMAT, "mtmm-video-checkpoint/2", "mtmm-video-checkpoint/1")
DOMAIN_TITLES = {"meld": "MELD", "goemotions": "GoEmotions"}  # as their authors write them


@dataclass(frozen=True)
class Columns:
    """The columns of one modality, as the extractor named them, with their normaliser.

    Attributes
    ----------
    names : tuple of str, length d
        In the order of the network's input.
    version : str
        Version of the extractor.
    normaliser : Normaliser
        Fitted on the training split.
    speaker_mean : SpeakerMean or None
        Where it is there, each speaker's own mean is subtracted before normalising; fitted on the training split.
    """

    names: tuple[str, ...]
    version: str
    normaliser: Normaliser
    speaker_mean: SpeakerMean | None = None

    @property
    def extractors(self) -> tuple[str, ...]:
        """Names of the extractors whose columns these are, in order, see `model.features.extractor_names`."""
        return extractor_names(self.version)

    def prepare(
        self, features: ModalityFeatures, *, speakers: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Match columns by name and version, subtract the speaker's mean, and normalise.

        Parameters
        ----------
        features : ModalityFeatures
            Of the utterances of one or more videos, u in all.
        speakers : ndarray of int, shape (u,)
            Number of each row's speaker, from 0.

        Returns
        -------
        values : ndarray of float32, shape (u, d)
            The network's input.
        present : ndarray of bool, shape (u,)
            Utterances that have the modality.

        Raises
        ------
        CheckpointError
            If the features are of another version or lack a column.
        """
        if features.version != self.version:
            raise CheckpointError(
                f"the checkpoint was trained on features {self.version!r}, these are {features.version!r}; extract "
                "them again with the version the checkpoint wants, or choose another checkpoint with --model"
            )
        values, valid = features.values, features.valid
        if features.names != self.names:
            position = {name: index for index, name in enumerate(features.names)}
            missing = [name for name in self.names if name not in position]
            if missing:
                raise CheckpointError(
                    f"the features {features.version!r} lack {len(missing)} of the columns the checkpoint was trained "
                    f"on ({', '.join(missing[:5])}{', ...' if len(missing) > 5 else ''}); extract them again"
                )
            order = [position[name] for name in self.names]
            values, valid = values[:, order], valid[:, order]
        if self.speaker_mean is not None:
            values = self.speaker_mean.subtract(values, valid, speakers=speakers)
        return self.normaliser.apply(values, valid), np.asarray(valid.any(axis=1), dtype=np.bool_)

    def to_content(self) -> dict[str, Any]:
        """Return what `from_content` reads: lists and strings, for JSON."""
        content: dict[str, Any] = {"names": list(self.names), "version": self.version}
        content |= {"mean": self.normaliser.mean.tolist(), "std": self.normaliser.std.tolist()}
        if self.speaker_mean is not None:
            content["speaker"] = {"mean": self.speaker_mean.mean.tolist(), "prior": self.speaker_mean.prior.tolist()}
        return content

    @classmethod
    def from_content(cls, content: Mapping[str, Any]) -> Columns:
        """Read what `to_content` returned."""
        speaker = content.get("speaker")
        return cls(
            names=tuple(content["names"]),
            version=content["version"],
            normaliser=Normaliser(mean=_array(content["mean"]), std=_array(content["std"])),
            speaker_mean=None
            if speaker is None
            else SpeakerMean(mean=_array(speaker["mean"]), prior=_array(speaker["prior"])),
        )


def _array(numbers: Sequence[float]) -> NDArray[np.float32]:
    return np.asarray(numbers, dtype=np.float32)


def _neutral(content: Mapping[str, Any] | None) -> NeutralHead | None:
    if content is None:
        return None
    return NeutralHead(bias=float(content["bias"]), weights=_floats(content["weights"]))


def _domain(content: Mapping[str, Any]) -> Domain:
    return Domain(
        name=content["name"],
        gate=_floats(content["gate"]),
        sentiment=tuple(map(_floats, content["sentiment"])),
        emotion=tuple(map(_floats, content["emotion"])),
        thresholds=_floats(content["thresholds"]),
    )


def _floats(numbers: Sequence[float]) -> tuple[float, ...]:
    return tuple(map(float, numbers))


def _anchor(content: Mapping[str, Any]) -> Anchor:
    return Anchor(center=_per_task(content["center"]), spread=_per_task(content["spread"]))


def _per_task(content: Mapping[str, Sequence[float]]) -> dict[Task, tuple[float, ...]]:
    return {cast("Task", task): _floats(values) for task, values in content.items()}


@dataclass(frozen=True)
class Specification:
    """Everything beside the weights that prediction needs.

    Attributes
    ----------
    name : str
        For instance ``paper``.
    shape : NetworkShape
        The network's dimensions and tasks.
    columns : mapping of Modality to Columns
        What goes in.
    calibration : Calibration
        From logits to probabilities, fitted on the valid split.
    thresholds : mapping of str to mapping of str to float
        Per purpose and emotion, on calibrated probabilities, chosen on the valid split: ``label`` (what the reports
        use), ``f1_weighted`` and ``weighted_accuracy`` (what those metrics are evaluated at).
    provenance : mapping of str to value
        How the checkpoint was made: command, data, seed, epoch, valid figures, licence notes.
    neutral : NeutralHead or None
        Where it is there, sentiment has three classes; without it the paper's two.
    anchors : mapping of Modality to Anchor
        Of the modalities beside the words: what they add on natural speech. Without one, a modality counts in full.
    domains : tuple of Domain
        Other kinds of talk than the training corpus's, each with heads of its own; needs `neutral`.
    sentiments, emotion_classes : tuple of str
        Class order of the outputs.
    """

    name: str
    shape: NetworkShape
    columns: Mapping[Modality, Columns]
    calibration: Calibration = field(default_factory=Calibration)
    thresholds: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    neutral: NeutralHead | None = None
    anchors: Mapping[Modality, Anchor] = field(default_factory=dict)
    domains: tuple[Domain, ...] = ()
    sentiments: tuple[str, ...] = SENTIMENTS
    emotion_classes: tuple[str, ...] = EMOTION_CLASSES

    @property
    def trained_on(self) -> str:
        """What the checkpoint says that it has learnt from, one line; empty where it says nothing."""
        parts = [str(self.provenance.get("licence_note", ""))]
        if self.domains:
            names = [DOMAIN_TITLES.get(domain.name, domain.name) for domain in self.domains]
            parts.append(f"heads for other kinds of talk on {' and '.join(names)}")
        if "data_sha256" in self.provenance:
            before = "then " if "base_sha256" in self.provenance else ""
            parts.append(f"{before}the table with SHA-256 {str(self.provenance['data_sha256'])[:12]}")
        return "; ".join(part for part in parts if part)

    @property
    def versions(self) -> dict[str, str]:
        """Feature version per modality, for provenance."""
        return {modality: columns.version for modality, columns in self.columns.items()}

    @property
    def extractors(self) -> frozenset[str]:
        """Names of the extractors whose columns the network takes, see `model.features.extractor_names`."""
        return frozenset(name for columns in self.columns.values() for name in columns.extractors)

    def to_json(self) -> str:
        """Return the specification as JSON; floats keep every digit of float32."""
        return json.dumps(
            {
                "format": FORMAT,
                "name": self.name,
                "shape": {
                    "hidden": self.shape.hidden,
                    "dense": self.shape.dense,
                    "dropout": self.shape.dropout,
                    "input_dropout": self.shape.input_dropout,
                    "tasks": list(self.shape.tasks),
                },
                "columns": {modality: columns.to_content() for modality, columns in self.columns.items()},
                "calibration": {"scale": list(self.calibration.scale), "bias": list(self.calibration.bias)},
                "thresholds": {purpose: dict(values) for purpose, values in self.thresholds.items()},
                "provenance": dict(self.provenance),
                "neutral": None if self.neutral is None else asdict(self.neutral),
                "domains": [asdict(domain) for domain in self.domains],
                "anchors": {modality: asdict(anchor) for modality, anchor in self.anchors.items()},
                "sentiments": list(self.sentiments),
                "emotion_classes": list(self.emotion_classes),
            },
            sort_keys=True,
        )

    @classmethod
    def from_json(cls, text: str, *, source: str) -> Specification:
        """Read what `to_json` wrote.

        Parameters
        ----------
        text : str
            The JSON.
        source : str
            The file it came from, for messages.

        Raises
        ------
        CheckpointError
            If it is not a specification of this format, or has other classes than this version knows.
        """
        try:
            content = json.loads(text)
            if content["format"] not in READABLE:
                raise CheckpointError(
                    f"{source}: checkpoint format {content['format']!r}, this version reads {', '.join(READABLE)}; "
                    "update mtmm-video or train again"
                )
            given = content["columns"]
            columns: dict[Modality, Columns] = {
                modality: Columns.from_content(given[modality]) for modality in MODALITIES if modality in given
            }
            shape = NetworkShape(
                columns={modality: len(entry.names) for modality, entry in columns.items()},
                hidden=int(content["shape"]["hidden"]),
                dense=int(content["shape"]["dense"]),
                dropout=float(content["shape"]["dropout"]),
                input_dropout=float(content["shape"]["input_dropout"]),
                tasks=cast("tuple[Task, ...]", tuple(content["shape"]["tasks"])),
            )
            calibration = Calibration(
                scale=tuple(content["calibration"]["scale"]), bias=tuple(content["calibration"]["bias"])
            )
            specification = cls(
                name=content["name"],
                shape=shape,
                columns=columns,
                calibration=calibration,
                thresholds=content["thresholds"],
                provenance=content["provenance"],
                neutral=_neutral(content.get("neutral")),
                domains=tuple(map(_domain, content.get("domains", ()))),
                anchors={modality: _anchor(entry) for modality, entry in content.get("anchors", {}).items()},
                sentiments=tuple(content["sentiments"]),
                emotion_classes=tuple(content["emotion_classes"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(
                f"{source}: its specification is damaged ({error}); train or fetch it again"
            ) from error
        if specification.sentiments != SENTIMENTS or specification.emotion_classes != EMOTION_CLASSES:
            raise CheckpointError(
                f"{source}: classes {specification.sentiments} and {specification.emotion_classes} are not the ones "
                f"this version knows ({SENTIMENTS}, {EMOTION_CLASSES})"
            )
        return specification
