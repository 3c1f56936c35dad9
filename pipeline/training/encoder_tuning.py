"""Fine-tuning the upper half of the sentence encoder on labelled texts: low-rank additions to its linear layers (LoRA).

Two encoders learn, each from one half of the texts, with linear heads in common: a head per set of labels, so that
the labels of one corpus teach without being asked of another. Each then gives vectors to the half that it has not seen
(cross-fitting), and the mean of their additions is what is shipped (model soups: Wortsman et al., ICML 2022). Only
train texts are learnt from; docs/plus.md has the figures.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from mtmm_video.extractors.text.mpnet import LAYERS, WIDTH, Transformer, mean_over
from mtmm_video.model.labels import EMOTION_CLASSES, EMOTIONS, SENTIMENT_CLASSES
from mtmm_video.model.neutral import classes_of
from mtmm_video.pipeline.corpora.talk import GOEMOTIONS_LABELS
from mtmm_video.pipeline.training.encoder_texts import GOEMOTIONS, MELD, MOSEI, MOSI
from mtmm_video.pipeline.training.lower_states import FROZEN_LAYERS, LowerStates, batches_of

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
    average_every : int
        Steps after which the two halves take the mean of their heads.
    seed : int
        Of every random number.
    """

    rank: int = 16
    rate: float = 4e-4
    head_rate: float = 2e-3
    warm_up: float = 0.05
    passes: int = 2
    pieces: int = 640
    dropout: float = 0.1
    emotion_weight: float = 3.0
    comment_weight: float = 8.0
    average_every: int = 4
    seed: int = 1


