"""openai-whisper's network, read from the safetensors file that the weights are kept in."""

from __future__ import annotations

import functools
import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from whisper.model import ModelDimensions, Whisper

from mtmm_video.foundation.errors import WeightsError

METADATA_KEY = "whisper"  # in the weights file: JSON with dims and alignment_heads


@functools.lru_cache(maxsize=1)
def _load(path: Path, _modified: int) -> Whisper:
    try:
        with safe_open(path, framework="pt") as file:
            description = json.loads((file.metadata() or {})[METADATA_KEY])
            state = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118 (not a dict)
        network = Whisper(ModelDimensions(**description["dims"]))
        network.load_state_dict(state)
        heads = torch.zeros(network.dims.n_text_layer, network.dims.n_text_head, dtype=torch.bool)
        for layer, head in description["alignment_heads"]:
            heads[layer, head] = True
    except (SafetensorError, KeyError, TypeError, ValueError, IndexError, RuntimeError) as error:
        raise WeightsError(
            f"{path}: not a whisper model of mtmm-video ({error}); run `mtmm-video weights fetch` again"
        ) from error
    network.register_buffer("alignment_heads", heads.to_sparse(), persistent=False)
    return network.eval()


def load_whisper(path: Path) -> Whisper:
    """Load a whisper model in fp32; the last one is cached until its file changes.

    Parameters
    ----------
    path : Path
        Safetensors file, with the state of `whisper.model.Whisper` and its dims and alignment heads as metadata.

    Raises
    ------
    WeightsError
        If the file is missing or damaged.
    """
    if not path.is_file():
        raise WeightsError(f"{path}: missing; run `mtmm-video weights fetch` to get the whisper model")
    return _load(path.resolve(), path.stat().st_mtime_ns)
