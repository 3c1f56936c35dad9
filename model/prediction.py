"""From `VideoFeatures` to labels."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from mtmm_video.model.anchoring import anchored
from mtmm_video.model.attention import (
    DENSE_LIMIT,
    AttentionMatrix,
    LargestWeights,
    largest_weights,
)
from mtmm_video.model.checkpoint import Checkpoint
from mtmm_video.model.cim import attention_weights
from mtmm_video.model.features import Modality, VideoFeatures
from mtmm_video.model.labels import EMOTION_CLASSES, EMOTIONS, INTENSITY_RANGE, SENTIMENT_CLASSES, SENTIMENT_RANGE
from mtmm_video.model.network_shape import Pair
from mtmm_video.model.prediction_types import UtterancePrediction, VideoPrediction
from mtmm_video.model.scores import Scores, scores_of

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


def predict(checkpoint: Checkpoint, features: VideoFeatures, *, whole_attention: bool = True) -> VideoPrediction:
    """Label the utterances of one video.

    Parameters
    ----------
    checkpoint : Checkpoint
        From `model.checkpoint.load_checkpoint`.
    features : VideoFeatures
        Utterance means, in order of time. Modalities the checkpoint does not take are ignored; modalities it takes and
        the video lacks are masked, and `modalities_used` says so per utterance.
    whole_attention : bool
        False keeps the 64 largest weights of each row (`model.attention`) where there are more than 300 utterances,
        so that memory is linear in them.

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
        outputs, words = anchored(checkpoint.network, inputs, masks, anchors=checkpoint.specification.anchors)
    scores = scores_of(
        checkpoint.specification,
        {task: tensor[0].numpy() for task, tensor in outputs.logits.items()},
        words={task: tensor[0].numpy() for task, tensor in words.logits.items()},
        text=inputs["text"][0].numpy() if "text" in inputs else None,
        recordings=np.zeros(len(features), np.int64),
    )
    used = {modality: mask[0].numpy() for modality, mask in masks.items()}
    thresholds = checkpoint.specification.thresholds.get("label", {})
    utterances = tuple(
        utterance_prediction(
            scores,
            index,
            thresholds=dict(zip(EMOTIONS, map(float, scores.thresholds[index]), strict=True))
            if scores.thresholds is not None
            else {name: float(thresholds.get(name, DEFAULT_LABEL_THRESHOLD)) for name in EMOTIONS},
            used=tuple(modality for modality, mask in used.items() if mask[index]),
        )
        for index in range(len(features))
    )
    whole = whole_attention or len(features) <= DENSE_LIMIT
    attention: dict[Pair, tuple[AttentionMatrix, AttentionMatrix]] = {
        (x, y): (
            _attention(outputs.encoded[x], outputs.encoded[y], mask=masks[y], whole=whole),
            _attention(outputs.encoded[y], outputs.encoded[x], mask=masks[x], whole=whole),
        )
        for x, y in checkpoint.specification.shape.pairs
        if bool(masks[x].any()) and bool(masks[y].any())
    }
    return VideoPrediction(utterances=utterances, attention=attention)


def _attention(queries: Tensor, keys: Tensor, *, mask: Tensor, whole: bool) -> AttentionMatrix:
    """Return the attention of one video's queries over its keys, computed block by block."""
    blocks = (block[0].numpy() for block in attention_weights(queries, keys, mask=mask))
    if whole:
        return np.concatenate(list(blocks))
    kept = [largest_weights(block) for block in blocks]
    return LargestWeights(
        np.concatenate([columns for columns, _ in kept]), np.concatenate([weights for _, weights in kept])
    )


def utterance_prediction(
    scores: Scores, index: int, *, thresholds: Mapping[str, float], used: tuple[Modality, ...]
) -> UtterancePrediction:
    """Return the labels of a row of `scores`. A task that the checkpoint does not know gets even odds, or no label."""
    classes: dict[str, float] = {"negative": 0.5, "positive": 0.5}
    if scores.classes is not None:
        classes = {name: float(p) for name, p in zip(SENTIMENT_CLASSES, scores.classes[index], strict=True)}
    elif scores.positive is not None:
        positive = float(scores.positive[index])
        classes = {"negative": 1.0 - positive, "positive": positive}
    emotion = np.zeros(len(EMOTION_CLASSES)) if scores.emotion is None else scores.emotion[index]
    probabilities = {name: float(value) for name, value in zip(EMOTION_CLASSES, emotion, strict=True)}
    labels = [name for name in EMOTIONS if scores.emotion is not None and probabilities[name] >= thresholds[name]]
    strength, strengths = scores.sentiment_intensity, scores.emotion_intensity
    return UtterancePrediction(
        sentiment=most_probable(classes),
        sentiment_probabilities=classes,
        sentiment_intensity=None if strength is None else float(np.clip(strength[index], *SENTIMENT_RANGE)),
        emotions=tuple(sorted(labels, key=lambda name: -probabilities[name])),
        emotion_probabilities=probabilities,
        emotion_intensities=None
        if strengths is None
        else {
            name: float(np.clip(value, *INTENSITY_RANGE))
            for name, value in zip(EMOTIONS, strengths[index], strict=True)
        },
        modalities_used=used,
        emotion_thresholds=thresholds if scores.emotion is not None else {},
    )


def most_probable(classes: Mapping[str, float]) -> str:
    """Return the name of the most probable class; of equal ones the most positive, as the paper has it."""
    return max(reversed(list(classes)), key=classes.__getitem__)
