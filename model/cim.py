"""The multi-task contextual inter-modal (CIM) network of Akhtar et al., NAACL 2019, section 4, Figure 1, Algorithm 1.

Named axes: B videos, U utterances (padded), C input columns of a modality, H GRU units per direction, D dense units
(the paper's d = 100), R width of the shared representation. Unlike in the paper's script, padding and utterances
without the modality are masked in the GRU and in the attention.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from mtmm_video.model.features import Modality
from mtmm_video.model.network_shape import TASK_WIDTHS, NetworkShape, Task

# Utterances that attend at once: of a video with 9,000, so many rows take 18 MB and the whole matrix 324 MB.
ROWS_AT_ONCE = 512


@dataclass(frozen=True)
class Outputs:
    """The result of a forward pass.

    Attributes
    ----------
    logits : mapping of Task to Tensor, shape (B, U, width of the task)
        Before softmax or sigmoid; intensities are in their own unit.
    encoded : mapping of Modality to Tensor, shape (B, U, D)
        The context encoders' outputs, from which `attention_weights` gives Algorithm 1's N1 and N2: the network keeps
        none of these, which are quadratic in the utterances.
    """

    logits: Mapping[Task, Tensor]
    encoded: Mapping[Modality, Tensor] = field(default_factory=dict)


def attention_weights(queries: Tensor, keys: Tensor, *, mask: Tensor) -> Iterator[Tensor]:
    """Compute the weights of Algorithm 1, `ROWS_AT_ONCE` query utterances at a time.

    Parameters
    ----------
    queries, keys : Tensor, shape (B, U, D)
        N1 of a pair (X, Y) has X's utterances as queries and Y's as keys, N2 the other way round.
    mask : Tensor of bool, shape (B, U)
        Utterances that may be attended to.

    Yields
    ------
    Tensor, shape (B, up to ROWS_AT_ONCE, U)
        Rows sum to 1; rows of a video without any key are 0.
    """
    for first in range(0, queries.shape[1], ROWS_AT_ONCE):
        scores = queries[:, first : first + ROWS_AT_ONCE] @ keys.transpose(1, 2)  # (B, R, U)
        scores = scores.masked_fill(~mask[:, None, :], torch.finfo(scores.dtype).min)  # (B, R, U)
        yield scores.softmax(dim=-1) * mask[:, None, :]  # (B, R, U)


def attended(queries: Tensor, keys: Tensor, *, mask: Tensor) -> Tensor:
    """Compute the gated attentive representation of the queries, shape (B, U, D): A1 of Algorithm 1, or A2."""
    weighed = [weights @ keys for weights in attention_weights(queries, keys, mask=mask)]  # each (B, R, D)
    return torch.cat(weighed, dim=1) * queries  # (B, U, D)


def cim_attention(X: Tensor, Y: Tensor, *, x_mask: Tensor, y_mask: Tensor) -> tuple[Tensor, Tensor]:
    """Compute the contextual inter-modal attention of one pair (paper, Algorithm 1, CIM-ATTENTION).

    Parameters
    ----------
    X, Y : Tensor, shape (B, U, D)
        Representations of two modalities; 0 where the modality is absent.
    x_mask, y_mask : Tensor of bool, shape (B, U)
        Utterances that have the modality.

    Returns
    -------
    A1, A2 : Tensor, shape (B, U, D)
        Gated attentive representations.
    """
    return attended(X, Y, mask=y_mask), attended(Y, X, mask=x_mask)


class ContextEncoder(nn.Module):
    """Bidirectional GRU over the utterances of a video that have the modality, then a dense layer."""

    def __init__(self, columns: int, shape: NetworkShape) -> None:
        super().__init__()
        self.input_dropout = nn.Dropout(shape.input_dropout)
        self.gru = nn.GRU(columns, shape.hidden, batch_first=True, bidirectional=True)
        self.dense = nn.Linear(2 * shape.hidden, shape.dense)
        self.dropout = nn.Dropout(shape.dropout)

    def forward(self, inputs: Tensor, mask: Tensor) -> Tensor:
        """Encode each utterance in the context of the others.

        Parameters
        ----------
        inputs : Tensor, shape (B, U, C)
            Normalised features.
        mask : Tensor of bool, shape (B, U)
            Utterances that exist and have the modality. The GRU skips all others.

        Returns
        -------
        Tensor, shape (B, U, D)
            0 where `mask` is False.
        """
        lengths = mask.sum(dim=1)  # (B,)
        order = (~mask).to(torch.uint8).argsort(dim=1, stable=True)  # (B, U) present utterances first, in time order
        dropped = self.input_dropout(inputs * mask[:, :, None])  # (B, U, C)
        compact = dropped.gather(1, order[:, :, None].expand_as(dropped))  # (B, U, C)
        # The GRU does not accept empty sequences: a video without the modality is one step of zeros, masked below.
        packed = pack_padded_sequence(compact, lengths.clamp(min=1).cpu(), batch_first=True, enforce_sorted=False)
        hidden, _ = pad_packed_sequence(self.gru(packed)[0], batch_first=True, total_length=mask.shape[1])  # (B, U, 2H)
        back = order.argsort(dim=1)  # (B, U)
        context = self.dropout(hidden.gather(1, back[:, :, None].expand_as(hidden)))  # (B, U, 2H)
        encoded = self.dropout(torch.relu(self.dense(context)))  # (B, U, D)
        return cast(Tensor, encoded * mask[:, :, None])  # (B, U, D)


class CimNetwork(nn.Module):
    """Multi-task multi-modal network: context encoder per modality, CIM attention per pair, linear head per task."""

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__()
        self.shape = shape
        self.encoders = nn.ModuleDict({name: ContextEncoder(columns, shape) for name, columns in shape.columns.items()})
        self.heads = nn.ModuleDict({task: nn.Linear(shape.representation, TASK_WIDTHS[task]) for task in shape.tasks})

    def forward(self, inputs: Mapping[Modality, Tensor], masks: Mapping[Modality, Tensor]) -> Outputs:
        """Label every utterance of every video.

        Parameters
        ----------
        inputs : mapping of Modality to Tensor, each of shape (B, U, C)
            Normalised features of every modality of the network's shape; masked entries may have any finite value.
        masks : mapping of Modality to Tensor of bool, each of shape (B, U)
            Utterances that exist and have the modality; False for padding.

        Returns
        -------
        Outputs
        """
        encoded = {name: self.encoders[name](inputs[name], masks[name]) for name in self.shape.columns}  # (B, U, D)
        blocks: list[Tensor] = []
        for x, y in self.shape.pairs:
            A1, A2 = cim_attention(encoded[x], encoded[y], x_mask=masks[x], y_mask=masks[y])  # (B, U, D) x 2
            blocks += [A1] if x == y else [A1, A2]
        blocks += [encoded[name] for name in ("text", "visual", "acoustic") if name in encoded]
        shared = torch.cat(blocks, dim=-1)  # (B, U, R)
        logits = {task: self.heads[task](shared) for task in self.shape.tasks}  # (B, U, width)
        return Outputs(logits=logits, encoded=encoded)
