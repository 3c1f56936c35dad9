"""The losses of the four tasks, over the labels that are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from mtmm_video.model.batches import Batch
from mtmm_video.model.cim import Outputs
from mtmm_video.model.network_shape import Task
from mtmm_video.model.recipes import Recipe
from mtmm_video.model.table import UtteranceTable


@dataclass(frozen=True)
class Targets:
    """Labels and row weights of a table as tensors; NaN marks labels that are not known."""

    labels: Mapping[Task, Tensor]
    weights: Tensor

    @classmethod
    def of(cls, table: UtteranceTable, *, corpus_weights: Mapping[str, float], device: torch.device) -> Targets:
        """Take the labels of a table, (n,) to (n, 7), and its rows' weights, (n,)."""
        weights = np.asarray([corpus_weights.get(corpus, 1.0) for corpus in table.corpora], dtype=np.float32)
        return cls(
            labels={
                "sentiment": torch.from_numpy(table.labels.sentiment).to(device),
                "emotion": torch.from_numpy(table.labels.emotion).to(device),
                "sentiment_intensity": torch.from_numpy(table.labels.sentiment_intensity[:, None]).to(device),
                "emotion_intensity": torch.from_numpy(table.labels.emotion_intensity).to(device),
            },
            weights=torch.from_numpy(weights[table.video_of_row]).to(device),
        )


def task_loss(task: Task, *, logits: Tensor, target: Tensor, weights: Tensor) -> Tensor:
    """Loss of one task, averaged over the labels that are known.

    Parameters
    ----------
    task : Task
        Decides the loss: categorical and binary cross-entropy (paper, Table 5), smooth L1 for intensities.
    logits : Tensor, shape (n, width)
        Of the utterances that exist.
    target : Tensor, shape (n,) for sentiment, else (n, width)
        NaN where not known.
    weights : Tensor, shape (n,)
        Of the rows.

    Returns
    -------
    Tensor, shape ()
        0 where nothing is known.
    """
    known = ~torch.isnan(target)  # (n,) or (n, width)
    filled = torch.nan_to_num(target)
    if task == "sentiment":
        both = torch.stack([1 - filled, filled], dim=-1)  # (n, 2)
        losses = -(both * logits.log_softmax(dim=-1)).sum(dim=-1)  # (n,)
    else:
        weights = weights[:, None]  # (n, 1)
        if task == "emotion":
            losses = functional.binary_cross_entropy_with_logits(logits, filled, reduction="none")  # (n, 7)
        else:
            losses = functional.smooth_l1_loss(logits, filled, reduction="none")  # (n, width)
    return (losses * known * weights).sum() / known.sum().clamp(min=1)


def total_loss(outputs: Outputs, batch: Batch, targets: Targets, recipe: Recipe) -> Tensor:
    """Sum of the tasks' losses over the utterances of a batch that exist, shape ()."""
    rows = batch.rows[batch.exists]  # (n,)
    losses = [
        recipe.task_weights.get(task, 1.0)
        * task_loss(
            task,
            logits=logits[batch.exists],
            target=targets.labels[task][rows],
            weights=targets.weights[rows],
        )
        for task, logits in outputs.logits.items()
    ]
    return torch.stack(losses).sum()
