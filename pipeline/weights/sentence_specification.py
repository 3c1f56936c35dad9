"""The specification of CTranslate2 that the tuned sentence encoder fills.

CTranslate2 has BERT's encoder with T5's bias on the attention, but with that bias it adds no position embeddings.
MPNet has both. Positions are therefore passed as the second of two embeddings that are added, which BERT uses for its
types of pieces: `extractors.text.sentence_encoder` gives each piece its position there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from mtmm_video.extractors.text.mpnet import EPSILON, FURTHEST, HEADS, LAYERS, Layer, load_transformer
from mtmm_video.extractors.text.names import DELTA, VOCABULARY_FILE
from mtmm_video.extractors.text.sentence_encoder import merge_delta
from mtmm_video.extractors.text.word_pieces import UNKNOWN, WordPieces


def sentence_specification(weight: Path) -> Any:
    """Fill CTranslate2's description of an encoder with all-mpnet-base-v2 and its tuned part.

    Parameters
    ----------
    weight : Path
        Folder of the weight, see `SentenceEncoder.load`.

    Returns
    -------
    ctranslate2.specs.TransformerEncoderModelSpec
        With its vocabulary and configuration, in float32.

    Raises
    ------
    WeightsError
        If a file is missing, damaged, or of another model.
    """
    from ctranslate2.specs.common_spec import Activation, EmbeddingsMerge  # noqa: PLC0415 (needed once per machine)
    from ctranslate2.specs.transformer_spec import (  # noqa: PLC0415
        TransformerEncoderModelSpec,
        TransformerEncoderSpec,
    )

    transformer = load_transformer(weight)
    merge_delta(transformer, DELTA)
    encoder = TransformerEncoderSpec(
        LAYERS,
        HEADS,
        pre_norm=False,
        activation=Activation.GELU,
        num_source_embeddings=2,
        embeddings_merge=EmbeddingsMerge.ADD,
        layernorm_embedding=True,
        relative_attention_bias=True,
    )
    encoder.scale_embeddings = False
    encoder.embeddings[0].weight = transformer.words.weight.numpy(force=True)
    encoder.embeddings[1].weight = transformer.positions.weight.numpy(force=True)
    _fill(encoder.layernorm_embedding, transformer.norm)
    for filled, layer in zip(encoder.layer, transformer.layers, strict=True):
        assert isinstance(layer, Layer)
        attention = filled.self_attention
        _fill(attention.linear[0], layer.query, layer.key, layer.value)
        _fill(attention.linear[1], layer.attended)
        _fill(attention.layer_norm, layer.attended_norm)
        attention.relative_attention_bias = transformer.distances.weight.numpy(force=True)
        attention.relative_attention_max_distance = np.int32(FURTHEST)
        _fill(filled.ffn.linear_0, layer.inner)
        _fill(filled.ffn.linear_1, layer.outer)
        _fill(filled.ffn.layer_norm, layer.outer_norm)
    specification = TransformerEncoderModelSpec(encoder)
    specification.config.layer_norm_epsilon = EPSILON
    specification.config.unk_token = UNKNOWN
    specification.register_vocabulary(list(WordPieces.load(weight / VOCABULARY_FILE).vocabulary))
    return specification


def _fill(target: Any, *layers: nn.Module) -> None:
    """Give a linear map the rows of `layers` one after another, or a normalisation its two vectors."""
    weight, bias = (
        np.concatenate([getattr(layer, name).numpy(force=True) for layer in layers]) for name in ("weight", "bias")
    )
    if isinstance(layers[0], nn.LayerNorm):
        target.gamma, target.beta = weight, bias
    else:
        target.weight, target.bias = weight, bias
