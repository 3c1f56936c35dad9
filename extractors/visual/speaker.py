"""Whose face: which of the faces in an utterance is the one that speaks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from extractors.stream import FeatureStream
from extractors.visual.facet import facet_stream
from extractors.visual.names import FACET_NAMES, FACET_VERSION
from extractors.visual.tracks import VisualTracks

TURNED_YAW = 35.0  # degrees to either side beyond which one eye's half of the face is hidden
TURNED_PITCH = 25.0  # degrees up or down


@dataclass(frozen=True)
class FaceChoice:
    """The face that was used for one utterance, and how good the picture of it is.

    Attributes
    ----------
    track : int or None
        Its number in `VisualTracks`; None where the utterance shows no face.
    confidence : float
        In [0, 1]: how sure it is that this face is the one that speaks; 0 without a face.
    faces : int
        How many different faces the utterance shows.
    stream : FeatureStream
        FACET's 35 columns of that face within the utterance; no rows where there is no face.
    face_share : float
        Share of the utterance's frames in which this face was found, in [0, 1].
    face_height : float
        Median height of the face as a share of the picture's height; 0 without a face.
    sharpness : float
        Median sharpness of the face (see `extractors.visual.measurements.sharpness`); 0 without a face.
    turned_share : float
        Share of this face's frames in which the head is turned away; 0 without a face.
    """

    track: int | None
    confidence: float
    faces: int
    stream: FeatureStream
    face_share: float
    face_height: float
    sharpness: float
    turned_share: float


def choose_face(
    tracks: VisualTracks, *, start: float, end: float, speech: NDArray[np.float64] | None = None
) -> FaceChoice:
    """Choose the face that speaks in one utterance.

    Parameters
    ----------
    tracks : VisualTracks
        All faces of the video.
    start, end : float
        The utterance, in seconds.
    speech : ndarray, shape (n, 2), optional
        Start and end of every stretch of speech in the video in seconds, for instance from voice activity detection.
        Without it the whole utterance counts as speech.

    Returns
    -------
    FaceChoice
        With ``track=None`` where there is no face.
    """
    inside = (tracks.times >= start) & (tracks.times <= end)
    present = np.unique(tracks.track[inside])
    if not len(present):
        return _no_face()
    activity = np.array([_mouth_activity(tracks, track, start, end, speech) for track in present])
    weights = np.exp(activity - activity.max())
    best = int(np.argmax(activity))
    chosen = int(present[best])
    return _describe(
        tracks, chosen, start=start, end=end, confidence=float(weights[best] / weights.sum()), faces=len(present)
    )


def _mouth_activity(
    tracks: VisualTracks, track: int, start: float, end: float, speech: NDArray[np.float64] | None
) -> float:
    rows = (tracks.track == track) & (tracks.times >= start) & (tracks.times <= end)
    times, mouth = tracks.times[rows], tracks.mouth[rows].astype(np.float64)
    if len(times) < 2:
        return 0.0
    movement = np.abs(np.diff(mouth)) / np.maximum(np.diff(times), 1e-3)
    middle = (times[1:] + times[:-1]) / 2
    spoken = np.ones(len(middle), bool) if speech is None else _within(middle, speech)
    return float(movement[spoken].mean() * 10) if spoken.any() else 0.0


def _within(times: NDArray[np.float64], intervals: NDArray[np.float64]) -> NDArray[np.bool_]:
    inside = np.zeros(len(times), np.bool_)
    for start, end in intervals:
        inside |= (times >= start) & (times <= end)
    return inside


def _describe(
    tracks: VisualTracks, track: int, *, start: float, end: float, confidence: float, faces: int
) -> FaceChoice:
    whole = facet_stream(tracks, track=track)
    within = (whole.times >= start) & (whole.times <= end)
    stream = FeatureStream(whole.times[within], whole.values[within], whole.names, whole.valid[within], whole.version)
    rows = (tracks.track == track) & (tracks.times >= start) & (tracks.times <= end)
    looked_at = int(((tracks.frame_times >= start) & (tracks.frame_times <= end)).sum())
    heights = tracks.boxes[rows, 3] - tracks.boxes[rows, 1]
    pose = tracks.pose[rows]
    turned = (np.abs(pose[:, 1]) > TURNED_YAW) | (np.abs(pose[:, 0]) > TURNED_PITCH)
    return FaceChoice(
        track=track,
        confidence=confidence,
        faces=faces,
        stream=stream,
        face_share=float(rows.sum() / looked_at),
        face_height=float(np.median(heights) / tracks.image_height),
        sharpness=float(np.median(tracks.sharpness[rows])),
        turned_share=float(turned.mean()),
    )


def _no_face() -> FaceChoice:
    width = len(FACET_NAMES)
    empty = FeatureStream(np.zeros(0), np.zeros((0, width)), FACET_NAMES, np.zeros((0, width), np.bool_), FACET_VERSION)
    return FaceChoice(None, 0.0, 0, empty, 0.0, 0.0, 0.0, 0.0)
