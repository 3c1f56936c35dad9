"""From `VideoFeatures` to labels."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from mtmm_video.model.checkpoint import Checkpoint
from mtmm_video.model.cim import Outputs, Pair
from mtmm_video.model.features import Modality, VideoFeatures
from mtmm_video.model.labels import EMOTION_CLASSES, EMOTIONS, INTENSITY_RANGE, SENTIMENT_RANGE, SENTIMENTS
from mtmm_video.model.prediction_types import UtterancePrediction, VideoPrediction

DEFAULT_LABEL_THRESHOLD = 0.5  # for a checkpoint that states none


def network_inputs(
    checkpoint: Checkpoint, features: VideoFeatures
) -> tuple[dict[Modality, torch.Tensor], dict[Modality, torch.Tensor]]:
    """Match, normalise and mask one video's features for the network.

    Returns
    -------
    inputs : dict of Modality to Tensor, each of shape (1, u, d)
        0 where the video lacks the modality.
    masks : dict of Modality to Tensor of bool, each of shape (1, u)

    Raises
    ------
    CheckpointError
        If a modality's version or columns are not the ones the checkpoint was trained on.
    """
    inputs: dict[Modality, torch.Tensor] = {}
    masks: dict[Modality, torch.Tensor] = {}
    for modality, columns in checkpoint.specification.columns.items():
        if modality in features.modalities:
            values, present = columns.prepare(features.modalities[modality], speakers=features.speaker_numbers)
        else:
            values = np.zeros((len(features), len(columns.names)), dtype=np.float32)
            present = np.zeros(len(features), dtype=np.bool_)
        inputs[modality] = torch.from_numpy(values)[None]
        masks[modality] = torch.from_numpy(present)[None]
    return inputs, masks


def predict(checkpoint: Checkpoint, features: VideoFeatures) -> VideoPrediction:
    """Label the utterances of one video.

    Parameters
    ----------
    checkpoint : Checkpoint
        From `model.checkpoint.load_checkpoint`.
    features : VideoFeatures
        Utterance means, in order of time. Modalities the checkpoint does not take are ignored; modalities it takes and
        the video lacks are masked, and `modalities_used` says so per utterance.

    Returns
    -------
    VideoPrediction
        Calibrated probabilities, labels, and the attention of every pair whose two modalities the video has.

    Raises
    ------
    CheckpointError
        If a modality's version or columns are not the ones the checkpoint was trained on.
    """
    if len(features) == 0:
        return VideoPrediction(utterances=(), attention={})
    inputs, masks = network_inputs(checkpoint, features)
    with torch.inference_mode():
        outputs: Outputs = checkpoint.network(inputs, masks)
    logits = {task: tensor[0].numpy() for task, tensor in outputs.logits.items()}
    calibration = checkpoint.specification.calibration
    count = len(features)
    # A single-task checkpoint says nothing about the other task: even odds, no emotion labels.
    positive = calibration.positive(logits["sentiment"]) if "sentiment" in logits else np.full(count, 0.5)
    emotions = calibration.emotions(logits["emotion"]) if "emotion" in logits else np.zeros((count, 7))
    strength = logits.get("sentiment_intensity")
    strengths = logits.get("emotion_intensity")
    thresholds = checkpoint.specification.thresholds.get("label", {})
    utterances = []
    for index in range(count):
        probabilities = {name: float(value) for name, value in zip(EMOTION_CLASSES, emotions[index], strict=True)}
        labels = [name for name in EMOTIONS if probabilities[name] >= thresholds.get(name, DEFAULT_LABEL_THRESHOLD)]
        utterances.append(
            UtterancePrediction(
                sentiment=SENTIMENTS[int(positive[index] >= 0.5)],
                sentiment_probabilities={"negative": float(1 - positive[index]), "positive": float(positive[index])},
                sentiment_intensity=None if strength is None else float(np.clip(strength[index, 0], *SENTIMENT_RANGE)),
                emotions=tuple(sorted(labels, key=lambda name: -probabilities[name])),
                emotion_probabilities=probabilities,
                emotion_intensities=None
                if strengths is None
                else {
                    name: float(np.clip(value, *INTENSITY_RANGE))
                    for name, value in zip(EMOTIONS, strengths[index], strict=True)
                },
                modalities_used=tuple(modality for modality, mask in masks.items() if bool(mask[0, index])),
            )
        )
    attention: dict[Pair, tuple[NDArray[np.float32], NDArray[np.float32]]] = {
        (x, y): (N1[0].numpy(), N2[0].numpy())
        for (x, y), (N1, N2) in outputs.attention.items()
        if bool(masks[x].any()) and bool(masks[y].any())
    }
    return VideoPrediction(utterances=tuple(utterances), attention=attention)
