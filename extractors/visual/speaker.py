"""Active speaker detection: which of the faces in an utterance is the speaker's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mtmm_video.extractors.stream import FeatureStream
from mtmm_video.extractors.visual.evidence import face_evidence
from mtmm_video.extractors.visual.facet import facet_stream
from mtmm_video.extractors.visual.tracks import VisualTracks

TURNED_YAW = 35.0  # degrees to either side beyond which part of the face is hidden
TURNED_PITCH = 25.0  # degrees up or down
FEWEST_DETECTIONS = 3  # in the whole video; a track with fewer counts as a false detection

# The lips of people who talk move at 0.4 to 0.7 eye distances per second (obama_two_faces, katie_hill), those of people
# who listen or act without words at 0.0 to 0.3 (the other man, silent_expressive_face); at 10 frames per second.
STILL_SPEED = 0.2  # eye distances per second: assumed mouth speed of a speaker who is not in the frame
SPEED_SCALE = 0.1  # eye distances per second that raise the odds of a face by a factor of e
# Below, the lips of the chosen face move at less than .06 eye distances per second while somebody speaks (if it is the
# only face and always seen): it is not the speaker's. Faces that do not move at all have .12.
LEAST_CONFIDENCE = 0.2


@dataclass(frozen=True)
class FaceChoice:
    """The face chosen for one utterance, and its image quality.

    Attributes
    ----------
    track : int or None
        Its number in `VisualTracks`; None for an utterance without a face.
    confidence : float
        Probability in [0, 1] that this face is the speaker's, against the other faces and a speaker outside the frame;
        0 without a face.
    faces : int
        Number of different faces in the utterance.
    stream : FeatureStream
        FACET's 35 columns of that face within the utterance; no rows without a face.
    face_share : float
        Share of the utterance's frames in which this face was detected, in [0, 1].
    face_height : float
        Median height of the face (chin to hairline) as a share of the frame's height; 0 without a face.
    sharpness : float
        Median sharpness of the face (see `extractors.visual.measurements.sharpness`); 0 without a face.
    turned_share : float
        Share of this face's frames with the head turned by more than `TURNED_YAW` or `TURNED_PITCH`; 0 without a face.
    objection : str or None
        Why the face is no evidence, so that `stream` is empty: ``frozen_picture``, ``not_a_face``, ``occluded`` (see
        `extractors.visual.evidence`) or ``low_face_confidence``.
    """

    track: int | None
    confidence: float
    faces: int
    stream: FeatureStream
    face_share: float
    face_height: float
    sharpness: float
    turned_share: float
    objection: str | None = None


def choose_face(
    tracks: VisualTracks,
    *,
    start: float,
    end: float,
    speech: NDArray[np.float64] | None = None,
    odds: Mapping[int, float] | None = None,
    stream_of: Callable[[int], FeatureStream] | None = None,
) -> FaceChoice:
    """Choose the speaker's face in one utterance.

    It is the face with the fastest lip movement during speech, weighted by the share of the utterance in which the face
    is detected. The confidence is a softmax over the faces and one speaker outside the frame with mouth speed
    `STILL_SPEED`.

    Parameters
    ----------
    tracks : VisualTracks
        All faces of the video.
    start, end : float
        The utterance, in seconds.
    speech : ndarray, shape (n, 2), optional
        Start and end of every interval of speech in the video in seconds, for instance from voice activity detection.
        Without it, or without an interval in this utterance, the whole utterance counts as speech.
    odds : mapping of int to float, optional
        By track, how likely it is the face of this utterance's voice over the whole video, see
        `extractors.visual.voice_faces`. It takes the place of the lip speed in this utterance.
    stream_of : callable, optional
        `facet_stream` by track, where the caller keeps them for many utterances.

    Returns
    -------
    FaceChoice
        With ``track=None`` where there is no face.
    """
    numbers, counts = np.unique(tracks.track, return_counts=True)
    inside = (tracks.times >= start) & (tracks.times <= end)
    present = np.intersect1d(numbers[counts >= FEWEST_DETECTIONS], tracks.track[inside])
    looked_at = int(((tracks.frame_times >= start) & (tracks.frame_times <= end)).sum())
    if not len(present):
        return FaceChoice(None, 0.0, 0, facet_stream(tracks, track=-1), 0.0, 0.0, 0.0, 0.0)
    rows_of = [np.flatnonzero(inside & (tracks.track == track)) for track in present]
    shares = np.array([len(rows) / looked_at for rows in rows_of])
    speeds = np.array([mouth_speed(tracks.times[rows], tracks.mouth[rows], speech=speech) for rows in rows_of])
    scores = speeds / SPEED_SCALE
    if odds:
        scores = np.array([odds.get(int(track), score) for track, score in zip(present, scores, strict=True)])
    weights = shares * np.exp(scores)
    best = int(np.argmax(weights))
    track, rows = int(present[best]), rows_of[best]
    whole = facet_stream(tracks, track=track) if stream_of is None else stream_of(track)
    within = (whole.times >= start) & (whole.times <= end)
    pose = tracks.pose[rows]
    confidence = float(weights[best] / (weights.sum() + np.exp(STILL_SPEED / SPEED_SCALE)))
    objection = face_evidence(tracks, track=track, start=start, end=end).objection
    if objection is None and confidence < LEAST_CONFIDENCE:
        objection = "low_face_confidence"
    within &= objection is None
    return FaceChoice(
        track=track,
        confidence=confidence,
        faces=len(present),
        stream=FeatureStream(
            whole.times[within], whole.values[within], whole.names, whole.valid[within], whole.version
        ),
        face_share=float(shares[best]),
        face_height=float(np.median(tracks.boxes[rows, 3] - tracks.boxes[rows, 1]) / tracks.image_height),
        sharpness=float(np.median(tracks.sharpness[rows])),
        turned_share=float(((np.abs(pose[:, 1]) > TURNED_YAW) | (np.abs(pose[:, 0]) > TURNED_PITCH)).mean()),
        objection=objection,
    )


def mouth_speed(
    times: NDArray[np.float64], mouth: NDArray[np.float32], *, speech: NDArray[np.float64] | None = None
) -> float:
    """Compute the mean speed of change of the gap between the lips during speech.

    Parameters
    ----------
    times : ndarray, shape (frames,)
        Seconds, increasing.
    mouth : ndarray, shape (frames,)
        Gap between the lips in eye distances.
    speech : ndarray, shape (n, 2), optional
        Intervals of speech in seconds; without one within `times`, all frames count.

    Returns
    -------
    float
        Eye distances per second; 0 for fewer than two frames.
    """
    if len(times) < 2:
        return 0.0
    speeds = np.abs(np.diff(mouth.astype(np.float64))) / np.diff(times)
    middles = (times[1:] + times[:-1]) / 2
    spoken = np.zeros(len(middles), np.bool_)
    around = () if speech is None else speech[(speech[:, 1] >= times[0]) & (speech[:, 0] <= times[-1])]
    for begin, finish in around:
        spoken |= (middles >= begin) & (middles <= finish)
    return float(speeds[spoken].mean() if spoken.any() else speeds.mean())
