"""MMMU-BA: bi-modal attention over the utterances of a video (Ghosal et al., EMNLP 2018).

The multi-task paper uses the same attention; here every task has a separate network.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor, nn

from mtmm_video.model.cim import CimNetwork, Outputs
from mtmm_video.model.features import Modality
from mtmm_video.model.network_shape import NetworkShape


class BimodalAttention(nn.Module):
    """One attention network per task, without shared parameters."""

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__()
        self.networks = nn.ModuleDict({task: CimNetwork(replace(shape, tasks=(task,))) for task in shape.tasks})

    def forward(self, inputs: Mapping[Modality, Tensor], masks: Mapping[Modality, Tensor]) -> Outputs:
        """Label every utterance; inputs (B, U, C) and masks (B, U) per modality."""
        logits = {}
        for network in self.networks.values():
            logits.update(network(inputs, masks).logits)
        return Outputs(logits=logits)
