"""Training: one function for the paper's configuration, its variants, and mixed corpora with missing modalities.

Every choice (epoch, calibration, thresholds) is made on the valid split. The result is deterministic for a seed on one
machine and number of threads; a run that was stopped goes on from its last finished epoch.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from foundation.errors import DataError
from model.batches import Batch, BatchMaker, drop_modalities
from model.calibration import fit_calibration
from model.checkpoint import Checkpoint
from model.cim import CimNetwork, NetworkShape, Outputs, Task
from model.evaluation import network_logits, selection_score
from model.features import Modality
from model.normaliser import Normaliser
from model.specification import Columns, Specification
from model.table import UtteranceTable
from model.thresholds import choose_thresholds
from model.training_state import TrainingState, load_state, save_state


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a training run besides the table.

    Attributes
    ----------
    name : str
        Of the checkpoint.
    modalities : tuple of Modality
        What the network takes; the table must have them.
    tasks : tuple of Task
        Heads of the network; one of them gives the single-task variant.
    hidden, dense, dropout, input_dropout
        See `NetworkShape`.
    epochs, batch, learning_rate
        Paper, Table 5: 50 epochs, batches of 16 videos, Adam with 0.001.
    schedule : str
        ``constant`` as in the paper, or ``cosine``: down to 0 over all epochs.
    weight_decay : float
        Decoupled (AdamW; Loshchilov and Hutter, ICLR 2019). 0 is plain Adam.
    averaging : float
        Decay per step of a running average of the weights, which is what is evaluated and stored. 0 switches it off.
    label_smoothing : float
        Of the sentiment softmax.
    modality_dropout : float
        Probability that a modality of a video is hidden in training, never the last.
    task_weights : mapping of str to float
        Weight of each task's loss; 1 where not named.
    corpus_weights : mapping of str to float
        Weight of each corpus's rows in every loss; 1 where not named.
    selection_corpus : str or None
        The corpus whose valid split decides epoch, calibration and thresholds; None takes all.
    seed : int
        Of weights, order, dropout.
    """

    name: str = "paper"
    modalities: tuple[Modality, ...] = ("text",)
    tasks: tuple[Task, ...] = ("sentiment", "emotion")
    hidden: int = 200
    dense: int = 100
    dropout: float = 0.3
    input_dropout: float = 0.0
    epochs: int = 50
    batch: int = 16
    learning_rate: float = 1e-3
    schedule: str = "constant"
    weight_decay: float = 0.0
    averaging: float = 0.0
    label_smoothing: float = 0.0
    modality_dropout: float = 0.0
    task_weights: Mapping[str, float] = field(default_factory=dict)
    corpus_weights: Mapping[str, float] = field(default_factory=dict)
    selection_corpus: str | None = None
    seed: int = 1


@dataclass(frozen=True)
class EpochRecord:
    """What a finished epoch looks like: for progress bars and learning curves.

    Attributes
    ----------
    epoch : int
        From 1.
    loss : float
        Mean training loss.
    score : float
        Of the valid split, see `model.evaluation.selection_score`.
    best : bool
        Whether it is the best so far.
    """

    epoch: int
    loss: float
    score: float
    best: bool


Hook = Callable[[EpochRecord], None]


@dataclass(frozen=True)
class Targets:
    """Labels and row weights of a table as tensors; NaN marks labels that are not known."""

    labels: Mapping[Task, Tensor]
    weights: Tensor

    @classmethod
    def of(cls, table: UtteranceTable, *, corpus_weights: Mapping[str, float], device: torch.device) -> Targets:
        """Take the labels of a table, (n,) to (n, 7), and its rows' weights, (n,)."""
        weights = np.asarray([corpus_weights.get(corpus, 1.0) for corpus in table.corpora], dtype=np.float32)
        return cls(
            labels={
                "sentiment": torch.from_numpy(table.labels.sentiment).to(device),
                "emotion": torch.from_numpy(table.labels.emotion).to(device),
                "sentiment_intensity": torch.from_numpy(table.labels.sentiment_intensity[:, None]).to(device),
                "emotion_intensity": torch.from_numpy(table.labels.emotion_intensity).to(device),
            },
            weights=torch.from_numpy(weights[table.video_of_row]).to(device),
        )


