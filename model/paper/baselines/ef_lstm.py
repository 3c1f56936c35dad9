"""Early fusion: one LSTM over the concatenated modalities (the EF-LSTM of Zadeh et al., ACL 2018)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from torch import Tensor, nn

from mtmm_video.model.cim import Outputs
from mtmm_video.model.features import Modality
from mtmm_video.model.network_shape import NetworkShape
from mtmm_video.model.paper.baselines.common import HIDDEN, Heads, joined


class EarlyFusionLstm(nn.Module):
    """LSTM over the utterances of a video, forward in time."""

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__()
        self.lstm = nn.LSTM(sum(shape.columns.values()), 2 * HIDDEN, batch_first=True)
        self.heads = Heads(2 * HIDDEN, shape)

    def forward(self, inputs: Mapping[Modality, Tensor], masks: Mapping[Modality, Tensor]) -> Outputs:
        """Label every utterance; inputs (B, U, C) and masks (B, U) per modality."""
        hidden, _ = self.lstm(joined(inputs, masks))  # (B, U, 2H); padding comes last and never reaches what exists
        return cast(Outputs, self.heads(hidden))
