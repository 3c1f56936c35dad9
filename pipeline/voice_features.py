"""Voice columns of the acoustic modality: whisper's encoder states per utterance."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mtmm_video.extractors.acoustic.columns import VOICE_NAMES, VOICE_VERSION
from mtmm_video.extractors.acoustic.whisper_states import voice_states
from mtmm_video.foundation.graphics import torch_device
from mtmm_video.model.features import ModalityFeatures


def voice_features(
    waveform: NDArray[np.floating], *, sample_rate: int, spans: Sequence[tuple[float, float]], model: Path
) -> ModalityFeatures:
    """Compute the voice columns of each utterance, on the graphics processor where there is one; see `voice_states`."""
    values, valid = voice_states(waveform, sample_rate=sample_rate, spans=spans, model=model, device=torch_device())
    return ModalityFeatures(values, np.repeat(valid[:, None], len(VOICE_NAMES), axis=1), VOICE_NAMES, VOICE_VERSION)


def no_voice(count: int) -> ModalityFeatures:
    """Return invalid voice columns for `count` utterances without audio."""
    shape = (count, len(VOICE_NAMES))
    return ModalityFeatures(np.zeros(shape, np.float32), np.zeros(shape, np.bool_), VOICE_NAMES, VOICE_VERSION)
