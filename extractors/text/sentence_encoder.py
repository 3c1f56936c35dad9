"""Sentence embeddings: all-MiniLM-L6-v2 (Wang et al., NeurIPS 2020; Reimers & Gurevych, EMNLP 2019), tuned on MOSEI.

The encoder is BERT's (Devlin et al., NAACL 2019) with six layers of width 384. It is implemented in plain torch, since
the analysis needs only its forward pass: no other package, no network access, a short import. Fine-tuning is a low-rank
addition to the linear layers (LoRA, Hu et al., ICLR 2022), stored in this folder.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from mtmm_video.extractors.text.word_pieces import WordPieces
from mtmm_video.foundation.errors import WeightsError

WIDTH = 384  # size of the embedding and of every layer's output
LAYERS = 6
HEADS = 12
INNER = 1536  # width of the feed-forward layers
POSITIONS = 512  # position embeddings in the file
VOCABULARY = 30_522  # pieces of bert-base-uncased
EPSILON = 1e-12  # of the layer normalisation, as in the file's config.json
LONGEST_INPUT = 256  # indices; the length all-MiniLM-L6-v2 was trained with (99 % of MOSEI's utterances have under 90)
BATCH = 64  # utterances per forward pass: bounded memory, and enough work for two cores
SENTENCE_NAMES = tuple(f"minilm_{index}" for index in range(WIDTH))
FROZEN_VERSION = "minilm-l6-v2/1"
DELTA = Path(__file__).parent / "sentence_delta.safetensors"
DELTA_SUFFIXES = (".down", ".up")  # W + up @ down, shapes (out, rank) and (rank, in)


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
        self.dropout = nn.Dropout(0.1)  # the rate of MiniLM's own training

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Apply self-attention and the feed-forward network.

        Parameters
        ----------
        x : Tensor, shape (batch, length, WIDTH)
            Output of the previous layer.
        mask : Tensor of bool, shape (batch, 1, 1, length)
            True at the pieces, False at the padding.

        Returns
        -------
        Tensor, shape (batch, length, WIDTH)
            This layer's output.
        """
        batch, length, _ = x.shape
        heads = (batch, length, HEADS, WIDTH // HEADS)
        q = self.query(x).view(heads).transpose(1, 2)  # (B, H, L, 32)
        k = self.key(x).view(heads).transpose(1, 2)
        v = self.value(x).view(heads).transpose(1, 2)
        scores = q @ k.transpose(2, 3) / math.sqrt(WIDTH // HEADS)  # (B, H, L, L)
        attention = scores.masked_fill(~mask, -math.inf).softmax(dim=-1)
        context = attention @ v  # (B, H, L, 32); torch's fused kernel is slower on short sentences
        context = context.transpose(1, 2).reshape(batch, length, WIDTH)
        x = self.attended_norm(x + self.dropout(self.attended(context)))
        hidden = self.outer(functional.gelu(self.inner(x)))
        return cast(Tensor, self.outer_norm(x + self.dropout(hidden)))


class Transformer(nn.Module):
    """Maps vocabulary indices to one vector per sentence, the mean over its word pieces."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(VOCABULARY, WIDTH)
        self.positions = nn.Embedding(POSITIONS, WIDTH)
        self.types = nn.Embedding(2, WIDTH)
        self.norm = nn.LayerNorm(WIDTH, eps=EPSILON)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.dropout = nn.Dropout(0.1)

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
            The mean of the last layer over the pieces, ``[CLS]`` and ``[SEP]`` included, not normalised.
        """
        places = torch.arange(indices.shape[1], device=indices.device)
        x = self.words(indices) + self.positions(places) + self.types.weight[0]
        x = self.dropout(self.norm(x))  # (B, L, D)
        for layer in self.layers:
            x = layer(x, mask[:, None, None, :])
        weights = mask.to(x.dtype).unsqueeze(-1)  # (B, L, 1)
        return cast(Tensor, (x * weights).sum(dim=1) / weights.sum(dim=1))


# From the tensor names in the published file to those of `Transformer`.
RENAMES = (
    (r"^embeddings\.word_embeddings", "words"),
    (r"^embeddings\.position_embeddings", "positions"),
    (r"^embeddings\.token_type_embeddings", "types"),
    (r"^embeddings\.LayerNorm", "norm"),
    (r"^encoder\.layer\.", "layers."),
    (r"attention\.self\.", ""),
    (r"attention\.output\.dense", "attended"),
    (r"attention\.output\.LayerNorm", "attended_norm"),
    (r"intermediate\.dense", "inner"),
    (r"output\.dense", "outer"),
    (r"output\.LayerNorm", "outer_norm"),
)
UNUSED = re.compile(r"^pooler\.|position_ids$")  # BERT's next-sentence head and a constant


def load_transformer(folder: Path) -> Transformer:
    """Build the frozen transformer from ``model.safetensors`` of all-MiniLM-L6-v2.

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
    transformer = Transformer()
    try:
        transformer.load_state_dict(state)
    except RuntimeError as error:
        raise WeightsError(f"{path}: is not all-MiniLM-L6-v2 ({error})") from error
    return transformer.eval()


def merge_delta(transformer: Transformer, path: Path) -> str:
    """Add the low-rank delta at `path` to the transformer's linear layers and return the delta's version.

    The file holds, for a linear layer NAME, ``NAME.down`` (rank, in) and ``NAME.up`` (out, rank) in fp16; the weight
    becomes ``W + up @ down`` (Hu et al. 2022, section 4.1, scaling already multiplied in).

    Raises
    ------
    WeightsError
        If the file is missing, damaged, or belongs to another model.
    """
    try:
        with safe_open(path, framework="pt") as file:
            version = cast(str | None, (file.metadata() or {}).get("version"))
            tensors = {name: file.get_tensor(name).to(torch.float32) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path}: cannot be read ({error}); reinstall mtmm-video") from error
    layers = dict(transformer.named_modules())
    names = {name.removesuffix(suffix) for name in tensors for suffix in DELTA_SUFFIXES if name.endswith(suffix)}
    if version is None or not names:
        raise WeightsError(f"{path}: holds no low-rank delta of a sentence encoder")
    for name in sorted(names):
        linear, up, down = layers.get(name), tensors.get(f"{name}.up"), tensors.get(f"{name}.down")
        if not isinstance(linear, nn.Linear) or up is None or down is None:
            raise WeightsError(f"{path}: {name!r} is no linear layer of all-MiniLM-L6-v2, or half of it is missing")
        if (up.shape[0], down.shape[1]) != tuple(linear.weight.shape) or up.shape[1] != down.shape[0]:
            raise WeightsError(f"{path}: the shapes of {name!r} do not fit the layer's {tuple(linear.weight.shape)}")
        with torch.no_grad():
            linear.weight += up @ down
    return version


@dataclass(frozen=True)
class SentenceEmbeddings:
    """Sentence embeddings with their column names.

    Attributes
    ----------
    values : ndarray of float32, shape (u, 384)
        One row per text; 0 where `valid` is False.
    valid : ndarray of bool, shape (u,)
        False for a text without words.
    names : tuple of str, length 384
        Column names.
    version : str
        Version of the encoder and its delta.
    """

    values: NDArray[np.float32]
    valid: NDArray[np.bool_]
    names: tuple[str, ...]
    version: str


class SentenceEncoder:
    """Embeds texts on the CPU, offline; the embedding of a text does not depend on the rest of the batch (to 2e-6)."""

    def __init__(self, transformer: Transformer, pieces: WordPieces, *, version: str) -> None:
        self._transformer = transformer
        self._pieces = pieces
        self.version = version

    @classmethod
    def load(cls, folder: Path, *, delta: Path | None = DELTA) -> SentenceEncoder:
        """Load the encoder.

        Parameters
        ----------
        folder : Path
            Contains ``model.safetensors`` and ``vocab.txt`` of all-MiniLM-L6-v2.
        delta : Path or None
            The fine-tuned low-rank addition; None gives the encoder as published.

        Raises
        ------
        WeightsError
            If a file is missing, damaged, or of another model.
        """
        transformer = load_transformer(folder)
        version = FROZEN_VERSION if delta is None else f"{FROZEN_VERSION}+{merge_delta(transformer, delta)}"
        return cls(transformer, WordPieces.load(folder / "vocab.txt"), version=version)

    def encode(self, texts: Sequence[str]) -> SentenceEmbeddings:
        """Embed texts.

        Parameters
        ----------
        texts : sequence of str, length u
            Utterances; each is truncated to 256 pieces.

        Returns
        -------
        SentenceEmbeddings
            Row i is the embedding of ``texts[i]``, the mean over its pieces, not scaled to unit length.
        """
        indices = [self._pieces.encode(text, longest=LONGEST_INPUT) for text in texts]
        values = np.zeros((len(texts), WIDTH), dtype=np.float32)
        valid = np.array([len(row) > 2 for row in indices], dtype=np.bool_)
        by_length = sorted(np.flatnonzero(valid).tolist(), key=lambda row: len(indices[row]))  # less padding
        for begin in range(0, len(by_length), BATCH):
            rows = by_length[begin : begin + BATCH]
            batch, mask = pad([indices[row] for row in rows], padding=self._pieces.pad)
            with torch.inference_mode():
                values[rows] = self._transformer(batch, mask).numpy()
        return SentenceEmbeddings(values=values, valid=valid, names=SENTENCE_NAMES, version=self.version)


def pad(rows: Sequence[Sequence[int]], *, padding: int) -> tuple[Tensor, Tensor]:
    """Pad rows of indices to (batch, length), and return them with a mask that is True at the pieces."""
    length = max(len(row) for row in rows)
    batch = torch.full((len(rows), length), padding, dtype=torch.int64)
    mask = torch.zeros((len(rows), length), dtype=torch.bool)
    for place, row in enumerate(rows):
        batch[place, : len(row)] = torch.tensor(row)
        mask[place, : len(row)] = True
    return batch, mask
