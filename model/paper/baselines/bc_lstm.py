"""bc-LSTM: contextual bidirectional LSTMs, one per modality and one over all (Poria et al., ACL 2017, hierarchical)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from mtmm_video.model.cim import Outputs
from mtmm_video.model.features import Modality
from mtmm_video.model.network_shape import NetworkShape
from mtmm_video.model.paper.baselines.common import HIDDEN, Heads, zeroed


class BidirectionalContextLstm(nn.Module):
    """Two levels of bidirectional LSTMs: one per modality, then one over their concatenated outputs."""

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__()
        self.first = nn.ModuleDict(
            {
                name: nn.LSTM(columns, HIDDEN, batch_first=True, bidirectional=True)
                for name, columns in shape.columns.items()
            }
        )
        self.dropout = nn.Dropout(shape.dropout)
        self.second = nn.LSTM(2 * HIDDEN * len(shape.columns), HIDDEN, batch_first=True, bidirectional=True)
        self.heads = Heads(2 * HIDDEN, shape)

    def forward(self, inputs: Mapping[Modality, Tensor], masks: Mapping[Modality, Tensor]) -> Outputs:
        """Label every utterance; inputs (B, U, C) and masks (B, U) per modality."""
        exists = torch.stack(list(masks.values())).any(dim=0)  # (B, U)
        last = (exists * torch.arange(1, exists.shape[1] + 1, device=exists.device)).amax(dim=1).clamp(min=1)  # (B,)
        read = [run(self.first[name], values, last) for name, values in zeroed(inputs, masks).items()]
        context = run(self.second, self.dropout(torch.cat(read, dim=-1)), last)  # (B, U, 2H)
        return cast(Outputs, self.heads(context))


def run(lstm: nn.Module, values: Tensor, lengths: Tensor) -> Tensor:
    """Run a bidirectional LSTM over (B, U, C) without its padding and return (B, U, 2H)."""
    packed = pack_padded_sequence(values, lengths.cpu(), batch_first=True, enforce_sorted=False)
    return pad_packed_sequence(lstm(packed)[0], batch_first=True, total_length=values.shape[1])[0]
