"""A convolutional network over neighbouring utterances, for the systems of Table 7 with one on face images.

Nojavanasghari et al. (ICMI 2016) fuse the predictions of one network per modality; Blanchard et al. (2018) use acoustic
and visual features only. The original networks take images as input; this one takes utterance means.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn

from mtmm_video.model.cim import Outputs
from mtmm_video.model.features import Modality
from mtmm_video.model.network_shape import NetworkShape
from mtmm_video.model.paper.baselines.common import HIDDEN, Heads, zeroed

SPAN = 3  # utterances per filter


class ContextCnn(nn.Module):
    """Two convolutions over time per modality; their outputs are concatenated."""

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__()
        self.first = nn.ModuleDict(
            {name: nn.Conv1d(columns, HIDDEN, SPAN, padding="same") for name, columns in shape.columns.items()}
        )
        self.second = nn.ModuleDict({name: nn.Conv1d(HIDDEN, HIDDEN, SPAN, padding="same") for name in shape.columns})
        self.dropout = nn.Dropout(shape.dropout)
        self.heads = Heads(HIDDEN * len(shape.columns), shape)

    def forward(self, inputs: Mapping[Modality, Tensor], masks: Mapping[Modality, Tensor]) -> Outputs:
        """Label every utterance; inputs (B, U, C) and masks (B, U) per modality."""
        exists = torch.stack(list(masks.values())).any(dim=0)[:, None]  # (B, 1, U)
        read = []
        for name, values in zeroed(inputs, masks).items():
            # The bias is non-zero on padding, which without `exists` would reach its neighbours in layer two.
            once = torch.relu(self.first[name](values.transpose(1, 2))) * exists  # (B, H, U)
            read.append(torch.relu(self.second[name](self.dropout(once))).transpose(1, 2))  # (B, U, H)
        return cast(Outputs, self.heads(torch.cat(read, dim=-1)))