class LowRank(nn.Module):
    """A frozen linear layer plus ``up @ down`` (Hu et al., ICLR 2022, equation 3), `up` starting at zero."""

    def __init__(self, linear: nn.Linear, *, rank: int) -> None:
        super().__init__()
        self.linear = linear
        self.down = nn.Parameter(torch.empty(rank, linear.in_features))
        self.up = nn.Parameter(torch.zeros(linear.out_features, rank))
        nn.init.normal_(self.down, std=1 / math.sqrt(linear.in_features))

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., in) to (..., out)."""
        low = functional.linear(x, self.down)  # (..., rank)
        return functional.linear(low, self.up) + functional.linear(x, self.linear.weight, self.linear.bias)


class TunedEncoder(nn.Module):
    """The upper layers of the transformer with low-rank additions, and a linear head per set of labels.

    Parameters
    ----------
    transformer : Transformer
        As published; its upper layers are changed.
    options : TuningOptions
    """

    def __init__(self, transformer: Transformer, options: TuningOptions) -> None:
        super().__init__()
        torch.manual_seed(options.seed)
        self.transformer = transformer.requires_grad_(False)
        for index in range(FROZEN_LAYERS, LAYERS):
            layer = self.transformer.layers[index]
            for name in TUNED:
                setattr(layer, name, LowRank(getattr(layer, name), rank=options.rank))
        self.dropout = nn.Dropout(options.dropout)
        self.heads = nn.ModuleDict({corpus: nn.Linear(WIDTH, outputs) for corpus, outputs in OUTPUTS.items()})
        for head in self.heads.values():
            nn.init.normal_(cast(nn.Linear, head).weight, std=0.02)
            nn.init.zeros_(cast(nn.Linear, head).bias)

    def vectors(self, states: Tensor, mask: Tensor) -> Tensor:
        """Map states after the frozen layers (batch, length, WIDTH) to sentence vectors (batch, WIDTH)."""
        return mean_over(self.transformer.run(states, mask, first=FROZEN_LAYERS), mask)

    def forward(self, states: Tensor, mask: Tensor, corpus: str) -> Tensor:
        """Map states to the outputs (batch, OUTPUTS[corpus]) of a corpus; MOSI is asked what MOSEI is."""
        pooled = self.dropout(self.vectors(states, mask) * POOLED_GAIN)
        return cast(Tensor, self.heads[MOSEI if corpus == MOSI else corpus](pooled))

    def additions(self) -> dict[str, LowRank]:
        """Return the low-rank layers by the name of the linear layer they add to."""
        return {
            f"layers.{index}.{name}": getattr(self.transformer.layers[index], name)
            for index in range(FROZEN_LAYERS, LAYERS)
            for name in TUNED
        }

    def learnt(self) -> dict[str, Tensor]:
        """Return what is learnt, by name: additions and heads."""
        return {name: value for name, value in self.named_parameters() if value.requires_grad}


def loss_of(outputs: Tensor, targets: Tensor, corpus: str, options: TuningOptions) -> Tensor:
    """Return the loss of a batch; `targets` are those of `EncoderTexts`.

    MOSEI: cross-entropy of positive and squared error of sentiment, half the cross-entropy of three classes, and the
    first two of each emotion. MOSI: of positive. MELD: cross-entropies of sentiment and emotion. GoEmotions: of each
    label.
    """
    if corpus == MOSI:
        return functional.binary_cross_entropy_with_logits(outputs[:, 1], targets[:, 0])
    if corpus == MELD:
        count = len(SENTIMENT_CLASSES)
        sentiment = functional.cross_entropy(outputs[:, :count], targets[:, :count])
        return sentiment + functional.cross_entropy(outputs[:, count:], targets[:, count:])
    if corpus == GOEMOTIONS:
        return options.comment_weight * functional.binary_cross_entropy_with_logits(outputs, targets)
    sentiment, emotions = targets[:, 0], targets[:, 1:]
    classes = torch.from_numpy(classes_of(sentiment.numpy()))
    loss = functional.binary_cross_entropy_with_logits(outputs[:, 1], (sentiment >= 0).float())
    loss = loss + functional.mse_loss(outputs[:, 0] * 3, sentiment)
    loss = loss + 0.5 * functional.cross_entropy(outputs[:, CLASSES], classes)
    presence = functional.binary_cross_entropy_with_logits(outputs[:, PRESENCE], (emotions > 0).float())
    return loss + options.emotion_weight * (presence + functional.mse_loss(outputs[:, INTENSITY], emotions))


def schedule(
    corpora: Sequence[tuple[str, NDArray[np.int64]]],
    *,
    lengths: NDArray[np.int64],
    half: int,
    options: TuningOptions,
) -> list[tuple[str, list[int]]]:
    """Return the batches of one half in the order of learning, each of one corpus.

    Parameters
    ----------
    corpora : sequence of (str, ndarray of int)
        Names, and the train rows of this half.
    lengths : ndarray, shape (n,)
        Pieces of each row.
    half : int
        Seeds the order.
    options : TuningOptions
        GoEmotions' rows are spread over the passes, so each is read once.
    """
    found: list[tuple[str, list[int]]] = []
    for number in range(options.passes):
        generator = np.random.default_rng((options.seed, half, number))
        batches: list[tuple[str, list[int]]] = []
        for corpus, rows in corpora:
            order = rows[generator.permutation(len(rows))]
            if corpus == GOEMOTIONS:
                spread = np.random.default_rng((options.seed, half)).permutation(len(rows))
                order = rows[spread[number :: options.passes]]
            for begin in range(0, len(order), SHUFFLED):
                pool = order[begin : begin + SHUFFLED].tolist()
                batches += [(corpus, part) for part in batches_of(pool, lengths=lengths, pieces=options.pieces)]
        found += [batches[place] for place in generator.permutation(len(batches))]
    return found


class Tuning:
    """One half's encoder while it learns.

    Parameters
    ----------
    encoder : TunedEncoder
    states : LowerStates
    targets : mapping of int to ndarray
        Of each row that is learnt from.
    steps : sequence of (str, list of int)
        From `schedule`.
    options : TuningOptions
    half : int
        Seeds the dropout.
    """

    def __init__(
        self,
        encoder: TunedEncoder,
        *,
        states: LowerStates,
        targets: Mapping[int, NDArray[np.float32]],
        steps: Sequence[tuple[str, list[int]]],
        options: TuningOptions,
        half: int,
    ) -> None:
        self.encoder = encoder.train()
        self._states, self._targets, self._steps, self._options, self._half = states, targets, steps, options, half
        heads = list(encoder.heads.parameters())
        additions = [value for name, value in encoder.learnt().items() if not name.startswith("heads.")]
        self._learnt = [*additions, *heads]
        self.optimiser = torch.optim.AdamW(
            [{"params": additions, "weight_decay": 0.01}, {"params": heads, "weight_decay": 0.01}]
        )

    def learn(self, step: int) -> float:
        """Take one step, counted from 0; return the loss before it."""
        options, count = self._options, len(self._steps)
        rising = (step + 1) / (options.warm_up * count)
        share = min(rising, (count - step) / ((1 - options.warm_up) * count))
        for group, rate in zip(self.optimiser.param_groups, (options.rate, options.head_rate), strict=True):
            group["lr"] = rate * share
        torch.manual_seed(1_000_003 * options.seed + 500_009 * self._half + step)  # whatever was interrupted before
        corpus, rows = self._steps[step]
        targets = torch.from_numpy(np.stack([self._targets[row] for row in rows]))
        loss = loss_of(self.encoder(*self._states.batch(rows), corpus), targets, corpus, options)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self._learnt, 1.0)
        self.optimiser.step()
        return float(loss.detach())


def vectors_of(encoder: TunedEncoder, states: LowerStates, rows: Sequence[int]) -> Iterator[tuple[list[int], Tensor]]:
    """Yield rows of texts with their vectors (k, WIDTH), a batch at a time."""
    encoder.eval()
    for batch in batches_of(rows, lengths=states.lengths, pieces=1600):
        with torch.inference_mode():
            yield batch, encoder.vectors(*states.batch(batch))
