"""Sentence embeddings: all-mpnet-base-v2 (`extractors.text.mpnet`), tuned on labelled talk.

Fine-tuning is a low-rank addition to linear layers (LoRA, Hu et al., ICLR 2022), stored in this folder.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from mtmm_video.extractors.text.mpnet import WIDTH, Transformer, load_transformer
from mtmm_video.extractors.text.names import DELTA, FROZEN_VERSION, VOCABULARY_FILE
from mtmm_video.extractors.text.word_pieces import WordPieces
from mtmm_video.foundation.errors import WeightsError

LONGEST_INPUT = 384  # indices; max_seq_length of all-mpnet-base-v2 (99 % of MOSEI's utterances have under 90)
BATCH = 16  # utterances per forward pass; 32 gain 4 % on two cores and cost 40 MB
SENTENCE_NAMES = tuple(f"mpnet_{index}" for index in range(WIDTH))
DELTA_SUFFIXES = (".down", ".up")  # W + up @ down, shapes (out, rank) and (rank, in)
SCALE_SUFFIX = ".scale"  # of a tensor in int8: what its numbers are multiplied by
LARGEST = 127  # number of int8, on both sides of 0


def merge_delta(transformer: Transformer, path: Path) -> str:
    """Add the low-rank delta at `path` to the transformer's linear layers and return the delta's version.

    The file holds, for a linear layer NAME, ``NAME.down`` (rank, in) and ``NAME.up`` (out, rank); the weight becomes
    ``W + up @ down`` (Hu et al. 2022, section 4.1, scaling already multiplied in). See `in_whole_numbers` for those in
    int8.

    Raises
    ------
    WeightsError
        If the file is missing, damaged, or belongs to another model.
    """
    version = delta_version(path)
    with safe_open(path, framework="pt") as file:
        stored = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    tensors = {
        name: value.to(torch.float32) * stored.get(f"{name}{SCALE_SUFFIX}", torch.ones(()))
        for name, value in stored.items()
        if not name.endswith(SCALE_SUFFIX)
    }
    layers = dict(transformer.named_modules())
    names = {name.removesuffix(suffix) for name in tensors for suffix in DELTA_SUFFIXES if name.endswith(suffix)}
    if not names:
        raise WeightsError(f"{path}: holds no low-rank delta of a sentence encoder")
    for name in sorted(names):
        linear, up, down = layers.get(name), tensors.get(f"{name}.up"), tensors.get(f"{name}.down")
        if not isinstance(linear, nn.Linear) or up is None or down is None:
            raise WeightsError(f"{path}: {name!r} is no linear layer of all-mpnet-base-v2, or half of it is missing")
        if (up.shape[0], down.shape[1]) != tuple(linear.weight.shape) or up.shape[1] != down.shape[0]:
            raise WeightsError(f"{path}: the shapes of {name!r} do not fit the layer's {tuple(linear.weight.shape)}")
    add_low_rank(transformer, tensors)
    return version


def delta_version(path: Path) -> str:
    """Return the version of a low-rank delta from the head of its file.

    Raises
    ------
    WeightsError
        If the file is missing, damaged, or no such delta.
    """
    try:
        with safe_open(path, framework="pt") as file:
            version = cast(str | None, (file.metadata() or {}).get("version"))
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path}: cannot be read ({error}); reinstall mtmm-video") from error
    if version is None:
        raise WeightsError(f"{path}: holds no low-rank delta of a sentence encoder")
    return version


def in_whole_numbers(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Round the parts of a delta to int8, each of the rank's rows and columns by a scale of its own.

    Halves the file of fp16; sentence vectors change by as much as by fp16 (6e-4; cosines of .999999).

    Returns
    -------
    dict of str to Tensor
        Of each tensor the numbers in int8 under its name, and under ``NAME.scale`` (rank, 1) or (1, rank) in float32.
    """
    rounded: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        along = 1 if name.endswith(".down") else 0
        scale = (tensor.float().abs().amax(dim=along, keepdim=True) / LARGEST).clamp(
            min=torch.finfo(torch.float32).tiny
        )
        rounded[name] = (tensor.float() / scale).round().to(torch.int8)
        rounded[f"{name}{SCALE_SUFFIX}"] = scale
    return rounded


def add_low_rank(transformer: Transformer, tensors: Mapping[str, Tensor]) -> None:
    """Add ``up @ down`` of each ``NAME.up`` (out, rank) and ``NAME.down`` (rank, in) to the weight of layer NAME."""
    layers = dict(transformer.named_modules())
    with torch.no_grad():
        for name in sorted(name.removesuffix(".up") for name in tensors if name.endswith(".up")):
            weight = cast(Tensor, layers[name].weight)
            weight += tensors[f"{name}.up"].to(torch.float32) @ tensors[f"{name}.down"].to(torch.float32)


@dataclass(frozen=True)
class SentenceEmbeddings:
    """Sentence embeddings with their column names.

    Attributes
    ----------
    values : ndarray of float32, shape (u, 768)
        One row per text; 0 where `valid` is False.
    valid : ndarray of bool, shape (u,)
        False for a text without words.
    names : tuple of str, length 768
        Column names.
    version : str
        Version of the encoder and its delta.
    """

    values: NDArray[np.float32]
    valid: NDArray[np.bool_]
    names: tuple[str, ...]
    version: str


class Network(Protocol):
    """The encoder without its tokeniser: rows of at least one vocabulary index each to vectors (rows, 768)."""

    def __call__(self, rows: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Return the mean of the last layer over each row's pieces."""


class SentenceEncoder:
    """Embeds texts on the CPU, offline; the embedding of a text does not depend on the rest of the batch (to 2e-6).

    Parameters
    ----------
    network : Network
    pieces : WordPieces
    version : str
        Of the network's weights.
    """

    def __init__(self, network: Network, pieces: WordPieces, *, version: str) -> None:
        self._network = network
        self._pieces = pieces
        self.version = version

    @classmethod
    def load(cls, folder: Path, *, delta: Path | None = DELTA) -> SentenceEncoder:
        """Load the encoder in torch: what training starts from, and the reference for the form that analyses use.

        Parameters
        ----------
        folder : Path
            Contains ``model.safetensors`` and ``vocab.txt`` of all-mpnet-base-v2.
        delta : Path or None
            The fine-tuned low-rank addition; None gives the encoder as published.

        Raises
        ------
        WeightsError
            If a file is missing, damaged, or of another model.
        """
        transformer = load_transformer(folder)
        version = FROZEN_VERSION if delta is None else f"{FROZEN_VERSION}+{merge_delta(transformer, delta)}"
        pieces = WordPieces.load(folder / VOCABULARY_FILE)

        def network(rows: Sequence[Sequence[int]]) -> NDArray[np.float32]:
            with torch.inference_mode():
                return cast(NDArray[np.float32], transformer(*pad(rows, padding=pieces.pad)).numpy())

        return cls(network, pieces, version=version)

    def encode(self, texts: Sequence[str]) -> SentenceEmbeddings:
        """Embed texts.

        Parameters
        ----------
        texts : sequence of str, length u
            Utterances; each is truncated to 384 pieces.

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
            values[rows] = self._network([indices[row] for row in rows])
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
