"""Fine-tuning the sentence encoder on MOSEI's transcripts: low-rank additions to its linear layers (LoRA).

Only train and valid transcripts are read; docs/plus.md has the figures.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from mtmm_video.extractors.text.sentence_encoder import LAYERS, WIDTH, Transformer, load_transformer, pad
from mtmm_video.extractors.text.word_pieces import WordPieces
from mtmm_video.foundation.files import atomic_path
from mtmm_video.model.labels import EMOTIONS
from mtmm_video.pipeline.training.stages import Progress, StageRun, no_progress

LONGEST = 64  # pieces; 97 % of MOSEI's utterances fit, and the rest keep their beginning
TUNED = ("query", "key", "value", "attended", "inner", "outer")  # every linear layer of the transformer
# bfloat16 is twice as fast on processors with AVX512 and over ten times slower on others.
HALF = "AVX512" in torch.backends.cpu.get_cpu_capability()
POOLED_GAIN = 3.0  # the means over pieces have a norm near 6; 3 lets the head learn at its rate
MISSING = float("nan")  # a label the corpus does not have; masked in the loss


@dataclass(frozen=True)
class TuningOptions:
    """Hyperparameters of the tuning, chosen on the valid split (docs/plus.md).

    Attributes
    ----------
    rank : int
        Of the low-rank additions.
    rate, head_rate : float
        Peak learning rates of AdamW for the additions and for the linear head.
    epochs, batch : int
        Passes over the transcripts, and utterances per step.
    dropout : float
        Before the head; inside the transformer it is 0.1.
    emotion_weight : float
        Of the emotion loss, sentiment having 1.
    seed : int
        Of every random number.
    """

    rank: int = 16
    rate: float = 4e-4
    head_rate: float = 2e-3
    epochs: int = 3
    batch: int = 32
    dropout: float = 0.1
    emotion_weight: float = 3.0
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
    """The transformer with low-rank additions, and one linear head: sentiment, positive, six emotions twice."""

    OUTPUTS = 2 + 2 * len(EMOTIONS)  # sentiment / 3, positive logit, presence logits, intensities

    def __init__(self, transformer: Transformer, options: TuningOptions) -> None:
        super().__init__()
        self.transformer = transformer.requires_grad_(False)
        for layer in self.transformer.layers:
            for name in TUNED:
                setattr(layer, name, LowRank(getattr(layer, name), rank=options.rank))
        self.dropout = nn.Dropout(options.dropout)
        self.head = nn.Linear(WIDTH, self.OUTPUTS)

    def forward(self, indices: Tensor, mask: Tensor) -> Tensor:
        """Map indices and mask (batch, length) to outputs (batch, OUTPUTS)."""
        pooled = self.transformer(indices, mask)
        return cast(Tensor, self.head(self.dropout(pooled * POOLED_GAIN)))

    def additions(self) -> dict[str, LowRank]:
        """Return the low-rank layers by the name of the linear layer they add to."""
        return {
            f"layers.{index}.{name}": getattr(self.transformer.layers[index], name)
            for index in range(LAYERS)
            for name in TUNED
        }


@dataclass(frozen=True)
class Transcripts:
    """Texts with labels, NaN where a corpus lacks one.

    Attributes
    ----------
    texts : tuple of str, length n
        The utterances.
    positive : ndarray, shape (n,)
        1 where the sentiment is at least 0.
    sentiment : ndarray, shape (n,)
        In [-3, 3].
    emotions : ndarray, shape (n, 6)
        Intensities in [0, 3].
    """

    texts: tuple[str, ...]
    positive: NDArray[np.float32]
    sentiment: NDArray[np.float32]
    emotions: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.texts)

    def __add__(self, other: Transcripts) -> Transcripts:
        return Transcripts(
            texts=self.texts + other.texts,
            positive=np.concatenate([self.positive, other.positive]),
            sentiment=np.concatenate([self.sentiment, other.sentiment]),
            emotions=np.concatenate([self.emotions, other.emotions]),
        )

    def rows(self, index: NDArray[np.int64]) -> Transcripts:
        """Return the given rows."""
        return Transcripts(
            texts=tuple(self.texts[row] for row in index),
            positive=self.positive[index],
            sentiment=self.sentiment[index],
            emotions=self.emotions[index],
        )


def read_mosei(path: Path) -> Transcripts:
    """Read one of ``../shared/data/mosei/labels/*.csv.gz``."""
    table = pd.read_csv(path, dtype={"video_id": str, "text": str}, keep_default_na=False)
    sentiment = table["sentiment"].to_numpy(np.float32)
    return Transcripts(
        texts=tuple(table["text"]),
        positive=(sentiment >= 0).astype(np.float32),
        sentiment=sentiment.clip(-3, 3),
        emotions=table[list(EMOTIONS)].to_numpy(np.float32).clip(0, 3),
    )


def read_mosi_train(path: Path) -> Transcripts:
    """Read the train rows of ``../shared/data/mosi/utterances.csv.gz``: text and polarity only."""
    table = pd.read_csv(path, usecols=["split", "text", "positive"], dtype={"text": str}, keep_default_na=False)
    table = table[table["split"] == "train"]
    n = len(table)
    return Transcripts(
        texts=tuple(table["text"]),
        positive=table["positive"].to_numpy(np.float32),
        sentiment=np.full(n, MISSING, np.float32),
        emotions=np.full((n, len(EMOTIONS)), MISSING, np.float32),
    )


def loss_of(outputs: Tensor, rows: Transcripts, *, emotion_weight: float) -> Tensor:
    """Sentiment (binary cross-entropy + squared error) plus emotion (the same two), labels masked where absent."""
    positive = torch.from_numpy(rows.positive)
    loss = functional.binary_cross_entropy_with_logits(outputs[:, 1], positive)
    known = torch.from_numpy(np.isfinite(rows.sentiment))
    if known.any():
        sentiment = torch.from_numpy(rows.sentiment)[known]
        emotions = torch.from_numpy(rows.emotions)[known]
        loss = loss + functional.mse_loss(outputs[known, 0] * 3, sentiment)
        presence, intensity = outputs[known, 2:8], outputs[known, 8:14]
        emotion = functional.binary_cross_entropy_with_logits(presence, (emotions > 0).float())
        loss = loss + emotion_weight * (emotion + functional.mse_loss(intensity, emotions))
    return loss


def batches(lengths: Sequence[int], *, size: int, generator: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """Shuffle rows into batches of nearly equal lengths, so that little is spent on padding."""
    order = generator.permutation(len(lengths))
    pool = size * 50  # sorted by length within a pool, random between pools
    groups: list[NDArray[np.int64]] = []
    for begin in range(0, len(order), pool):
        part = order[begin : begin + pool]
        part = part[np.argsort(np.asarray(lengths)[part], kind="stable")]
        groups.extend(part[at : at + size] for at in range(0, len(part), size))
    for index in generator.permutation(len(groups)):
        yield groups[index]


def predict(encoder: TunedEncoder, indices: Sequence[Sequence[int]], *, padding: int) -> NDArray[np.float32]:
    """Return outputs (n, OUTPUTS) for tokenised texts."""
    encoder.eval()
    return forward_all(encoder, indices, padding=padding, width=TunedEncoder.OUTPUTS)


def forward_all(
    network: nn.Module, indices: Sequence[Sequence[int]], *, padding: int, width: int
) -> NDArray[np.float32]:
    """Run a network over tokenised texts, those of like length together; return (n, width) in the order given."""
    outputs = np.zeros((len(indices), width), np.float32)
    order = sorted(range(len(indices)), key=lambda row: len(indices[row]))
    with torch.inference_mode():
        for begin in range(0, len(order), 64):
            rows = order[begin : begin + 64]
            outputs[rows] = network(*pad([indices[row] for row in rows], padding=padding)).numpy()
    return outputs


def scores(outputs: NDArray[np.float32], truth: Transcripts) -> dict[str, float]:
    """Measure polarity accuracy, correlation of sentiment, and the emotions' mean AUROC and best weighted accuracy."""
    from sklearn.metrics import roc_auc_score, roc_curve  # noqa: PLC0415  slow to import

    accuracies, areas = [], []
    for index in range(len(EMOTIONS)):
        present = truth.emotions[:, index] > 0
        false, true, _ = roc_curve(present, outputs[:, 2 + index])
        accuracies.append(float(((1 - false + true) / 2).max()))
        areas.append(float(roc_auc_score(present, outputs[:, 2 + index])))
    return {
        "accuracy": float(((outputs[:, 1] > 0) == (truth.positive > 0.5)).mean()),
        "correlation": float(np.corrcoef(outputs[:, 0], truth.sentiment)[0, 1]),
        "emotion_auroc": float(np.mean(areas)),
        "emotion_weighted_accuracy": float(np.mean(accuracies)),
    }


def tune(
    transformer: Transformer,
    pieces: WordPieces,
    *,
    train: Transcripts,
    valid: Transcripts,
    options: TuningOptions,
    head: nn.Linear | None = None,
    report: Progress = no_progress,
) -> tuple[TunedEncoder, list[dict[str, float]]]:
    """Fine-tune and return the encoder of the best valid epoch.

    Parameters
    ----------
    transformer, pieces
        The encoder as published.
    train, valid : Transcripts
        What is learnt from, and what the epoch is chosen on.
    options : TuningOptions
        Sizes, rates and lengths.
    head : nn.Linear, optional
        A linear head that stays fixed, so that encoders tuned with it map labels to the same directions. None fits a
        new one.
    report : callable
        Called every 50 steps and after each epoch.

    Returns
    -------
    encoder : TunedEncoder
        With the parameters of the best epoch.
    history : list of dict
        `scores` of the valid transcripts after each epoch.
    """
    torch.manual_seed(options.seed)
    generator = np.random.default_rng(options.seed)
    encoder = TunedEncoder(transformer, options)
    if head is not None:
        encoder.head.load_state_dict(head.state_dict())
        encoder.head.requires_grad_(False)
    train_indices = [pieces.encode(text, longest=LONGEST) for text in train.texts]
    valid_indices = [pieces.encode(text, longest=LONGEST) for text in valid.texts]
    additions = [p for name, p in encoder.named_parameters() if p.requires_grad and not name.startswith("head")]
    optimiser = torch.optim.AdamW(
        [
            {"params": additions, "lr": options.rate, "weight_decay": 0.01},
            {"params": encoder.head.parameters(), "lr": options.head_rate, "weight_decay": 0.01},
        ]
    )
    steps_of_epoch = math.ceil(len(train) / options.batch)
    steps = options.epochs * steps_of_epoch
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser,
        [options.rate, options.head_rate],
        total_steps=steps + options.epochs,
        pct_start=0.06,
        anneal_strategy="linear",
    )
    history: list[dict[str, float]] = []
    best: dict[str, Tensor] = {}
    lengths = [len(row) for row in train_indices]
    for epoch in range(options.epochs):
        encoder.train()
        total = 0.0
        for count, rows in enumerate(batches(lengths, size=options.batch, generator=generator), start=1):
            indices, mask = pad([train_indices[row] for row in rows], padding=pieces.pad)
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=HALF):
                outputs = encoder(indices, mask)
            loss = loss_of(outputs.float(), train.rows(rows), emotion_weight=options.emotion_weight)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(encoder.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            total += loss.item()
            if count % 50 == 0:
                report(epoch * steps_of_epoch + count, steps, f"epoch {epoch + 1}, loss {total / count:.4f}")
        figures = scores(predict(encoder, valid_indices, padding=pieces.pad), valid)
        history.append(figures)
        report((epoch + 1) * steps_of_epoch, steps, f"epoch {epoch + 1}, valid accuracy {figures['accuracy']:.4f}")
        if merit(figures) >= max(map(merit, history)):
            best = {name: value.detach().clone() for name, value in encoder.named_parameters() if value.requires_grad}
    encoder.load_state_dict(best, strict=False)
    return encoder, history


def merit(figures: dict[str, float]) -> float:
    """Return the score that an epoch is chosen by; both tasks have the same weight."""
    return figures["accuracy"] + figures["emotion_weighted_accuracy"]


def save(
    encoder: TunedEncoder, path: Path, *, version: str, options: TuningOptions, history: list[dict[str, float]]
) -> None:
    """Write the additions (fp16) as mtmm_video.extractors.text.sentence_encoder.merge_delta reads them."""
    tensors: dict[str, Tensor] = {}
    for name, addition in encoder.additions().items():
        tensors[f"{name}.down"] = addition.down.detach().to(torch.float16).contiguous()
        tensors[f"{name}.up"] = addition.up.detach().to(torch.float16).contiguous()
    with atomic_path(path) as temporary:
        save_file(
            tensors,
            temporary,
            metadata={"version": version, "options": json.dumps(asdict(options)), "valid": json.dumps(history)},
        )


def tune_encoder(run: StageRun, *, options: TuningOptions, version: str) -> None:
    """Stage: tune the encoder on MOSEI train and MOSI train, choose the epoch on MOSEI valid, write the additions."""
    folder = run.weights["minilm-l6-v2"]
    encoder, history = tune(
        load_transformer(folder),
        WordPieces.load(folder / "vocab.txt"),
        train=read_mosei(run.sources["mosei-train"]) + read_mosi_train(run.sources["mosi"]),
        valid=read_mosei(run.sources["mosei-valid"]),
        options=options,
        report=run.report,
    )
    save(encoder, run.output, version=version, options=options, history=history)
