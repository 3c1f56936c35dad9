"""A convolutional deep belief network (Ranganathan et al., WACV 2016; Lee et al., ICML 2009).

Two convolutional restricted Boltzmann machines per modality are trained one after the other to model the features
without labels, by one step of contrastive divergence (Hinton, Neural Computation 14, 2002); then the whole network is
trained with labels. The original takes images as input and has pooling; this one takes the sequence of a video's
utterance means, without pooling.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from mtmm_video.model.batches import BatchMaker
from mtmm_video.model.cim import Outputs
from mtmm_video.model.features import Modality
from mtmm_video.model.network_shape import NetworkShape
from mtmm_video.model.paper.baselines.common import HIDDEN, Heads, zeroed
from mtmm_video.model.recipes import Recipe
from mtmm_video.model.table import UtteranceTable
from mtmm_video.model.training import fit_columns

SPAN = 3  # utterances per hidden unit
LAYERS = 2
PRETRAINING_STEPS = 400  # per layer; three epochs of MOSEI, after which the reconstruction hardly improves
PRETRAINING_RATE = 3e-3
BATCH = 16  # videos


class ConvolutionalBoltzmann(nn.Module):
    """A restricted Boltzmann machine whose weights are shared over time (a convolution).

    Parameters
    ----------
    visible, hidden : int
        Units per utterance.
    gaussian : bool
        Whether the visible units are real numbers of variance 1; else they are probabilities.
    """

    def __init__(self, visible: int, hidden: int, *, gaussian: bool) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.randn(hidden, visible, SPAN) * 0.01)
        self.hidden_bias = nn.Parameter(torch.zeros(hidden))
        self.visible_bias = nn.Parameter(torch.zeros(visible))
        self.gaussian = gaussian

    def rise(self, visible: Tensor) -> Tensor:
        """Return the input of the hidden units, (B, H, U), for visible ones of shape (B, C, U)."""
        return functional.conv1d(visible, self.weights, self.hidden_bias, padding=SPAN // 2)

    def fall(self, hidden: Tensor) -> Tensor:
        """Return the mean of the visible units, (B, C, U), for hidden ones of shape (B, H, U)."""
        found = functional.conv_transpose1d(hidden, self.weights, self.visible_bias, padding=SPAN // 2)
        return found if self.gaussian else found.sigmoid()

    def energy(self, visible: Tensor, exists: Tensor) -> Tensor:
        """Return the free energy of each video, (B,), over the utterances that exist, (B, 1, U)."""
        bias = self.visible_bias[None, :, None]
        own = 0.5 * (visible - bias) ** 2 if self.gaussian else -visible * bias
        return ((own.sum(dim=1) - functional.softplus(self.rise(visible)).sum(dim=1)) * exists[:, 0]).sum(dim=1)

    def divergence(self, visible: Tensor, exists: Tensor) -> Tensor:
        """Return a loss whose gradient is that of one step of contrastive divergence."""
        with torch.no_grad():
            hidden = torch.bernoulli(self.rise(visible).sigmoid()) * exists
            reconstructed = self.fall(hidden) * exists
        return (self.energy(visible, exists) - self.energy(reconstructed, exists)).sum() / exists.sum()


class DeepBelief(nn.Module):
    """The hidden-unit probabilities of a stack of Boltzmann machines per modality, then one classifier."""

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__()
        self.stacks = nn.ModuleDict(
            {
                name: nn.ModuleList(
                    ConvolutionalBoltzmann(columns if layer == 0 else HIDDEN, HIDDEN, gaussian=layer == 0)
                    for layer in range(LAYERS)
                )
                for name, columns in shape.columns.items()
            }
        )
        self.dropout = nn.Dropout(shape.dropout)
        self.heads = Heads(HIDDEN * len(shape.columns), shape)

    def forward(self, inputs: Mapping[Modality, Tensor], masks: Mapping[Modality, Tensor]) -> Outputs:
        """Label every utterance; inputs (B, U, C) and masks (B, U) per modality."""
        exists = torch.stack(list(masks.values())).any(dim=0)[:, None]  # (B, 1, U)
        read = []
        for name, values in zeroed(inputs, masks).items():
            stack = cast("Sequence[ConvolutionalBoltzmann]", self.stacks[name])
            read.append(self.dropout(climb(stack, values.transpose(1, 2), exists).transpose(1, 2)))  # (B, U, H)
        return cast(Outputs, self.heads(torch.cat(read, dim=-1)))


def climb(stack: Sequence[ConvolutionalBoltzmann], visible: Tensor, exists: Tensor) -> Tensor:
    """Return the probabilities of the top layer's units, (B, H, U); padding is 0 in every layer."""
    for layer in stack:
        visible = layer.rise(visible).sigmoid() * exists
    return visible


def pretrained(table: UtteranceTable, *, recipe: Recipe, device: torch.device) -> Callable[[NetworkShape], DeepBelief]:
    """Train the Boltzmann machines on the train split without labels and return a constructor of networks with them.

    Parameters
    ----------
    table : UtteranceTable
        Its train split is used.
    recipe : Recipe
        Its modalities, speaker means and seed.
    device : torch.device
        Device of the training.
    """
    train = table.split("train")
    columns = fit_columns(train, recipe.modalities, speaker_means=recipe.speaker_means)
    maker = BatchMaker(train, columns=columns, device=device)
    torch.manual_seed(recipe.seed)
    generator = np.random.default_rng(recipe.seed)
    shape = NetworkShape(columns={name: len(entry.names) for name, entry in columns.items()}, tasks=recipe.tasks)
    network = DeepBelief(shape).to(device)
    for depth in range(LAYERS):
        layers = [cast(ConvolutionalBoltzmann, cast(nn.ModuleList, stack)[depth]) for stack in network.stacks.values()]
        optimiser = torch.optim.Adam([weight for layer in layers for weight in layer.parameters()], PRETRAINING_RATE)
        steps = math.ceil(len(train.video_ids) / BATCH)
        for _ in range(math.ceil(PRETRAINING_STEPS / steps)):
            for batch in maker.epoch(batch=BATCH, generator=generator):
                loss = torch.zeros((), device=device)
                for name, values in zeroed(batch.inputs, batch.masks).items():
                    stack = cast("Sequence[ConvolutionalBoltzmann]", network.stacks[name])
                    exists = batch.masks[name][:, None]
                    if exists.any():
                        below = climb(stack[:depth], values.transpose(1, 2), exists).detach()
                        loss = loss + stack[depth].divergence(below, exists)
                optimiser.zero_grad()
                if loss.requires_grad:
                    loss.backward()  # type: ignore[no-untyped-call]
                    optimiser.step()
    learnt = {name: tensor.clone() for name, tensor in network.stacks.state_dict().items()}

    def build(shape: NetworkShape) -> DeepBelief:
        found = DeepBelief(shape)
        found.stacks.load_state_dict(learnt)
        return found

    return build
