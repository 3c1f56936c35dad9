"""FACET-35: face detection and tracking, facial measurements, and their map to the scale of MOSEI's visual columns."""

from mtmm_video.extractors.visual.names import FACET_NAMES, FACET_VERSION
from mtmm_video.extractors.visual.speaker import FaceChoice, choose_face
from mtmm_video.extractors.visual.tracking import DEFAULT_SAMPLING_RATE, LONGEST_SIDE, track_faces
from mtmm_video.extractors.visual.tracks import VisualTracks

__all__ = [
    "DEFAULT_SAMPLING_RATE",
    "FACET_NAMES",
    "FACET_VERSION",
    "LONGEST_SIDE",
    "FaceChoice",
    "VisualTracks",
    "choose_face",
    "track_faces",
]
