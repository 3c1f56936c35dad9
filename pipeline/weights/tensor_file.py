"""Safetensors files that are the same bytes wherever and with whatever library they are written."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Tensors = Mapping[str, NDArray[np.generic]]

SAFETENSORS_DTYPES = {"float16": "F16", "float32": "F32"}
SAFETENSORS_ALIGNMENT = 8  # bytes; the data block of a safetensors file starts at a multiple of this


def write_safetensors(path: Path, tensors: Tensors, *, metadata: Mapping[str, str]) -> None:
    """Write tensors as safetensors, deterministically and with one array in memory at a time.

    The safetensors library does not guarantee the same bytes across its versions, but the SHA-256 of a converted weight
    is pinned. The format: header length (uint64), JSON header padded with spaces, data.

    Parameters
    ----------
    path : Path
        The file to write.
    tensors : mapping of str to ndarray of float16 or float32
        Written in the order of their names.
    metadata : mapping of str to str
        The free text fields of the header.
    """
    header: dict[str, object] = {"__metadata__": dict(sorted(metadata.items()))}
    offset = 0
    for name, tensor in sorted(tensors.items()):
        end = offset + tensor.nbytes
        header[name] = {
            "dtype": SAFETENSORS_DTYPES[tensor.dtype.name],
            "shape": list(tensor.shape),
            "data_offsets": [offset, end],
        }
        offset = end
    encoded = json.dumps(header, separators=(",", ":")).encode("utf-8")
    encoded += b" " * (-(len(encoded) + 8) % SAFETENSORS_ALIGNMENT)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(encoded)))
        file.write(encoded)
        for _, tensor in sorted(tensors.items()):
            file.write(np.ascontiguousarray(tensor).tobytes())
