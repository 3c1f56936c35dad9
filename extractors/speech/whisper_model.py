"""openai-whisper's network, read from the safetensors file that the weights are kept in."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
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


def load_audio_encoder(path: Path, *, layers: int) -> AudioEncoder:
    """Load only the first layers of a whisper model's encoder: of base's first three, a seventh of the memory.

    Parameters
    ----------
    path : Path
        As `load_whisper` takes it.
    layers : int
        Its blocks from there on are left out.

    Raises
    ------
    WeightsError
        If the file is missing or damaged, or the model has fewer layers.
    """
    upper = re.compile(r"blocks\.(\d+)\.")
    try:
        description, state = _read(
            path, prefix="encoder.", wanted=lambda name: not (at := upper.match(name)) or int(at[1]) < layers
        )
        dims = ModelDimensions(**description["dims"])
        # Not on the "meta" device, though the numbers drawn here are replaced: what whisper computes in its constructor
        # would import torch's compiler there, which takes two seconds and 100 MB.
        encoder = AudioEncoder(dims.n_mels, dims.n_audio_ctx, dims.n_audio_state, dims.n_audio_head, layers)
        encoder.load_state_dict(state, assign=True)
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise _foreign(path, error) from error
    return encoder.eval()


def _read(
    path: Path, *, prefix: str, wanted: Callable[[str], bool] = lambda _name: True
) -> tuple[Mapping[str, Any], dict[str, Tensor]]:
    """Return the description of a model and the wanted tensors among those with a prefix, named without it, in fp32."""
    if not path.is_file():
        raise WeightsError(f"{path}: missing; run `mtmm-video weights fetch` to get the whisper model")
    with safe_open(path, framework="pt") as file:
        description = json.loads((file.metadata() or {})[METADATA_KEY])
        stored = [name for name in file.keys() if name.startswith(prefix)]  # noqa: SIM118 (not a dict)
        names = [name.removeprefix(prefix) for name in stored]
        return description, {name: file.get_tensor(prefix + name).float() for name in names if wanted(name)}


def _foreign(path: Path, error: Exception) -> WeightsError:
    return WeightsError(f"{path}: not a whisper model of mtmm-video ({error}); run `mtmm-video weights fetch` again")
