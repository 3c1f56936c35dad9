"""The strongest action units of a face, with a description of each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mtmm_video.pipeline.analysis import Analysis


@dataclass(frozen=True)
class ActionUnit:
    """A FACET column with its name in the Facial Action Coding System.

    Attributes
    ----------
    label : str
        Description of the movement.
    mean, deviation : float
        Of FACET's evidence over CMU-MOSEI's word-aligned frames, ../shared/data/mosei/feature_names_mean_std.csv.
    """

    label: str
    mean: float
    deviation: float


ACTION_UNITS: dict[str, ActionUnit] = {
    "AU1": ActionUnit("inner brows raised", 0.081, 1.057),
    "AU2": ActionUnit("outer brows raised", -0.127, 0.956),
    "AU4": ActionUnit("brows lowered", -0.368, 0.805),
    "AU5": ActionUnit("upper lids raised", -1.121, 0.895),
    "AU6": ActionUnit("cheeks raised", -0.819, 0.998),
    "AU7": ActionUnit("lids tightened", -0.593, 0.705),
    "AU9": ActionUnit("nose wrinkled", -2.129, 1.385),
    "AU10": ActionUnit("upper lip raised", -0.422, 1.029),
    "AU12": ActionUnit("lip corners up (smile)", -0.616, 1.005),
    "AU14": ActionUnit("dimples", -0.881, 0.845),
    "AU15": ActionUnit("lip corners down", -1.030, 0.832),
    "AU17": ActionUnit("chin raised", -0.908, 0.854),
    "AU18": ActionUnit("lips puckered", -1.508, 1.727),
    "AU20": ActionUnit("lips stretched", -0.469, 0.862),
    "AU23": ActionUnit("lips tightened", -0.784, 0.606),
    "AU24": ActionUnit("lips pressed", -1.142, 1.080),
    "AU25": ActionUnit("lips parted", -0.045, 1.477),
    "AU26": ActionUnit("jaw dropped", -0.359, 1.116),
    "AU28": ActionUnit("lips sucked in", -2.040, 1.339),
    "AU43": ActionUnit("eyes closed", -0.249, 1.514),
}


def strongest_units(analysis: Analysis, *, count: int = 4) -> list[list[tuple[str, float]]]:
    """Select the strongest action units of each utterance, relative to the speakers of CMU-MOSEI.

    Parameters
    ----------
    analysis : Analysis
    count : int
        Maximum number per utterance.

    Returns
    -------
    list of list of (str, float)
        Column name and standard deviations above the corpus mean, strongest first; only values above the mean. Empty
        for utterances without a measured face.
    """
    means = analysis.features.modalities.get("visual")
    if means is None:
        return [[] for _ in analysis.utterances]
    names = [name for name in ACTION_UNITS if name in means.names]
    columns = [means.names.index(name) for name in names]
    centre = np.array([ACTION_UNITS[name].mean for name in names])
    spread = np.array([ACTION_UNITS[name].deviation for name in names])
    scores: NDArray[np.float64] = (means.values[:, columns] - centre) / spread
    scores[~means.valid[:, columns]] = -np.inf
    found = []
    for row in scores:
        best = np.argsort(-row)[:count]
        found.append([(names[i], float(row[i])) for i in best if row[i] > 0])
    return found
