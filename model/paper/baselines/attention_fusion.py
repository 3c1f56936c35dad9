"""Feature fusion by self-attention over modalities (Hazarika et al., MIPR 2018).

Every modality is projected to a common width; the attention weights of the modalities of an utterance determine their
weighted sum. No context across utterances.
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


class SelfAttentionFusion(nn.Module):
    """Attention over modalities, then a classifier."""

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__()
        self.project = nn.ModuleDict(
            {
                name: nn.Sequential(nn.Linear(columns, 2 * HIDDEN), nn.ReLU(), nn.Dropout(shape.dropout))
                for name, columns in shape.columns.items()
            }
        )
        self.hidden = nn.Linear(2 * HIDDEN, 2 * HIDDEN)
        self.score = nn.Linear(2 * HIDDEN, 1, bias=False)
        self.heads = Heads(2 * HIDDEN, shape)

    def forward(self, inputs: Mapping[Modality, Tensor], masks: Mapping[Modality, Tensor]) -> Outputs:
        """Label every utterance; inputs (B, U, C) and masks (B, U) per modality."""
        projected = torch.stack(
            [self.project[name](values) for name, values in zeroed(inputs, masks).items()], dim=2
        )  # (B, U, M, 2H)
        present = torch.stack(list(masks.values()), dim=2)  # (B, U, M)
        scores = self.score(self.hidden(projected).tanh()).squeeze(-1)  # (B, U, M)
        # For an utterance without any modality the weights are uniform.
        absent = ~present & present.any(dim=2, keepdim=True)
        weights = scores.masked_fill(absent, float("-inf")).softmax(dim=2)  # (B, U, M)
        return cast(Outputs, self.heads((weights[..., None] * projected).sum(dim=2)))
