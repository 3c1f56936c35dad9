"""Which measurements the labels may rest on: what was measured badly is shown, and weighs nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mtmm_video.model.features import Modality, VideoFeatures
from mtmm_video.pipeline.job import Job
from mtmm_video.pipeline.quality import (
    BLURRED_SHARPNESS,
    OVERLAP_SHARE,
    PARTIAL_FACE_SHARE,
    SMALL_FACE_PIXELS,
    TURNED_SHARE,
    UNVOICED_SHARE,
    Quality,
)

TRUST_VERSION = "1"
UNSURE_FACE = 0.5  # face_confidence: more likely somebody else's face than the speaker's


def prediction_parameters(job: Job) -> dict[str, Any]:
    """Return what decides the labels beside the features."""
    return {
        "checkpoint": job.checkpoint_sha256,
        "modalities": sorted(job.options.modalities),
        "trust": TRUST_VERSION,
        **({"attention": "whole"} if "attention" in job.options.formats else {}),
    }


def trusted(modality: Modality, quality: Quality) -> bool:
    """Tell whether the labels of an utterance may rest on a modality.

    Parameters
    ----------
    modality : Modality
        Words are always trusted: there is nothing to put in their place.
    quality : Quality
        Of the utterance. What was not measured speaks against nothing.
    """
    if modality == "acoustic":
        return not (_below(quality.voiced_share, UNVOICED_SHARE) or _above(quality.overlap_share, OVERLAP_SHARE))
    if modality == "visual":
        return not (
            _below(quality.face_confidence, UNSURE_FACE)
            or _above(quality.turned_share, TURNED_SHARE)
            or _below(quality.face_share, PARTIAL_FACE_SHARE)
            or _below(quality.face_height, SMALL_FACE_PIXELS)
            or _below(quality.sharpness, BLURRED_SHARPNESS)
        )
    return True


def trusted_features(video: VideoFeatures, quality: Sequence[Quality], *, wanted: Collection[str]) -> VideoFeatures:
    """Return the features that the labels may rest on.

    Parameters
    ----------
    video : VideoFeatures
        As measured.
    quality : sequence of Quality, length u
        Of its utterances.
    wanted : collection of str
        Modalities that the user wants; others are left out.

    Returns
    -------
    VideoFeatures
        Rows that are not trusted are marked as not measured.
    """
    modalities = {}
    for modality, features in video.modalities.items():
        if modality not in wanted:
            continue
        kept = np.array([trusted(modality, each) for each in quality], dtype=np.bool_)[:, None]  # (u, 1)
        valid = features.valid & kept
        modalities[modality] = replace(features, values=np.where(valid, features.values, 0.0), valid=valid)
    return replace(video, modalities=modalities)


def _below(value: float | None, limit: float) -> bool:
    return value is not None and value < limit


def _above(value: float | None, limit: float) -> bool:
    return value is not None and value > limit
