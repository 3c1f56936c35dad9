"""`VideoFeatures`: the utterance-level features of one video, the only input the model knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mtmm_video.foundation.errors import InputError

Modality = Literal["text", "acoustic", "visual"]
MODALITIES: tuple[Modality, ...] = ("text", "acoustic", "visual")  # the paper's T, A, V
JOINER = " & "  # between the versions of extractors whose columns stand side by side


@dataclass(frozen=True)
class ModalityFeatures:
    """Utterance means of one modality.

    Attributes
    ----------
    values : ndarray of float32, shape (u, d)
        Finite; 0 where `valid` is False.
    valid : ndarray of bool, shape (u, d)
        True where a value was measured. An utterance whose row is False throughout lacks this modality.
    names : tuple of str, length d
        Column names.
    version : str
        ``NAME/REVISION`` of the extractor that made the columns; several are joined by `JOINER`.
    """

    values: NDArray[np.float32]
    valid: NDArray[np.bool_]
    names: tuple[str, ...]
    version: str

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or self.values.shape[1] != len(self.names) or self.valid.shape != self.values.shape:
            raise InputError(
                f"ModalityFeatures {self.version}: values {self.values.shape} and valid {self.valid.shape} must both "
                f"have shape (u, {len(self.names)})"
            )
        if not np.isfinite(self.values).all():
            raise InputError(f"ModalityFeatures {self.version}: values hold NaN or Inf")

    @property
    def extractors(self) -> tuple[str, ...]:
        """Names of the extractors whose columns these are, in order, see `extractor_names`."""
        return extractor_names(self.version)

    @property
    def present(self) -> NDArray[np.bool_]:
        """Utterances that have this modality at all, shape (u,)."""
        return np.asarray(self.valid.any(axis=1), dtype=np.bool_)


def extractor_names(version: str) -> tuple[str, ...]:
    """Return the names of the extractors in a version: ``NAME/REVISION``, several joined by `JOINER`.

    >>> extractor_names("covarep-74/1 & whisper-base-layer-3/1")
    ('covarep-74', 'whisper-base-layer-3')
    """
    return tuple(part.partition("/")[0] for part in version.split(JOINER))


def hstack(parts: Sequence[ModalityFeatures]) -> ModalityFeatures:
    """Concatenate the columns of several extractors into one modality of the same utterances.

    Parameters
    ----------
    parts : sequence of ModalityFeatures
        At least one; all of u rows.
    """
    return ModalityFeatures(
        values=np.concatenate([part.values for part in parts], axis=1),
        valid=np.concatenate([part.valid for part in parts], axis=1),
        names=tuple(name for part in parts for name in part.names),
        version=JOINER.join(part.version for part in parts),
    )


@dataclass(frozen=True)
class VideoFeatures:
    """All modalities of one video's utterances, in order of time.

    Attributes
    ----------
    video_id : str
        Name of the video.
    modalities : mapping of Modality to ModalityFeatures
        The modalities at hand; all have the same number of utterances u. A modality that is missing from the mapping is
        absent for the whole video.
    speakers : tuple of str, length u, or None
        Who says each utterance, where that is known; None where it is not, and one speaker is assumed.
    """

    video_id: str
    modalities: Mapping[Modality, ModalityFeatures]
    speakers: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        lengths = {modality: len(features.values) for modality, features in self.modalities.items()}
        if len(set(lengths.values())) > 1:
            raise InputError(
                f"VideoFeatures {self.video_id}: modalities disagree on the number of utterances: {lengths}"
            )
        if self.speakers is not None and set(lengths.values()) - {len(self.speakers)}:
            raise InputError(
                f"VideoFeatures {self.video_id}: {len(self.speakers)} speakers for utterances numbering {lengths}"
            )

    @property
    def speaker_numbers(self) -> NDArray[np.int64]:
        """Number of each utterance's speaker, from 0, shape (u,)."""
        if self.speakers is None:
            return np.zeros(len(self), np.int64)
        return np.asarray(np.unique(self.speakers, return_inverse=True)[1], np.int64)

    def __len__(self) -> int:
        return len(next(iter(self.modalities.values())).values) if self.modalities else 0
