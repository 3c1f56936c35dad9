"""The two kinds of artefact files: JSON, and arrays with metadata as safetensors; never pickles."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtmm_video.foundation.errors import InputError, StoreError
from mtmm_video.foundation.files import atomic_path, write_text

METADATA_KEY = "metadata"  # the one safetensors metadata entry; holds JSON


def save_json(path: Path, content: Any) -> None:
    """Write a JSON artefact, atomically.

    Raises
    ------
    StoreError
        If the file cannot be written.
    """
    write_text(path, json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")))


def load_json(path: Path) -> Any:
    """Read a JSON artefact.

    Raises
    ------
    StoreError
        If it is missing or damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StoreError(f"{path}: the stored artefact cannot be read ({error}); delete it and run again") from error


def save_arrays(path: Path, arrays: Mapping[str, NDArray[Any]], *, metadata: Mapping[str, Any]) -> None:
    """Write arrays with JSON-able metadata as safetensors, atomically.

    Raises
    ------
    StoreError
        If the file cannot be written.
    InputError
        If an array has Python objects as elements.
    """
    from safetensors import SafetensorError  # noqa: PLC0415 (the command line must list its help without it)
    from safetensors.numpy import save_file  # noqa: PLC0415

    for name, array in arrays.items():
        if array.dtype.hasobject:
            raise InputError(f"{path}: array {name!r} has Python objects as elements; only numbers can be stored")
    text = {METADATA_KEY: json.dumps(metadata, ensure_ascii=False, allow_nan=False)}
    with atomic_path(path) as temporary:
        temporary.touch()
        mode = temporary.stat().st_mode
        try:
            save_file({name: np.asarray(array, order="C") for name, array in arrays.items()}, temporary, text)
        except SafetensorError as error:
            raise StoreError(f"{path}: cannot be written ({error}); free space or choose another folder") from error
        # It makes a new file, which its owner alone can read, but workers of several users may share a store.
        temporary.chmod(mode)


def load_arrays(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Read a file of `save_arrays`.

    Returns
    -------
    arrays : dict of str to ndarray
    metadata : dict

    Raises
    ------
    StoreError
        If the file is missing or damaged.
    """
    from safetensors import SafetensorError, safe_open  # noqa: PLC0415 (see save_arrays)

    try:
        with safe_open(path, framework="numpy") as file:
            metadata = json.loads(file.metadata()[METADATA_KEY])
            return {name: file.get_tensor(name) for name in file.keys()}, metadata  # noqa: SIM118 (not a dict)
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{path}: the stored artefact cannot be read ({error}); delete it and run again") from error
