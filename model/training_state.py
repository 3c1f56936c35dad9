"""The state of a training run between two epochs, as one safetensors file from which an interrupted run resumes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from mtmm_video.foundation.files import atomic_path
from mtmm_video.model.checkpoint import read_tensors

METADATA_KEY = "training_state"


@dataclass(frozen=True)
class TrainingState:
    """Weights and scores of a run after an epoch.

    Attributes
    ----------
    fingerprint : str
        Of data, recipe and code (`model.fingerprint.training_fingerprint`); a state with another one is not resumed.
    epoch : int
        Last finished one, from 1; 0 before the first.
    best_epoch, best_score
        Of the valid split so far.
    best : dict of str to Tensor
        The weights of the best epoch.
    average : dict of str to Tensor
        Running average of the weights; changed in place by the training steps.
    """

    fingerprint: str
    epoch: int
    best_epoch: int
    best_score: float
    best: dict[str, Tensor]
    average: dict[str, Tensor]

    @classmethod
    def fresh(cls, network: nn.Module, *, fingerprint: str) -> TrainingState:
        """Return the state before the first epoch."""
        weights = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        average = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        return cls(fingerprint, epoch=0, best_epoch=0, best_score=float("-inf"), best=weights, average=average)

    def after(self, epoch: int, *, score: float, weights: dict[str, Tensor] | None) -> TrainingState:
        """Return the state after an epoch; `weights` are given where it was the best so far."""
        if weights is None:
            return replace(self, epoch=epoch)
        kept = {name: tensor.clone() for name, tensor in weights.items()}
        return replace(self, epoch=epoch, best_epoch=epoch, best_score=score, best=kept)


def save_state(path: Path, *, state: TrainingState, network: nn.Module, optimiser: torch.optim.Optimizer) -> None:
    """Write the state, atomically.

    Raises
    ------
    StoreError
        If it cannot be written.
    """
    tensors: dict[str, Tensor] = {}
    for prefix, weights in (("now", network.state_dict()), ("best", state.best), ("average", state.average)):
        tensors |= {f"{prefix}.{name}": tensor for name, tensor in weights.items()}
    tensors |= {f"optimiser.{name}": tensor for name, tensor in optimiser_tensors(optimiser).items()}
    header = {
        "fingerprint": state.fingerprint,
        "epoch": state.epoch,
        "best_epoch": state.best_epoch,
        "best_score": state.best_score,
    }
    with atomic_path(path) as temporary:
        save_file(
            {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()},
            temporary,
            metadata={METADATA_KEY: json.dumps(header)},
        )


def load_state(
    path: Path, *, fresh: TrainingState, network: nn.Module, optimiser: torch.optim.Optimizer
) -> TrainingState:
    """Load a saved state into network and optimiser, in place.

    Returns
    -------
    TrainingState
        The saved one, or `fresh` where there is none or it is of another fingerprint.

    Raises
    ------
    CheckpointError
        If the file is damaged or no state.
    """
    if not path.is_file():
        return fresh
    tensors, metadata = read_tensors(path)
    header = json.loads(metadata.get(METADATA_KEY, "{}"))
    if header.get("fingerprint") != fresh.fingerprint:
        return fresh
    device = next(network.parameters()).device

    def part(prefix: str) -> dict[str, Tensor]:
        start = f"{prefix}."
        return {
            name.removeprefix(start): tensor.to(device) for name, tensor in tensors.items() if name.startswith(start)
        }

    network.load_state_dict(part("now"))
    load_optimiser(optimiser, part("optimiser"))
    return TrainingState(
        fingerprint=header["fingerprint"],
        epoch=int(header["epoch"]),
        best_epoch=int(header["best_epoch"]),
        best_score=float(header["best_score"]),
        best=part("best"),
        average=part("average"),
    )


def optimiser_tensors(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return the state of an optimiser as tensors by name, ``PARAMETER.KEY``."""
    return {
        f"{index}.{name}": tensor
        for index, entry in optimiser.state_dict()["state"].items()
        for name, tensor in entry.items()
    }


def load_optimiser(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Give an optimiser the state that `optimiser_tensors` returned."""
    entries: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        index, key = name.split(".", 1)
        entries.setdefault(int(index), {})[key] = tensor.cpu() if key == "step" else tensor
    optimiser.load_state_dict({**optimiser.state_dict(), "state": entries})
