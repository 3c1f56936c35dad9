"""The specification of CTranslate2 that a whisper model fills, from the tensors of openai-whisper."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtmm_video.pipeline.weights.conversion import WHISPER_METADATA_KEY

State = Mapping[str, NDArray[np.generic]]


def whisper_specification(weight: Path) -> Any:
    """Fill CTranslate2's description of a whisper model with the tensors of openai-whisper.

    Parameters
    ----------
    weight : Path
        ``model.safetensors`` of a whisper weight, see `pipeline.weights.conversion`.

    Returns
    -------
    ctranslate2.specs.WhisperSpec
        With its vocabulary and configuration, not quantised.
    """
    from ctranslate2.specs.whisper_spec import WhisperSpec  # noqa: PLC0415 (needed once per machine)
    from safetensors import safe_open  # noqa: PLC0415
    from whisper.tokenizer import get_tokenizer  # noqa: PLC0415

    with safe_open(weight, framework="numpy") as file:
        description = json.loads(file.metadata()[WHISPER_METADATA_KEY])
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    dims = description["dims"]
    specification = WhisperSpec(dims["n_audio_layer"], dims["n_audio_head"], dims["n_text_layer"], dims["n_text_head"])
    _fill_side(specification.encoder, state, "encoder")
    _fill_side(specification.decoder, state, "decoder")
    for name in ("conv1", "conv2"):
        _fill_linear(getattr(specification.encoder, name), state, [f"encoder.{name}"])
    _fill_norm(specification.encoder.layer_norm, state, "encoder.ln_post")
    _fill_norm(specification.decoder.layer_norm, state, "decoder.ln")
    specification.decoder.embeddings.weight = state["decoder.token_embedding.weight"]
    specification.decoder.projection.weight = state["decoder.token_embedding.weight"]

    multilingual = dims["n_vocab"] >= 51865  # as `whisper.model.Whisper.is_multilingual`
    languages = dims["n_vocab"] - 51765 - int(multilingual)  # as `whisper.model.Whisper.num_languages`
    tokenizer = get_tokenizer(multilingual, num_languages=languages)
    special = {token: text for text, token in tokenizer.special_tokens.items()}
    specification.register_vocabulary(
        # Latin-1 gives each byte a character: tokens are pieces of UTF-8, and only the special ones are read as text.
        [
            special.get(token) or tokenizer.encoding.decode_single_token_bytes(token).decode("latin-1")
            for token in range(dims["n_vocab"])
        ]
    )
    config = specification.config
    # What whisper's `DecodingOptions(suppress_tokens="-1", suppress_blank=True)` suppresses.
    marks = (tokenizer.transcribe, tokenizer.translate, tokenizer.sot, tokenizer.sot_prev, tokenizer.sot_lm)
    config.suppress_ids = sorted({*tokenizer.non_speech_tokens, *marks, tokenizer.no_speech})
    config.suppress_ids_begin = [*tokenizer.encode(" "), tokenizer.eot]
    config.alignment_heads = description["alignment_heads"]
    config.lang_ids = list(tokenizer.all_language_tokens) if multilingual else []
    return specification


def _fill_side(side: Any, state: State, name: str) -> None:
    side.position_encodings.encodings = state[f"{name}.positional_embedding"]
    for index, layer in enumerate(side.layer):
        block = f"{name}.blocks.{index}"
        _fill_norm(layer.self_attention.layer_norm, state, f"{block}.attn_ln")
        inputs = [f"{block}.attn.{part}" for part in ("query", "key", "value")]
        _fill_linear(layer.self_attention.linear[0], state, inputs)
        _fill_linear(layer.self_attention.linear[1], state, [f"{block}.attn.out"])
        if name == "decoder":
            _fill_norm(layer.attention.layer_norm, state, f"{block}.cross_attn_ln")
            _fill_linear(layer.attention.linear[0], state, [f"{block}.cross_attn.query"])
            heard = [f"{block}.cross_attn.{part}" for part in ("key", "value")]
            _fill_linear(layer.attention.linear[1], state, heard)
            _fill_linear(layer.attention.linear[2], state, [f"{block}.cross_attn.out"])
        _fill_norm(layer.ffn.layer_norm, state, f"{block}.mlp_ln")
        _fill_linear(layer.ffn.linear_0, state, [f"{block}.mlp.0"])
        _fill_linear(layer.ffn.linear_1, state, [f"{block}.mlp.2"])


def _fill_linear(target: Any, state: State, names: list[str]) -> None:
    """Stack linear maps of one input; whisper's keys have no bias, which is a bias of zero."""
    weights = [state[f"{name}.weight"] for name in names]
    biases = [
        state.get(f"{name}.bias", np.zeros(len(weight), weight.dtype))
        for name, weight in zip(names, weights, strict=True)
    ]
    target.weight, target.bias = np.concatenate(weights), np.concatenate(biases)


def _fill_norm(target: Any, state: State, name: str) -> None:
    target.gamma, target.beta = state[f"{name}.weight"], state[f"{name}.bias"]
