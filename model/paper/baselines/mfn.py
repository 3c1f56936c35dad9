"""Memory Fusion Network (Zadeh et al., AAAI 2018b): LSTMs, attention over memory changes, a gated shared memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

import torch
from torch import Tensor, nn

from mtmm_video.model.cim import Outputs
from mtmm_video.model.features import Modality
from mtmm_video.model.network_shape import NetworkShape
from mtmm_video.model.paper.baselines.common import HIDDEN, Heads, zeroed


class DeltaMemoryAttention(nn.Module):
    """Attention over the memories of all modalities at the previous and the current step."""

    def __init__(self, modalities: int) -> None:
        super().__init__()
        self.width = 2 * HIDDEN * modalities
        self.score = nn.Sequential(nn.Linear(self.width, self.width), nn.ReLU(), nn.Linear(self.width, self.width))

    def forward(self, memories: Tensor) -> Tensor:
        """Attend within memories of shape (B, M, 2H) and return (B, 2 M H)."""
        flat = memories.flatten(1)  # (B, 2 M H)
        return cast(Tensor, flat * self.score(flat).softmax(dim=-1))


class MemoryFusion(nn.Module):
    """System of LSTMs with a multi-view gated memory; `fusion` constructs the cross-view module."""

    def __init__(
        self, shape: NetworkShape, fusion: Callable[[int], DeltaMemoryAttention | nn.Module] = DeltaMemoryAttention
    ) -> None:
        super().__init__()
        self.names = tuple(shape.columns)
        self.cells = nn.ModuleDict({name: nn.LSTMCell(columns, HIDDEN) for name, columns in shape.columns.items()})
        self.fusion = fusion(len(self.names))
        width = cast(int, self.fusion.width)
        self.propose = nn.Sequential(
            nn.Linear(width, HIDDEN), nn.ReLU(), nn.Dropout(shape.dropout), nn.Linear(HIDDEN, HIDDEN)
        )
        self.keep = nn.Linear(width, HIDDEN)
        self.write = nn.Linear(width, HIDDEN)
        self.heads = Heads(HIDDEN * (len(self.names) + 1), shape)

    def forward(self, inputs: Mapping[Modality, Tensor], masks: Mapping[Modality, Tensor]) -> Outputs:
        """Label every utterance; inputs (B, U, C) and masks (B, U) per modality."""
        values = zeroed(inputs, masks)
        batch, steps = values[self.names[0]].shape[:2]
        blank = values[self.names[0]].new_zeros(batch, HIDDEN)
        state = dict.fromkeys(self.names, (blank, blank))  # hidden and memory, (B, H) each
        shared = blank  # (B, H)
        seen = []
        for step in range(steps):
            memories = []
            for name in self.names:
                before = state[name][1]  # (B, H)
                state[name] = self.cells[name](values[name][:, step], state[name])
                memories.append(torch.cat([before, state[name][1]], dim=-1))  # (B, 2H)
            fused = self.fusion(torch.stack(memories, dim=1))  # (B, width)
            shared = (
                self.keep(fused).sigmoid() * shared + self.write(fused).sigmoid() * self.propose(fused).tanh()
            )  # (B, H)
            seen.append(torch.cat([*(state[name][0] for name in self.names), shared], dim=-1))  # (B, (M + 1) H)
        return cast(Outputs, self.heads(torch.stack(seen, dim=1)))