def task_loss(task: Task, logits: Tensor, target: Tensor, weights: Tensor, *, label_smoothing: float = 0.0) -> Tensor:
    """Loss of one task, averaged over the labels that are known.

    Parameters
    ----------
    task : Task
        Decides the loss: categorical and binary cross-entropy (paper, Table 5), smooth L1 for intensities.
    logits : Tensor, shape (n, width)
        Of the utterances that exist.
    target : Tensor, shape (n,) for sentiment, else (n, width)
        NaN where not known.
    weights : Tensor, shape (n,)
        Of the rows.
    label_smoothing : float
        Of sentiment.

    Returns
    -------
    Tensor, shape ()
        0 where nothing is known.
    """
    known = ~torch.isnan(target)  # (n,) or (n, width)
    filled = torch.nan_to_num(target)
    if task == "sentiment":
        positive = filled * (1 - label_smoothing) + label_smoothing / 2  # (n,)
        both = torch.stack([1 - positive, positive], dim=-1)  # (n, 2)
        losses = -(both * logits.log_softmax(dim=-1)).sum(dim=-1)  # (n,)
    else:
        weights = weights[:, None]  # (n, 1)
        if task == "emotion":
            losses = functional.binary_cross_entropy_with_logits(logits, filled, reduction="none")  # (n, 7)
        else:
            losses = functional.smooth_l1_loss(logits, filled, reduction="none")  # (n, width)
    return (losses * known * weights).sum() / known.sum().clamp(min=1)


def total_loss(outputs: Outputs, batch: Batch, targets: Targets, recipe: Recipe) -> Tensor:
    """Sum of the tasks' losses over the utterances of a batch that exist, shape ()."""
    rows = batch.rows[batch.exists]  # (n,)
    losses = [
        recipe.task_weights.get(task, 1.0)
        * task_loss(
            task,
            logits[batch.exists],
            targets.labels[task][rows],
            targets.weights[rows],
            label_smoothing=recipe.label_smoothing,
        )
        for task, logits in outputs.logits.items()
    ]
    return torch.stack(losses).sum()


def fit_columns(table: UtteranceTable, modalities: tuple[Modality, ...]) -> dict[Modality, Columns]:
    """Fit the normalisers of the modalities on a training table."""
    return {
        modality: Columns(
            names=features.names, version=features.version, normaliser=Normaliser.fit(features.values, features.valid)
        )
        for modality, features in table.with_modalities(modalities).modalities.items()
    }


def fingerprint(table: UtteranceTable, recipe: Recipe) -> str:
    """Return what a stopped run must share with the one that goes on: a digest of recipe and data."""
    digest = hashlib.sha256(json.dumps(asdict(recipe), sort_keys=True).encode())
    for features in table.modalities.values():
        digest.update(np.ascontiguousarray(features.values).tobytes())
    digest.update(np.ascontiguousarray(table.labels.emotion).tobytes())
    digest.update(np.ascontiguousarray(table.labels.sentiment).tobytes())
    return digest.hexdigest()


