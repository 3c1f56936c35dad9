"""From measurements to FACET's 35 columns."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from extractors.stream import FeatureStream
from extractors.visual.names import BLENDSHAPE_NAMES, FACET_NAMES, FACET_VERSION, POSE_NAMES
from extractors.visual.tracks import VisualTracks

# Blendshapes that stand for an action unit by name, and FACET's mean and deviation of that unit over CMU-MOSEI
BY_NAME: dict[str, tuple[tuple[str, ...], float, float]] = {
    "AU1": (("browInnerUp",), 0.081, 1.057),
    "AU2": (("browOuterUpLeft", "browOuterUpRight"), -0.127, 0.956),
    "AU4": (("browDownLeft", "browDownRight"), -0.368, 0.805),
    "AU5": (("eyeWideLeft", "eyeWideRight"), -1.121, 0.895),
    "AU6": (("cheekSquintLeft", "cheekSquintRight"), -0.819, 0.998),
    "AU7": (("eyeSquintLeft", "eyeSquintRight"), -0.593, 0.705),
    "AU9": (("noseSneerLeft", "noseSneerRight"), -2.129, 1.385),
    "AU10": (("mouthUpperUpLeft", "mouthUpperUpRight"), -0.422, 1.029),
    "AU12": (("mouthSmileLeft", "mouthSmileRight"), -0.616, 1.005),
    "AU14": (("mouthDimpleLeft", "mouthDimpleRight"), -0.881, 0.845),
    "AU15": (("mouthFrownLeft", "mouthFrownRight"), -1.030, 0.832),
    "AU17": (("mouthShrugLower",), -0.908, 0.854),
    "AU18": (("mouthPucker",), -1.508, 1.727),
    "AU20": (("mouthStretchLeft", "mouthStretchRight"), -0.469, 0.862),
    "AU23": (("mouthFunnel",), -0.784, 0.606),
    "AU24": (("mouthPressLeft", "mouthPressRight"), -1.142, 1.080),
    "AU25": (("jawOpen",), -0.045, 1.477),
    "AU26": (("jawOpen",), -0.359, 1.116),
    "AU28": (("mouthRollLower", "mouthRollUpper"), -2.040, 1.339),
    "AU43": (("eyeBlinkLeft", "eyeBlinkRight"), -0.249, 1.514),
}


def facet_stream(tracks: VisualTracks, *, track: int) -> FeatureStream:
    """Return FACET's 35 columns for one face over the whole video.

    Returns
    -------
    FeatureStream
        One row per finding of that face; columns that cannot be had are invalid throughout.
    """
    rows = np.flatnonzero(tracks.track == track)
    values: NDArray[np.float64] = np.zeros((len(rows), len(FACET_NAMES)))
    valid = np.zeros(values.shape, np.bool_)
    for column, name in enumerate(POSE_NAMES):
        values[:, FACET_NAMES.index(name)] = tracks.pose[rows, column]
        valid[:, FACET_NAMES.index(name)] = True
    for name, (shapes, mean, deviation) in BY_NAME.items():
        score = np.mean([tracks.measurements[rows, BLENDSHAPE_NAMES.index(shape)] for shape in shapes], axis=0)
        values[:, FACET_NAMES.index(name)] = mean + deviation * (score - 0.15) / 0.2
        valid[:, FACET_NAMES.index(name)] = True
    return FeatureStream(tracks.times[rows], values, FACET_NAMES, valid, FACET_VERSION)
