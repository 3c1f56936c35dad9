"""Fine-tuning of the sentence encoder on labelled texts: low-rank additions to its linear layers (LoRA).

Several encoders learn in step: one for each fold of the texts, which it does not learn from, and one that learns from
all of them and is shipped. They read the same batches and have their linear heads in common, a head per set of labels,
so that the labels of one corpus teach without being asked of another. The encoder of a fold gives that fold its vectors
(cross-fitting). Only train texts are learnt from; docs/plus.md has the figures.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from mtmm_video.extractors.text.mpnet import WIDTH, Transformer, mean_over
from mtmm_video.extractors.text.sentence_encoder import pad
from mtmm_video.model.labels import EMOTION_CLASSES, EMOTIONS, SENTIMENT_CLASSES
from mtmm_video.model.neutral import classes_of
from mtmm_video.pipeline.corpora.talk import GOEMOTIONS_LABELS
from mtmm_video.pipeline.training.encoder_texts import FOLDS, GOEMOTIONS, MELD, MOSEI, MOSI

TUNED = ("query", "key", "value", "attended", "inner", "outer")  # every linear layer of a transformer's layer
POOLED_GAIN = 3.0  # the means over pieces are small numbers; 3 lets the heads learn at their rate
CLASSES = slice(2, 2 + len(SENTIMENT_CLASSES))  # among the outputs for MOSEI, after sentiment / 3 and positive
PRESENCE = slice(CLASSES.stop, CLASSES.stop + len(EMOTIONS))
INTENSITY = slice(PRESENCE.stop, PRESENCE.stop + len(EMOTIONS))
OUTPUTS: Mapping[str, int] = {
    MOSEI: INTENSITY.stop,
    MELD: len(SENTIMENT_CLASSES) + len(EMOTION_CLASSES),
    GOEMOTIONS: GOEMOTIONS_LABELS,
}
SHUFFLED = 1200  # texts that are sorted by length together; random between such pools


@dataclass(frozen=True)
class TuningOptions:
    """Hyperparameters of the tuning.

    Attributes
    ----------
    folds : int
        Encoders that do not see one fold; one more sees all.
    rank : int
        Of the low-rank additions.
    rate, head_rate : float
        Peak learning rates of AdamW for the additions and for the heads.
    warm_up : float
        Share of the steps until the peak; from there both rates fall to zero in a line.
    passes : int
        Over the texts.
    pieces : int
        Per step, padding included.
    dropout : float
        Before the heads; inside the transformer it is 0.1.
    emotion_weight, comment_weight : float
        Of MOSEI's emotion loss and of GoEmotions' loss, sentiment having 1.
    seed : int
        Of every random number.
    """

    folds: int = FOLDS
    rank: int = 32
    rate: float = 2e-4
    head_rate: float = 2e-3
    warm_up: float = 0.05
    passes: int = 3
    pieces: int = 1280
    dropout: float = 0.1
    emotion_weight: float = 3.0
    comment_weight: float = 8.0
    seed: int = 1


class LowRank(nn.Module):
    """A frozen linear layer plus ``up @ down`` of each encoder (Hu et al., ICLR 2022, equation 3).

    All encoders start with the same `down` and with `up` at zero.
    """

    def __init__(self, linear: nn.Linear, *, encoders: int, rank: int) -> None:
        super().__init__()
        self.linear = linear
        down = torch.empty(rank, linear.in_features)
        nn.init.normal_(down, std=1 / math.sqrt(linear.in_features))
        self.down = nn.Parameter(down.repeat(encoders, 1, 1))
        self.up = nn.Parameter(torch.zeros(encoders, linear.out_features, rank))

    def forward(self, x: Tensor) -> Tensor:
        """Map (encoders * batch, length, in) to (encoders * batch, length, out), each encoder's rows together."""
        each = x.reshape(len(self.down), -1, x.shape[-1])
        added = torch.bmm(torch.bmm(each, self.down.transpose(1, 2)), self.up.transpose(1, 2))
        return cast(Tensor, self.linear(x)) + added.view(*x.shape[:-1], -1)


