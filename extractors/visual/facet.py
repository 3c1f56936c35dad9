"""FACET's 35 columns of one tracked face."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mtmm_video.extractors.stream import FeatureStream
from mtmm_video.extractors.visual.calibration import EXPRESSIONS, action_unit_map, expression_map
from mtmm_video.extractors.visual.measurements import shapes
from mtmm_video.extractors.visual.names import ACTION_UNIT_NAMES, FACET_NAMES, FACET_VERSION, POSE_NAMES, PYFEAT_VERSION
from mtmm_video.extractors.visual.tracks import VisualTracks

_COLUMNS = [FACET_NAMES.index(name) for name in (*EXPRESSIONS, *ACTION_UNIT_NAMES, *POSE_NAMES)]


def facet_stream(tracks: VisualTracks, *, track: int) -> FeatureStream:
    """Compute FACET's 35 columns for one face over the whole video.

    Parameters
    ----------
    tracks : VisualTracks
        All faces of the video.
    track : int
        Track number of the face.

    Returns
    -------
    FeatureStream
        One row per detection of that face. Contempt, Confusion, Frustration, Has_Glasses and Is_Male are not estimated
        (gender is not inferred on principle): they are invalid throughout.
    """
    rows = np.flatnonzero(tracks.track == track)
    values: NDArray[np.float64] = np.zeros((len(rows), len(FACET_NAMES)))
    valid = np.zeros(values.shape, np.bool_)
    if tracks.facet.shape[1]:
        valid = np.isfinite(tracks.facet[rows])
        values[valid] = tracks.facet[rows][valid]
        return FeatureStream(tracks.times[rows], values, FACET_NAMES, valid, PYFEAT_VERSION)
    if len(rows):
        values[:, _COLUMNS] = np.hstack(
            [
                expression_map().evidence(tracks.expressions[rows]),
                action_unit_map().evidence(tracks.movement[rows], shapes(tracks.blendshapes[rows])),
                tracks.pose[rows],
            ]
        )
        valid[:, _COLUMNS] = True
    return FeatureStream(tracks.times[rows], values, FACET_NAMES, valid, FACET_VERSION)
