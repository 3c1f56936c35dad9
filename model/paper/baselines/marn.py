"""MARN: long-short term hybrid memories and a multi-attention block (Zadeh et al., AAAI 2018)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn

from mtmm_video.model.cim import Outputs
from mtmm_video.model.features import Modality
from mtmm_video.model.network_shape import NetworkShape
from mtmm_video.model.paper.baselines.common import HIDDEN, Heads, zeroed

ATTENTIONS = 4  # K of the paper: cross-view dynamics found per step
REDUCED = 16  # units per modality to which the attended outputs are reduced


class MultiAttentionRecurrent(nn.Module):
    """Hybrid memories: a further input of each modality's LSTM is a code from K attentions over all outputs."""

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__()
        self.names = tuple(shape.columns)
        width = HIDDEN * len(self.names)
        code = REDUCED * len(self.names)
        self.gates = nn.ModuleDict(
            {name: nn.Linear(columns + HIDDEN + code, 4 * HIDDEN) for name, columns in shape.columns.items()}
        )
        self.attend = nn.Linear(width, ATTENTIONS * width)
        self.reduce = nn.ModuleDict({name: nn.Linear(ATTENTIONS * HIDDEN, REDUCED) for name in self.names})
        self.combine = nn.Sequential(nn.Linear(code, code), nn.ReLU())
        self.heads = Heads(width + code, shape)

    def forward(self, inputs: Mapping[Modality, Tensor], masks: Mapping[Modality, Tensor]) -> Outputs:
        """Label every utterance; inputs (B, U, C) and masks (B, U) per modality."""
        values = zeroed(inputs, masks)
        batch, steps = values[self.names[0]].shape[:2]
        blank = values[self.names[0]].new_zeros(batch, HIDDEN)
        memory, hidden = dict.fromkeys(self.names, blank), dict.fromkeys(self.names, blank)  # (B, H) each
        code = blank.new_zeros(batch, REDUCED * len(self.names))  # (B, M R)
        seen = []
        for step in range(steps):
            for name in self.names:
                gates = self.gates[name](torch.cat([values[name][:, step], hidden[name], code], dim=-1))  # (B, 4H)
                keep, write, show, new = gates.chunk(4, dim=-1)  # (B, H) x 4
                memory[name] = keep.sigmoid() * memory[name] + write.sigmoid() * new.tanh()  # (B, H)
                hidden[name] = show.sigmoid() * memory[name].tanh()  # (B, H)
            outputs = torch.cat(list(hidden.values()), dim=-1)  # (B, M H)
            weights = self.attend(outputs).unflatten(-1, (ATTENTIONS, -1)).softmax(dim=-1)  # (B, K, M H)
            attended = weights * outputs[:, None, :]  # (B, K, M H)
            per_view = attended.unflatten(-1, (len(self.names), HIDDEN))  # (B, K, M, H)
            reduced = [
                self.reduce[name](per_view[:, :, index].flatten(1))  # (B, R)
                for index, name in enumerate(self.names)
            ]
            code = self.combine(torch.cat(reduced, dim=-1))  # (B, M R)
            seen.append(torch.cat([outputs, code], dim=-1))  # (B, M H + M R)
        return cast(Outputs, self.heads(torch.stack(seen, dim=1)))
