"""Multi-view LSTM with fully connected views (Rajagopalan et al., ECCV 2016)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn

from mtmm_video.model.cim import Outputs
from mtmm_video.model.features import Modality
from mtmm_video.model.network_shape import NetworkShape
from mtmm_video.model.paper.baselines.common import HIDDEN, Heads, zeroed


class MultiViewLstm(nn.Module):
    """One memory per modality; the gates of each depend on the hidden states of all."""

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__()
        self.names = tuple(shape.columns)
        everything = HIDDEN * len(self.names)
        self.gates = nn.ModuleDict(
            {name: nn.Linear(columns + everything, 4 * HIDDEN) for name, columns in shape.columns.items()}
        )
        self.heads = Heads(everything, shape)

    def forward(self, inputs: Mapping[Modality, Tensor], masks: Mapping[Modality, Tensor]) -> Outputs:
        """Label every utterance; inputs (B, U, C) and masks (B, U) per modality."""
        values = zeroed(inputs, masks)
        batch, steps = values[self.names[0]].shape[:2]
        memory = {name: values[name].new_zeros(batch, HIDDEN) for name in self.names}  # (B, H)
        shared = values[self.names[0]].new_zeros(batch, HIDDEN * len(self.names))  # (B, M H)
        seen = []
        for step in range(steps):
            hidden = []
            for name in self.names:
                gates = self.gates[name](torch.cat([values[name][:, step], shared], dim=-1))  # (B, 4H)
                keep, write, show, new = gates.chunk(4, dim=-1)  # (B, H) x 4
                memory[name] = keep.sigmoid() * memory[name] + write.sigmoid() * new.tanh()  # (B, H)
                hidden.append(show.sigmoid() * memory[name].tanh())  # (B, H)
            shared = torch.cat(hidden, dim=-1)  # (B, M H)
            seen.append(shared)
        return cast(Outputs, self.heads(torch.stack(seen, dim=1)))
