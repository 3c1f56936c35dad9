"""`VisualTracks`: the measurements of every face over time, as arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from mtmm_video.foundation.errors import InputError

TRACKS_VERSION = "visual-tracks/5"

# What tells a picture, a drawing and a covered mouth from a face: see `extractors.visual.evidence`.
EVIDENCE_NAMES: tuple[str, ...] = ("change", "lip_contrast", "skin_difference", "shape_distance")


@dataclass(frozen=True)
class VisualTracks:
    """Every face detected in the sampled frames of a video: n detections in f frames.

    Attributes
    ----------
    frame_times : ndarray of float64, shape (f,)
        Times of all analysed frames, with or without a face, in seconds, increasing.
    image_height : int
        Height of the frames in pixels; 0 without frames.
    frame : ndarray of int32, shape (n,)
        Index into `frame_times`, never decreasing.
    track : ndarray of int32, shape (n,)
        Number of the face; one person has one number, also after a cut away and back.
    boxes : ndarray of float32, shape (n, 4)
        Left, top, right, bottom of the landmarks in pixels.
    pose : ndarray of float32, shape (n, 3)
        Pitch (positive: up), yaw (positive: towards the right of the image), roll (positive: clockwise), in degrees.
    blendshapes : ndarray of float32, shape (n, 52)
        MediaPipe's scores in [0, 1], in the order of `extractors.visual.names.BLENDSHAPE_NAMES`.
    movement : ndarray of float32, shape (n, 20)
        Action units before centring on the person (see `extractors.visual.calibration`).
    expressions : ndarray of float32, shape (n, 7)
        Unnormalised log probabilities of `extractors.visual.calibration.EXPRESSIONS`.
    mouth : ndarray of float32, shape (n,)
        Gap between the lips as a share of the distance between the eyes.
    sharpness : ndarray of float32, shape (n,)
        See `extractors.visual.measurements.sharpness`.
    evidence : ndarray of float32, shape (n, 4)
        The measures of `EVIDENCE_NAMES`, NaN where they were not taken.
    facet : ndarray of float32, shape (n, 35) or (n, 0)
        FACET's columns from another backend (py-feat), NaN where it has no value; no columns otherwise.
    """

    frame_times: NDArray[np.float64]
    image_height: int
    frame: NDArray[np.int32]
    track: NDArray[np.int32]
    boxes: NDArray[np.float32]
    pose: NDArray[np.float32]
    blendshapes: NDArray[np.float32]
    movement: NDArray[np.float32]
    expressions: NDArray[np.float32]
    mouth: NDArray[np.float32]
    sharpness: NDArray[np.float32]
    evidence: NDArray[np.float32]
    facet: NDArray[np.float32]

    def __post_init__(self) -> None:
        count = len(self.frame)
        for name in (each.name for each in fields(self) if each.name not in ("frame_times", "image_height", "frame")):
            if len(getattr(self, name)) != count:
                raise InputError(
                    f"VisualTracks: {name} has {len(getattr(self, name))} rows, but there are {count} detections"
                )

    @property
    def times(self) -> NDArray[np.float64]:
        """Time of every detection in seconds, shape (n,)."""
        return self.frame_times[self.frame]

    @property
    def faces(self) -> int:
        """Number of different faces."""
        return len(np.unique(self.track))

    def to_arrays(self) -> tuple[dict[str, NDArray[np.generic]], dict[str, str]]:
        """Return the arrays by name, and the metadata to store with them."""
        arrays = {field.name: np.asarray(getattr(self, field.name)) for field in fields(self)}
        return arrays, {"version": TRACKS_VERSION}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.generic]], metadata: Mapping[str, str]) -> VisualTracks:
        """Reconstruct the tracks from the result of `to_arrays`.

        Raises
        ------
        InputError
            If the arrays are of another version, or one is missing.
        """
        if metadata.get("version") != TRACKS_VERSION:
            raise InputError(
                f"stored visual tracks are of version {metadata.get('version')!r}, this program reads "
                f"{TRACKS_VERSION}; run again with --no-cache"
            )
        missing = sorted({field.name for field in fields(cls)} - set(arrays))
        if missing:
            raise InputError(f"stored visual tracks lack {', '.join(missing)}; run again with --no-cache")
        content = {field.name: arrays[field.name] for field in fields(cls)}
        content["image_height"] = int(content["image_height"])  # type: ignore[assignment]
        return cls(**content)  # type: ignore[arg-type]