def pick_device() -> torch.device:
    """Return the GPU where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def selection_split(table: UtteranceTable, corpus: str | None) -> UtteranceTable:
    """Return the valid split, of one corpus or of all.

    Raises
    ------
    DataError
        If it is empty.
    """
    valid = table.split("valid")
    if corpus is None:
        return valid
    chosen = valid.videos([index for index, name in enumerate(valid.corpora) if name == corpus])
    if len(chosen) == 0:
        raise DataError(f"the valid split has no video of corpus {corpus!r}; it has {', '.join(set(valid.corpora))}")
    return chosen


def train(
    table: UtteranceTable,
    *,
    recipe: Recipe,
    state_path: Path | None = None,
    hook: Hook | None = None,
    device: torch.device | None = None,
    provenance: Mapping[str, Any] | None = None,
) -> Checkpoint:
    """Train a network and choose its epoch, calibration and thresholds on the valid split.

    Parameters
    ----------
    table : UtteranceTable
        With splits train and valid; rows may lack modalities or labels. Test rows are not looked at.
    recipe : Recipe
        The configuration.
    state_path : Path or None
        Where the state is kept after each epoch, so that a stopped run goes on; the caller removes it when the
        checkpoint is safe. None keeps none.
    hook : callable or None
        Called after each epoch.
    device : torch.device or None
        None takes the GPU where there is one.
    provenance : mapping or None
        Added to what the specification says about the run.

    Returns
    -------
    Checkpoint
        The weights of the best epoch, on the CPU.

    Raises
    ------
    DataError
        If a split is empty or a modality is missing.
    """
    device = device or pick_device()
    train_table = table.split("train")
    valid_table = selection_split(table, recipe.selection_corpus)
    columns = fit_columns(train_table, recipe.modalities)
    shape = NetworkShape(
        columns={modality: len(entry.names) for modality, entry in columns.items()},
        hidden=recipe.hidden,
        dense=recipe.dense,
        dropout=recipe.dropout,
        input_dropout=recipe.input_dropout,
        tasks=recipe.tasks,
    )
    torch.manual_seed(recipe.seed)
    network = CimNetwork(shape).to(device)
    optimiser = torch.optim.AdamW(network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    makers = {
        "train": BatchMaker(train_table, columns=columns, device=device),
        "valid": BatchMaker(valid_table, columns=columns, device=device),
    }
    targets = Targets.of(train_table, corpus_weights=recipe.corpus_weights, device=device)
    state = TrainingState.fresh(network, fingerprint=fingerprint(train_table, recipe))
    if state_path is not None:
        state = load_state(state_path, fresh=state, network=network, optimiser=optimiser)
    for epoch in range(state.epoch + 1, recipe.epochs + 1):
        loss = run_epoch(
            network, optimiser, makers["train"], targets, recipe=recipe, epoch=epoch, average=state.average
        )
        evaluated = CimNetwork(shape).to(device)
        evaluated.load_state_dict(state.average if recipe.averaging else network.state_dict())
        logits = network_logits(evaluated, makers["valid"], rows=len(valid_table))
        score = selection_score(logits, valid_table.labels)
        best = score > state.best_score
        state = state.after(epoch, score=score, weights=evaluated.state_dict() if best else None)
        if state_path is not None:
            save_state(state_path, state=state, network=network, optimiser=optimiser)
        if hook is not None:
            hook(EpochRecord(epoch=epoch, loss=loss, score=score, best=best))
    network.load_state_dict(state.best)
    return finish(
        network,
        makers["valid"],
        valid_table,
        columns=columns,
        recipe=recipe,
        provenance={**(provenance or {}), "epoch": state.best_epoch, "valid_score": round(state.best_score, 6)},
    )


def run_epoch(
    network: CimNetwork,
    optimiser: torch.optim.Optimizer,
    maker: BatchMaker,
    targets: Targets,
    *,
    recipe: Recipe,
    epoch: int,
    average: dict[str, Tensor],
) -> float:
    """Train one epoch in place and return the mean loss.

    The order and the dropout of an epoch follow from the seed and its number alone, so a run that goes on is the same
    as one that was never stopped.
    """
    generator = np.random.default_rng((recipe.seed, epoch))
    torch.manual_seed(int(generator.integers(1 << 62)))
    rate = recipe.learning_rate
    if recipe.schedule == "cosine":
        rate *= 0.5 * (1 + float(np.cos(np.pi * (epoch - 1) / recipe.epochs)))
    for group in optimiser.param_groups:
        group["lr"] = rate
    network.train()
    losses = []
    for batch in maker.epoch(batch=recipe.batch, generator=generator):
        masks = dict(batch.masks)
        if recipe.modality_dropout:
            masks = drop_modalities(masks, probability=recipe.modality_dropout, generator=generator)
        loss = total_loss(network(batch.inputs, masks), batch, targets, recipe)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        losses.append(float(loss.detach()))
        if recipe.averaging:
            for name, tensor in network.state_dict().items():
                average[name].lerp_(tensor, 1 - recipe.averaging)
    return float(np.mean(losses))


def finish(
    network: CimNetwork,
    maker: BatchMaker,
    valid: UtteranceTable,
    *,
    columns: Mapping[Modality, Columns],
    recipe: Recipe,
    provenance: Mapping[str, Any],
) -> Checkpoint:
    """Fit calibration and thresholds on the valid split and write the specification."""
    logits = network_logits(network, maker, rows=len(valid))
    calibration = fit_calibration(
        sentiment=(logits["sentiment"], valid.labels.sentiment) if "sentiment" in logits else None,
        emotion=(logits["emotion"], valid.labels.emotion) if "emotion" in logits else None,
    )
    thresholds = (
        choose_thresholds(valid.labels.emotion, calibration.emotions(logits["emotion"])) if "emotion" in logits else {}
    )
    specification = Specification(
        name=recipe.name,
        shape=network.shape,
        columns=columns,
        calibration=calibration,
        thresholds=thresholds,
        provenance={**provenance, "recipe": asdict(recipe)},
    )
    network = network.cpu().eval()
    return Checkpoint(network=network, specification=specification)
