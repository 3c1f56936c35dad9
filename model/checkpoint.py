"""Checkpoints: safetensors with the `Specification` as JSON in the header. Nothing is ever unpickled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from mtmm_video.foundation.errors import CheckpointError
from mtmm_video.foundation.files import atomic_path
from mtmm_video.model.cim import CimNetwork
from mtmm_video.model.specification import Specification

CHECKPOINTS = Path(__file__).parent / "checkpoints"
METADATA_KEY = "specification"
PICKLE_SIGNS = (b"\x80", b"PK\x03\x04")  # a bare pickle, and the zip that torch.save writes
SAFETENSORS_SIGN = b"{"  # after eight bytes of header length, of which the first is 0x80 for one length in 32
SAFETENSORS_SIGN_AT = 8


@dataclass(frozen=True)
class Checkpoint:
    """A trained network, ready to predict, with its specification."""

    network: CimNetwork
    specification: Specification


def shipped(name: str) -> Path:
    """Return the path of a checkpoint that comes with mtmm-video: ``paper`` or ``plus``.

    Raises
    ------
    CheckpointError
        If none of that name is shipped.
    """
    path = CHECKPOINTS / f"{name}.safetensors"
    if not path.is_file():
        names = sorted(found.stem for found in CHECKPOINTS.glob("*.safetensors"))
        raise CheckpointError(
            f"no checkpoint named {name!r} is shipped; choose one of {', '.join(names) or 'none'} or give a path"
        )
    return path


def resolve_checkpoint(model: str) -> Path:
    """Return the file behind a ``--model`` value: a shipped name, or a path.

    Raises
    ------
    CheckpointError
        If it is neither.
    """
    path = Path(model)
    if path.suffix or path.is_file() or len(path.parts) > 1:
        if not path.is_file():
            raise CheckpointError(f"{model}: no such checkpoint file")
        return path
    return shipped(model)


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


def load_specification(path: Path) -> Specification:
    """Read what a checkpoint was trained on from the header of its file, without its weights.

    Raises
    ------
    CheckpointError
        If the file is missing, a pickle, damaged, or foreign.
    """
    with _opened(path) as file:
        return _specification(dict(file.metadata() or {}), path=path)


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
    with _opened(path) as file:
        return {name: file.get_tensor(name) for name in file.keys()}, dict(file.metadata() or {})  # noqa: SIM118


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open a safetensors file; what cannot be read is a `CheckpointError`."""
    if not path.is_file():
        raise CheckpointError(f"{path}: no such checkpoint file")
    with path.open("rb") as file:
        head = file.read(SAFETENSORS_SIGN_AT + 1)
    if head.startswith(PICKLE_SIGNS) and head[SAFETENSORS_SIGN_AT:] != SAFETENSORS_SIGN:
        raise CheckpointError(
            f"{path}: this is a pickle, which could run any program when opened; only safetensors checkpoints are read"
        )
    try:
        with safe_open(path, framework="pt", device="cpu") as opened:
            yield opened
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path}: not a safetensors file, or damaged ({error})") from error


def _specification(metadata: Mapping[str, str], *, path: Path) -> Specification:
    if METADATA_KEY not in metadata:
        raise CheckpointError(f"{path}: a safetensors file, but not of mtmm-video: its header has no specification")
    return Specification.from_json(metadata[METADATA_KEY], source=str(path))


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
    specification = _specification(metadata, path=path)
    network = CimNetwork(specification.shape)
    try:
        network.load_state_dict({name: tensor.float() for name, tensor in tensors.items()}, strict=True)
    except RuntimeError as error:
        raise CheckpointError(f"{path}: the weights do not fit the specification ({error})") from error
    if not all(np.isfinite(tensor.numpy()).all() for tensor in network.state_dict().values()):
        raise CheckpointError(f"{path}: holds weights that are NaN or infinite; train or fetch it again")
    network.eval()
    return Checkpoint(network=network, specification=specification)
