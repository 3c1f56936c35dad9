"""Checkpoints: safetensors with the `Specification` as JSON in the header. Nothing is ever unpickled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from mtmm_video.foundation.errors import CheckpointError
from mtmm_video.foundation.files import atomic_path
from mtmm_video.model.checkpoint_file import METADATA_KEY, opened, specification_of
from mtmm_video.model.cim import CimNetwork
from mtmm_video.model.specification import Specification


@dataclass(frozen=True)
class Checkpoint:
    """A trained network, ready to predict, with its specification."""

    network: CimNetwork
    specification: Specification


def save_checkpoint(path: Path, *, network: CimNetwork, specification: Specification, half: bool = False) -> None:
    """Write a checkpoint, atomically.

    Parameters
    ----------
    path : Path
        The file, by custom ``NAME.safetensors``.
    network : CimNetwork
        Its weights are stored.
    specification : Specification
        Stored as JSON in the file's header.
    half : bool
        Store the weights as float16: half the size, about 1e-3 relative error.

    Raises
    ------
    StoreError
        If the file cannot be written.
    """
    tensors = {
        name: (tensor.half() if half else tensor).detach().cpu().contiguous()
        for name, tensor in network.state_dict().items()
    }
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, metadata={METADATA_KEY: specification.to_json()})


def read_tensors(path: Path) -> tuple[dict[str, torch.Tensor], Mapping[str, str]]:
    """Read a safetensors file whole.

    Returns
    -------
    tensors : dict of str to Tensor
        On the CPU.
    metadata : mapping of str to str
        The header's free part.

    Raises
    ------
    CheckpointError
        If the file is missing, a pickle, or no safetensors file.
    """
    with opened(path, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, dict(file.metadata() or {})  # noqa: SIM118


def load_checkpoint(path: Path) -> Checkpoint:
    """Load a checkpoint for prediction.

    Parameters
    ----------
    path : Path
        A file that `save_checkpoint` wrote, for instance ``shipped("paper")``.

    Returns
    -------
    Checkpoint
        On the CPU, float32, dropout off.

    Raises
    ------
    CheckpointError
        If the file is missing, a pickle, damaged, foreign, or its weights do not fit its specification.
    """
    tensors, metadata = read_tensors(path)
    specification = specification_of(metadata, path=path)
    network = CimNetwork(specification.shape)
    try:
        network.load_state_dict({name: tensor.float() for name, tensor in tensors.items()}, strict=True)
    except RuntimeError as error:
        raise CheckpointError(f"{path}: the weights do not fit the specification ({error})") from error
    if not all(np.isfinite(tensor.numpy()).all() for tensor in network.state_dict().values()):
        raise CheckpointError(f"{path}: holds weights that are NaN or infinite; train or fetch it again")
    network.eval()
    return Checkpoint(network=network, specification=specification)