class TunedEncoders(nn.Module):
    """The transformer with low-rank additions of several encoders, and a linear head per set of labels.

    Parameters
    ----------
    transformer : Transformer
        As published; it is changed.
    options : TuningOptions
    """

    def __init__(self, transformer: Transformer, options: TuningOptions) -> None:
        super().__init__()
        torch.manual_seed(options.seed)
        self.encoders = options.folds + 1
        self.transformer = transformer.requires_grad_(False)
        for layer in self.transformer.layers:
            for name in TUNED:
                setattr(layer, name, LowRank(getattr(layer, name), encoders=self.encoders, rank=options.rank))
        self.dropout = nn.Dropout(options.dropout)
        self.heads = nn.ModuleDict({corpus: nn.Linear(WIDTH, outputs) for corpus, outputs in OUTPUTS.items()})
        for head in self.heads.values():
            nn.init.normal_(cast(nn.Linear, head).weight, std=0.02)
            nn.init.zeros_(cast(nn.Linear, head).bias)

    def forward(self, indices: Tensor, mask: Tensor, corpus: str) -> Tensor:
        """Map indices (batch, length) to outputs (encoders, batch, OUTPUTS[corpus]); MOSI is asked what MOSEI is."""
        masks = mask.repeat(self.encoders, 1)
        states = self.transformer.run(self.transformer.embed(indices).repeat(self.encoders, 1, 1), masks)
        vectors = mean_over(states, masks).view(self.encoders, len(indices), WIDTH)
        return cast(Tensor, self.heads[MOSEI if corpus == MOSI else corpus](self.dropout(vectors * POOLED_GAIN)))

    def additions(self) -> dict[str, LowRank]:
        """Return the low-rank layers by the name of the linear layer they add to."""
        return {
            f"layers.{index}.{name}": getattr(layer, name)
            for index, layer in enumerate(self.transformer.layers)
            for name in TUNED
        }

    def learnt(self) -> dict[str, Tensor]:
        """Return what is learnt, by name: additions and heads."""
        return {name: value for name, value in self.named_parameters() if value.requires_grad}


def losses_of(outputs: Tensor, targets: Tensor, corpus: str, options: TuningOptions) -> Tensor:
    """Return the loss of each text.

    MOSEI: cross-entropy of positive and squared error of sentiment, half the cross-entropy of three classes, and the
    first two of each emotion. MOSI: of positive. MELD: cross-entropies of sentiment and emotion. GoEmotions: of each
    label.

    Parameters
    ----------
    outputs : Tensor, shape (batch, OUTPUTS)
        Of one encoder.
    targets : Tensor, shape (batch, k)
        Those of `EncoderTexts`.
    corpus : str
    options : TuningOptions

    Returns
    -------
    Tensor, shape (batch,)
    """

    def entropy(logits: Tensor, shares: Tensor) -> Tensor:
        return functional.cross_entropy(logits, shares, reduction="none")

    def each(logits: Tensor, truth: Tensor) -> Tensor:
        return functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")

    if corpus == MOSI:
        return each(outputs[:, 1], targets[:, 0])
    if corpus == MELD:
        count = len(SENTIMENT_CLASSES)
        return entropy(outputs[:, :count], targets[:, :count]) + entropy(outputs[:, count:], targets[:, count:])
    if corpus == GOEMOTIONS:
        return options.comment_weight * each(outputs, targets).mean(dim=1)
    sentiment, emotions = targets[:, 0], targets[:, 1:]
    classes = torch.from_numpy(classes_of(sentiment.cpu().numpy())).to(outputs.device)
    loss = each(outputs[:, 1], (sentiment >= 0).float()) + (outputs[:, 0] * 3 - sentiment).square()
    loss = loss + 0.5 * functional.cross_entropy(outputs[:, CLASSES], classes, reduction="none")
    presence = each(outputs[:, PRESENCE], (emotions > 0).float())
    intensity = (outputs[:, INTENSITY] - emotions).square()
    return loss + options.emotion_weight * (presence + intensity).mean(dim=1)


def batches_of(rows: Sequence[int], *, lengths: NDArray[np.int64], pieces: int) -> list[list[int]]:
    """Put texts of like length together, so that little is spent on padding; each batch has at most `pieces`."""
    batches: list[list[int]] = []
    current: list[int] = []
    for row in sorted(rows, key=lambda row: int(lengths[row])):
        if current and (len(current) + 1) * int(lengths[row]) > pieces:
            batches.append(current)
            current = []
        current.append(int(row))
    return [*batches, current] if current else batches


