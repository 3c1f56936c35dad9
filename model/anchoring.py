"""Outputs of a network whose voice and face are weighed against natural speech, see `model.anchor`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mtmm_video.model.anchor import Anchor
from mtmm_video.model.cim import CimNetwork, Outputs
from mtmm_video.model.features import Modality
from mtmm_video.model.network_shape import Task


def shifts_of(
    network: CimNetwork, inputs: Mapping[Modality, Tensor], masks: Mapping[Modality, Tensor], *, modality: Modality
) -> dict[Task, Tensor]:
    """Return what a modality adds to the outputs of the words.

    Parameters
    ----------
    network : CimNetwork
        In evaluation.
    inputs, masks : mapping of Modality to Tensor, shapes (B, U, C) and (B, U)
        As `CimNetwork.forward` takes them.
    modality : Modality
        Not text.

    Returns
    -------
    dict of Task to Tensor, each of shape (B, U, width)
        Sentiment as one margin. 0 where an utterance lacks words or the modality.
    """
    both = masks["text"] & masks[modality]  # (B, U)
    alone = _margins(network(inputs, _only(masks, ("text",))))
    together = _margins(network(inputs, _only(masks, ("text", modality))))
    return {task: (together[task] - alone[task]) * both[..., None] for task in alone}


def anchored(
    network: CimNetwork,
    inputs: Mapping[Modality, Tensor],
    masks: Mapping[Modality, Tensor],
    *,
    anchors: Mapping[Modality, Anchor],
) -> tuple[Outputs, Outputs]:
    """Label every utterance of every video, voice and face weighed against natural speech.

    Parameters
    ----------
    network : CimNetwork
        In evaluation.
    inputs, masks : mapping of Modality to Tensor, shapes (B, U, C) and (B, U)
        As `CimNetwork.forward` takes them.
    anchors : mapping of Modality to Anchor
        Of modalities beside the words; one without an anchor counts in full, so that none at all gives the network's
        outputs as they are.

    Returns
    -------
    outputs : Outputs
        Where an utterance has no words, the network's own logits; the encodings are the network's.
    words : Outputs
        Of the words alone; the same as `outputs` where there are none.
    """
    whole: Outputs = network(inputs, masks)
    beside = [name for name in masks if name != "text" and bool(masks[name].any())]
    if "text" not in masks or not beside:
        return whole, whole
    alone: Outputs = network(inputs, _only(masks, ("text",)))
    # What has no anchor counts in full, beside words and what is weighed.
    full = [name for name in beside if name not in anchors]
    counting: Outputs = whole if full == beside else network(inputs, _only(masks, ("text", *full))) if full else alone
    logits = dict(counting.logits)
    for modality in anchors:
        for task, shift in shifts_of(network, inputs, masks, modality=modality).items():
            there = (masks["text"] & masks[modality])[..., None]
            counted = anchors[modality].weigh(task, shift) * there
            if task == "sentiment":
                counted = torch.cat([-counted / 2, counted / 2], dim=-1)
            logits[task] = logits[task] + counted
    worded = masks["text"][..., None]

    def where_worded(found: Mapping[Task, Tensor]) -> Outputs:
        chosen = {task: torch.where(worded, found[task], whole.logits[task]) for task in found}
        return Outputs(logits=chosen, encoded=whole.encoded)

    return where_worded(logits), where_worded(alone.logits)


def stacked(logits: Mapping[Task, NDArray[np.float32]]) -> NDArray[np.float64]:
    """Return all outputs side by side, shape (n, o): the margin of sentiment, its intensity, the emotions, theirs."""
    order: tuple[Task, ...] = ("sentiment", "sentiment_intensity", "emotion", "emotion_intensity")
    parts = [logits[task].astype(np.float64) for task in order if task in logits]
    if "sentiment" in logits:
        parts[0] = parts[0][:, 1:] - parts[0][:, :1]
    return np.concatenate(parts, axis=1)


def _only(masks: Mapping[Modality, Tensor], names: Sequence[Modality]) -> dict[Modality, Tensor]:
    return {name: mask if name in names else torch.zeros_like(mask) for name, mask in masks.items()}


def _margins(outputs: Outputs) -> dict[Task, Tensor]:
    """Return the logits with the two of sentiment as one margin."""
    return {
        task: logits[..., 1:] - logits[..., :1] if task == "sentiment" else logits
        for task, logits in outputs.logits.items()
    }
