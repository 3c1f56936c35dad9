"""Tensor Fusion Network: outer product of all modalities (Zadeh et al., EMNLP 2017)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from mtmm_video.model.cim import Outputs
from mtmm_video.model.features import Modality
from mtmm_video.model.network_shape import NetworkShape
from mtmm_video.model.paper.baselines.common import HIDDEN, Heads, zeroed

EMBEDDING = 16  # units per modality in the product: three modalities give 17^3 = 4913 interactions


class TensorFusion(nn.Module):
    """Outer product of the modalities' embeddings, each with a 1 appended, then a classifier; no context."""

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__()
        self.embeddings = nn.ModuleDict(
            {
                name: nn.Sequential(
                    nn.Linear(columns, HIDDEN),
                    nn.ReLU(),
                    nn.Dropout(shape.dropout),
                    nn.Linear(HIDDEN, EMBEDDING),
                    nn.ReLU(),
                )
                for name, columns in shape.columns.items()
            }
        )
        self.fusion = nn.Sequential(nn.Linear((EMBEDDING + 1) ** len(shape.columns), HIDDEN), nn.ReLU())
        self.heads = Heads(HIDDEN, shape)

    def forward(self, inputs: Mapping[Modality, Tensor], masks: Mapping[Modality, Tensor]) -> Outputs:
        """Label every utterance; inputs (B, U, C) and masks (B, U) per modality."""
        product: Tensor | None = None
        for name, values in zeroed(inputs, masks).items():
            embedded = functional.pad(self.embeddings[name](values), (0, 1), value=1.0)  # (B, U, E + 1)
            outer = None if product is None else torch.einsum("bui,buj->buij", product, embedded)
            product = embedded if outer is None else outer.flatten(2)  # (B, U, (E + 1)^m)
        return cast(Outputs, self.heads(self.fusion(product)))