def schedule(
    corpora: Sequence[tuple[str, NDArray[np.int64]]], *, lengths: NDArray[np.int64], options: TuningOptions
) -> list[tuple[str, list[int]]]:
    """Return the batches in the order of learning, each of one corpus.

    Parameters
    ----------
    corpora : sequence of (str, ndarray of int)
        Names and train rows.
    lengths : ndarray, shape (n,)
        Pieces of each row.
    options : TuningOptions
        GoEmotions' rows are spread over the passes, so each is read once.
    """
    found: list[tuple[str, list[int]]] = []
    for number in range(options.passes):
        generator = np.random.default_rng((options.seed, number))
        batches: list[tuple[str, list[int]]] = []
        for corpus, rows in corpora:
            order = rows[generator.permutation(len(rows))]
            if corpus == GOEMOTIONS:
                spread = np.random.default_rng(options.seed).permutation(len(rows))
                order = rows[spread[number :: options.passes]]
            for begin in range(0, len(order), SHUFFLED):
                pool = order[begin : begin + SHUFFLED].tolist()
                batches += [(corpus, part) for part in batches_of(pool, lengths=lengths, pieces=options.pieces)]
        found += [batches[place] for place in generator.permutation(len(batches))]
    return found


@dataclass(frozen=True)
class TuningRows:
    """Texts as numbers.

    Attributes
    ----------
    indices : sequence of sequence of int, n texts
        Their pieces.
    targets : sequence of ndarray, n texts
        Those of `EncoderTexts`.
    folds : ndarray of int, shape (n,)
        The fold of each.
    padding : int
        Index of the padding piece.
    """

    indices: Sequence[Sequence[int]]
    targets: Sequence[NDArray[np.float32]]
    folds: NDArray[np.int64]
    padding: int

    def batch(self, rows: Sequence[int], *, device: torch.device) -> tuple[Tensor, Tensor]:
        """Return the indices (batch, length) of some texts and a mask that is True at the pieces."""
        indices, mask = pad([self.indices[row] for row in rows], padding=self.padding)
        return indices.to(device), mask.to(device)


class Tuning:
    """The encoders while they learn, on the processor that they are on.

    Parameters
    ----------
    encoders : TunedEncoders
    rows : TuningRows
    steps : sequence of (str, list of int)
        From `schedule`.
    options : TuningOptions
    device : torch.device
        Where they learn; matrix products are in bfloat16 on a GPU and in float32 elsewhere.
    """

    def __init__(
        self,
        encoders: TunedEncoders,
        *,
        rows: TuningRows,
        steps: Sequence[tuple[str, list[int]]],
        options: TuningOptions,
        device: torch.device,
    ) -> None:
        self.encoders = encoders.to(device).train()
        self._rows, self._steps, self._options, self._device = rows, steps, options, device
        heads = list(encoders.heads.parameters())
        additions = [value for name, value in encoders.learnt().items() if not name.startswith("heads.")]
        self._learnt = [*additions, *heads]
        self.optimiser = torch.optim.AdamW(
            [{"params": additions, "weight_decay": 0.01}, {"params": heads, "weight_decay": 0.01}]
        )

    def learn(self, step: int) -> Tensor:
        """Take one step, counted from 0; return the mean loss before it, on the device."""
        options, count = self._options, len(self._steps)
        rising = (step + 1) / (options.warm_up * count)
        share = min(rising, (count - step) / ((1 - options.warm_up) * count))
        for group, rate in zip(self.optimiser.param_groups, (options.rate, options.head_rate), strict=True):
            group["lr"] = rate * share
        torch.manual_seed(1_000_003 * options.seed + step)  # whatever was interrupted before
        corpus, rows = self._steps[step]
        targets = torch.from_numpy(np.stack([self._rows.targets[row] for row in rows])).to(self._device)
        folds = torch.from_numpy(self._rows.folds[rows]).to(self._device)
        with mixed_precision(self._device):
            outputs = self.encoders(*self._rows.batch(rows, device=self._device), corpus).float()
        losses = torch.stack([losses_of(each, targets, corpus, options) for each in outputs])  # (encoders, batch)
        seen = torch.stack([folds != fold for fold in range(len(outputs))]).float()  # no text is in the last one's fold
        loss = ((losses * seen).sum(dim=1) / seen.sum(dim=1).clamp(min=1)).sum()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self._learnt, math.sqrt(len(outputs)))
        self.optimiser.step()
        return loss.detach() / len(outputs)


def mixed_precision(device: torch.device) -> AbstractContextManager[None]:
    """Return the context of the matrix products on a device."""
    return torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda")
