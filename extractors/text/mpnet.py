"""The network of all-mpnet-base-v2 (Song et al., NeurIPS 2020; Reimers & Gurevych, EMNLP 2019) in plain torch.

MPNet is BERT's encoder (Devlin et al., NAACL 2019) with a bias on the attention that depends on the distance between
two pieces and is shared by all layers (as in T5: Raffel et al., JMLR 2020, section 2.1). It is implemented here since
the analysis needs only its forward pass: no other package, no network access, a short import.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from mtmm_video.foundation.errors import WeightsError

WIDTH = 768  # size of the embedding and of every layer's output
LAYERS = 12
HEADS = 12
INNER = 3072  # width of the feed-forward layers
POSITIONS = 514  # position embeddings in the file
FIRST_POSITION = 2  # of the first piece; the rows before it belong to the padding
VOCABULARY = 30_527  # pieces of bert-base-uncased and five special ones
EPSILON = 1e-5  # of the layer normalisation, as in the file's config.json
DISTANCE_BUCKETS, FURTHEST = 32, 128  # relative_attention_num_buckets of config.json; further pieces share a bucket
DROPOUT = 0.1  # the rate of the network's own training


class Layer(nn.Module):
    """One transformer layer with post-layer normalisation, as in BERT."""

    def __init__(self) -> None:
        super().__init__()
        self.query = nn.Linear(WIDTH, WIDTH)
        self.key = nn.Linear(WIDTH, WIDTH)
        self.value = nn.Linear(WIDTH, WIDTH)
        self.attended = nn.Linear(WIDTH, WIDTH)
        self.attended_norm = nn.LayerNorm(WIDTH, eps=EPSILON)
        self.inner = nn.Linear(WIDTH, INNER)
        self.outer = nn.Linear(INNER, WIDTH)
        self.outer_norm = nn.LayerNorm(WIDTH, eps=EPSILON)
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """Apply self-attention and the feed-forward network.

        Parameters
        ----------
        x : Tensor, shape (batch, length, WIDTH)
            Output of the previous layer.
        bias : Tensor, shape (batch, HEADS, length, length)
            Added to the scores of the attention; minus infinity at the padding.

        Returns
        -------
        Tensor, shape (batch, length, WIDTH)
            This layer's output.
        """
        batch, length, _ = x.shape
        heads = (batch, length, HEADS, WIDTH // HEADS)
        q = self.query(x).view(heads).transpose(1, 2)  # (B, H, L, 64)
        k = self.key(x).view(heads).transpose(1, 2)
        v = self.value(x).view(heads).transpose(1, 2)
        attention = (q @ k.transpose(2, 3) / math.sqrt(WIDTH // HEADS) + bias).softmax(dim=-1)  # (B, H, L, L)
        context = (attention @ v).transpose(1, 2).reshape(batch, length, WIDTH)
        x = self.attended_norm(x + self.dropout(self.attended(context)))
        hidden = self.outer(functional.gelu(self.inner(x)))
        return cast(Tensor, self.outer_norm(x + self.dropout(hidden)))


def _embedding(rows: int, width: int) -> nn.Embedding:
    """Make a table of vectors; on the "meta" device the constructor's own numbers would import torch's compiler."""
    return nn.Embedding(rows, width, _weight=torch.randn(rows, width))


class Transformer(nn.Module):
    """Maps vocabulary indices to one vector per sentence, the mean over its word pieces."""

    def __init__(self) -> None:
        super().__init__()
        self.words = _embedding(VOCABULARY, WIDTH)
        self.positions = _embedding(POSITIONS, WIDTH)
        self.norm = nn.LayerNorm(WIDTH, eps=EPSILON)
        self.distances = _embedding(DISTANCE_BUCKETS, HEADS)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))

    def embed(self, indices: Tensor) -> Tensor:
        """Map indices (batch, length) to what the first layer reads, (batch, length, WIDTH)."""
        places = torch.arange(indices.shape[1], device=indices.device) + FIRST_POSITION
        return cast(Tensor, self.norm(self.words(indices) + self.positions(places)))

    def run(self, x: Tensor, mask: Tensor) -> Tensor:
        """Apply the layers to (batch, length, WIDTH)."""
        bias = self.distances(distance_buckets(x.shape[1]).to(x.device)).permute(2, 0, 1)  # (H, L, L)
        padding = torch.zeros(mask.shape, dtype=x.dtype, device=x.device).masked_fill(~mask, -math.inf)
        both = bias[None] + padding[:, None, None, :]
        for layer in self.layers:
            x = layer(x, both)
        return x

    def forward(self, indices: Tensor, mask: Tensor) -> Tensor:
        """Embed sentences.

        Parameters
        ----------
        indices : Tensor of int64, shape (batch, length)
            Vocabulary indices, padded.
        mask : Tensor of bool, shape (batch, length)
            True at the pieces, False at the padding.

        Returns
        -------
        Tensor, shape (batch, WIDTH)
            The mean of the last layer over the pieces, ``<s>`` and ``</s>`` included, not normalised.
        """
        return mean_over(self.run(self.embed(indices), mask), mask)


def distance_buckets(length: int) -> Tensor:
    """Return the bucket of each pair of places, (length, length): exact when near, logarithmic when far."""
    places = torch.arange(length)
    distance = places[:, None] - places[None, :]  # of the query from the key
    half = DISTANCE_BUCKETS // 2  # for each direction
    exact = half // 2
    size = distance.abs()
    growth = torch.log(size.clamp(min=1).float() / exact) / math.log(FURTHEST / exact)
    far = (exact + (growth * (half - exact)).long()).clamp(max=half - 1)
    return torch.where(size < exact, size, far) + half * (distance < 0).long()


def mean_over(x: Tensor, mask: Tensor) -> Tensor:
    """Return the means of x (batch, length, d) over the places where the mask (batch, length) is True."""
    weights = mask.to(x.dtype).unsqueeze(-1)
    return (x * weights).sum(dim=1) / weights.sum(dim=1)


# From the tensor names in the published file to those of `Transformer`.
RENAMES = (
    (r"^embeddings\.word_embeddings", "words"),
    (r"^embeddings\.position_embeddings", "positions"),
    (r"^embeddings\.LayerNorm", "norm"),
    (r"^encoder\.relative_attention_bias", "distances"),
    (r"^encoder\.layer\.", "layers."),
    (r"attention\.attn\.q\.", "query."),
    (r"attention\.attn\.k\.", "key."),
    (r"attention\.attn\.v\.", "value."),
    (r"attention\.attn\.o\.", "attended."),
    (r"attention\.LayerNorm", "attended_norm"),
    (r"intermediate\.dense", "inner"),
    (r"output\.dense", "outer"),
    (r"output\.LayerNorm", "outer_norm"),
)
UNUSED = re.compile(r"^pooler\.|position_ids$")  # a head for classification and a constant


def load_transformer(folder: Path) -> Transformer:
    """Build the frozen transformer from ``model.safetensors`` of all-mpnet-base-v2.

    Raises
    ------
    WeightsError
        If the file is missing, damaged, or of another model.
    """
    path = folder / "model.safetensors"
    try:
        stored = load_file(path)
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path}: cannot be read ({error}); run `mtmm-video weights fetch`") from error
    state: dict[str, Tensor] = {}
    for stored_name, tensor in stored.items():
        if UNUSED.search(stored_name):
            continue
        name = stored_name
        for pattern, replacement in RENAMES:
            name = re.sub(pattern, replacement, name)
        state[name] = tensor.to(torch.float32)
    with torch.device("meta"):  # the numbers that a layer starts with are not drawn for nothing
        transformer = Transformer()
    try:
        transformer.load_state_dict(state, assign=True)
    except RuntimeError as error:
        raise WeightsError(f"{path}: is not all-mpnet-base-v2 ({error})") from error
    return transformer.eval()
