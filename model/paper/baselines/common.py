"""Common parts of the neural baselines: inputs with absent values set to 0, and one linear head per task."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from mtmm_video.model.cim import Outputs
from mtmm_video.model.features import Modality
from mtmm_video.model.network_shape import TASK_WIDTHS, NetworkShape

HIDDEN = 64  # units per modality: about the size of the smaller settings in the original papers


class Heads(nn.Module):
    """Dropout, and one linear layer per task, on a representation of `width` units."""

    def __init__(self, width: int, shape: NetworkShape) -> None:
        super().__init__()
        self.dropout = nn.Dropout(shape.dropout)
        self.layers = nn.ModuleDict({task: nn.Linear(width, TASK_WIDTHS[task]) for task in shape.tasks})
        self.tasks = shape.tasks

    def forward(self, representation: Tensor) -> Outputs:
        """Label a representation of shape (B, U, width); the returned attention is empty."""
        dropped = self.dropout(representation)  # (B, U, width)
        return Outputs(logits={task: self.layers[task](dropped) for task in self.tasks})


def zeroed(inputs: Mapping[Modality, Tensor], masks: Mapping[Modality, Tensor]) -> dict[Modality, Tensor]:
    """Return the inputs, each (B, U, C), with 0 where a modality is absent: the column means after normalising."""
    return {name: values * masks[name][:, :, None] for name, values in inputs.items()}


def joined(inputs: Mapping[Modality, Tensor], masks: Mapping[Modality, Tensor]) -> Tensor:
    """Return all modalities concatenated, (B, U, sum of C)."""
    return torch.cat(list(zeroed(inputs, masks).values()), dim=-1)
