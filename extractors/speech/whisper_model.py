"""openai-whisper's network, read from the safetensors file that the weights are kept in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor
from whisper.model import AudioEncoder, ModelDimensions, Whisper

from mtmm_video.foundation.errors import WeightsError
from mtmm_video.foundation.loading import cached_by_file

METADATA_KEY = "whisper"  # in the weights file: JSON with dims and alignment_heads


@cached_by_file
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
    try:
        description, state = _read(path, prefix="")
        network = Whisper(ModelDimensions(**description["dims"]))
        network.load_state_dict(state)
        heads = torch.zeros(network.dims.n_text_layer, network.dims.n_text_head, dtype=torch.bool)
        for layer, head in description["alignment_heads"]:
            heads[layer, head] = True
    except (SafetensorError, KeyError, TypeError, ValueError, IndexError, RuntimeError) as error:
        raise _foreign(path, error) from error
    network.register_buffer("alignment_heads", heads.to_sparse(), persistent=False)
    return network.eval()


@cached_by_file
def load_audio_encoder(path: Path) -> AudioEncoder:
    """Load only the encoder of a whisper model, a third of the memory; the last one is cached until its file changes.

    Parameters
    ----------
    path : Path
        As `load_whisper` takes it.

    Raises
    ------
    WeightsError
        If the file is missing or damaged.
    """
    try:
        description, state = _read(path, prefix="encoder.")
        dims = ModelDimensions(**description["dims"])
        encoder = AudioEncoder(dims.n_mels, dims.n_audio_ctx, dims.n_audio_state, dims.n_audio_head, dims.n_audio_layer)
        encoder.load_state_dict(state)
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise _foreign(path, error) from error
    return encoder.eval()


def _read(path: Path, *, prefix: str) -> tuple[Mapping[str, Any], dict[str, Tensor]]:
    """Return the description of a model and the tensors whose names begin with a prefix, without it, in fp32."""
    if not path.is_file():
        raise WeightsError(f"{path}: missing; run `mtmm-video weights fetch` to get the whisper model")
    with safe_open(path, framework="pt") as file:
        description = json.loads((file.metadata() or {})[METADATA_KEY])
        names = [name for name in file.keys() if name.startswith(prefix)]  # noqa: SIM118 (not a dict)
        return description, {name.removeprefix(prefix): file.get_tensor(name).float() for name in names}


def _foreign(path: Path, error: Exception) -> WeightsError:
    return WeightsError(f"{path}: not a whisper model of mtmm-video ({error}); run `mtmm-video weights fetch` again")
