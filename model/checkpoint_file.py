"""Checkpoint files: which there are, and what their header says, without the network and without torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from safetensors import SafetensorError, safe_open

from mtmm_video.foundation.errors import CheckpointError
from mtmm_video.model.specification import Specification

CHECKPOINTS = Path(__file__).parent / "checkpoints"
METADATA_KEY = "specification"
PICKLE_SIGNS = (b"\x80", b"PK\x03\x04")  # a bare pickle, and the zip that torch.save writes
SAFETENSORS_SIGN = b"{"  # after eight bytes of header length, of which the first is 0x80 for one length in 32
SAFETENSORS_SIGN_AT = 8


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


def load_specification(path: Path) -> Specification:
    """Read what a checkpoint was trained on from the header of its file, without its weights.

    Raises
    ------
    CheckpointError
        If the file is missing, a pickle, damaged, or foreign.
    """
    with opened(path) as file:
        return specification_of(dict(file.metadata() or {}), path=path)


@contextmanager
def opened(path: Path, *, framework: Literal["numpy", "pt"] = "numpy") -> Iterator[Any]:
    """Open a safetensors file; what cannot be read is a `CheckpointError`.

    Parameters
    ----------
    path : Path
    framework : str
        "pt" gives torch's tensors.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: no such checkpoint file")
    with path.open("rb") as file:
        head = file.read(SAFETENSORS_SIGN_AT + 1)
    if head.startswith(PICKLE_SIGNS) and head[SAFETENSORS_SIGN_AT:] != SAFETENSORS_SIGN:
        raise CheckpointError(
            f"{path}: this is a pickle, which could run any program when opened; only safetensors checkpoints are read"
        )
    try:
        with safe_open(path, framework=framework, device="cpu") as file:
            yield file
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path}: not a safetensors file, or damaged ({error})") from error


def specification_of(metadata: Mapping[str, str], *, path: Path) -> Specification:
    """Return the specification in the header of a checkpoint file, or raise a `CheckpointError`."""
    if METADATA_KEY not in metadata:
        raise CheckpointError(f"{path}: a safetensors file, but not of mtmm-video: its header has no specification")
    return Specification.from_json(metadata[METADATA_KEY], source=str(path))
