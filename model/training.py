"""Training: one function for the paper's configuration, its variants, and mixed corpora with missing modalities.

Epoch, calibration and thresholds are chosen on the valid split. The result is deterministic for a seed on one machine
and number of threads; an interrupted run resumes after its last finished epoch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from mtmm_video.foundation.errors import DataError
from mtmm_video.foundation.graphics import torch_device
from mtmm_video.model.batches import BatchMaker, drop_modalities
from mtmm_video.model.calibration import Calibration, fit_calibration
from mtmm_video.model.checkpoint import Checkpoint
from mtmm_video.model.cim import CimNetwork
from mtmm_video.model.evaluation import network_logits, selection_score
from mtmm_video.model.features import Modality
from mtmm_video.model.fingerprint import training_fingerprint
from mtmm_video.model.losses import Targets, total_loss
from mtmm_video.model.network_shape import NetworkShape
from mtmm_video.model.normaliser import Normaliser
from mtmm_video.model.recipes import Recipe
from mtmm_video.model.scores import Logits
from mtmm_video.model.speaker_mean import SpeakerMean
from mtmm_video.model.specification import Columns, Specification
from mtmm_video.model.table import Labels, UtteranceTable
from mtmm_video.model.thresholds import choose_thresholds
from mtmm_video.model.training_state import TrainingState, load_state, save_state

__all__ = [
    "EpochHook",
    "EpochRecord",
    "Fitted",
    "Recipe",
    "calibrate",
    "fit_network",
    "selection_split",
    "train",
    "training_splits",
]


@dataclass(frozen=True)
class EpochRecord:
    """Loss and score of a finished epoch, for progress bars and learning curves.

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


EpochHook = Callable[[EpochRecord], None]


def fit_columns(
    table: UtteranceTable, modalities: tuple[Modality, ...], *, speaker_means: tuple[Modality, ...] = ()
) -> dict[Modality, Columns]:
    """Fit the normalisers of the modalities on a training table, and the speakers' means of some."""
    fitted: dict[Modality, Columns] = {}
    for modality, features in table.with_modalities(modalities).modalities.items():
        values, valid = features.values, features.valid
        speaker_mean = (
            SpeakerMean.fit(values, valid, speakers=table.speaker_of_row) if modality in speaker_means else None
        )
        if speaker_mean is not None:
            values = speaker_mean.subtract(values, valid, speakers=table.speaker_of_row)
        fitted[modality] = Columns(
            names=features.names,
            version=features.version,
            normaliser=Normaliser.fit(values, valid),
            speaker_mean=speaker_mean,
        )
    return fitted


def pick_device() -> torch.device:
    """Return the GPU where there is one, else the CPU."""
    return torch.device(torch_device())


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


def training_splits(table: UtteranceTable, recipe: Recipe) -> tuple[UtteranceTable, UtteranceTable]:
    """Return the rows that are learnt from and the rows that the choices are made on.

    Raises
    ------
    DataError
        If one of the two is empty.
    """
    return table.split("train"), selection_split(table, recipe.selection_corpus)


@dataclass(frozen=True)
class Fitted:
    """A network after training, with the weights of its best epoch.

    Attributes
    ----------
    network : nn.Module
        On the device it was trained on.
    columns : mapping of Modality to Columns
        Its inputs, with normalisers and speakers' means.
    valid : UtteranceTable
        The rows its epoch was chosen on.
    fingerprint : str
        Of data, recipe and code, see `model.fingerprint.training_fingerprint`.
    epoch : int
        The chosen one, from 1.
    score : float
        Of the valid split, see `model.evaluation.selection_score`.
    """

    network: nn.Module
    columns: Mapping[Modality, Columns]
    valid: UtteranceTable
    fingerprint: str
    epoch: int
    score: float


def fit_network(
    table: UtteranceTable,
    *,
    recipe: Recipe,
    build: Callable[[NetworkShape], nn.Module] = CimNetwork,
    state_path: Path | None = None,
    hook: EpochHook | None = None,
    device: torch.device | None = None,
) -> Fitted:
    """Train a network of any class; see `train` for the other arguments.

    Parameters
    ----------
    build : callable
        From a `NetworkShape` to a network that returns `Outputs`.

    Raises
    ------
    DataError
        If a split is empty or a modality is missing.
    """
    device = device or pick_device()
    train_table, valid_table = training_splits(table, recipe)
    columns = fit_columns(train_table, recipe.modalities, speaker_means=recipe.speaker_means)
    shape = NetworkShape(
        columns={modality: len(entry.names) for modality, entry in columns.items()},
        hidden=recipe.hidden,
        dense=recipe.dense,
        dropout=recipe.dropout,
        input_dropout=recipe.input_dropout,
        tasks=recipe.tasks,
    )
    torch.manual_seed(recipe.seed)
    network = build(shape).to(device)
    evaluated = build(shape).to(device)
    optimiser = torch.optim.AdamW(network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    train_maker = BatchMaker(train_table, columns=columns, device=device)
    valid_maker = BatchMaker(valid_table, columns=columns, device=device)
    targets = Targets.of(train_table, corpus_weights=recipe.corpus_weights, device=device)
    fingerprint = training_fingerprint(
        train=train_table, valid=valid_table, recipe=recipe, network=type(network).__name__
    )
    state = TrainingState.fresh(network, fingerprint=fingerprint)
    if state_path is not None:
        state = load_state(state_path, fresh=state, network=network, optimiser=optimiser)
    for epoch in range(state.epoch + 1, recipe.epochs + 1):
        loss = run_epoch(network, optimiser, train_maker, targets, recipe=recipe, epoch=epoch, average=state.average)
        evaluated.load_state_dict(state.average if recipe.averaging else network.state_dict())
        score = selection_score(network_logits(evaluated, valid_maker, rows=len(valid_table)), valid_table.labels)
        best = score > state.best_score
        state = state.after(epoch, score=score, weights=evaluated.state_dict() if best else None)
        if state_path is not None:
            save_state(state_path, state=state, network=network, optimiser=optimiser)
        if hook is not None:
            hook(EpochRecord(epoch=epoch, loss=loss, score=score, best=best))
    network.load_state_dict(state.best)
    network.eval()
    return Fitted(
        network=network,
        columns=columns,
        valid=valid_table,
        fingerprint=fingerprint,
        epoch=state.best_epoch,
        score=state.best_score,
    )


def train(
    table: UtteranceTable,
    *,
    recipe: Recipe,
    state_path: Path | None = None,
    hook: EpochHook | None = None,
    device: torch.device | None = None,
    provenance: Mapping[str, Any] | None = None,
) -> Checkpoint:
    """Train the CIM network and choose its epoch, calibration and thresholds on the valid split.

    Parameters
    ----------
    table : UtteranceTable
        With splits train and valid; rows may lack modalities or labels. Test rows are not used.
    recipe : Recipe
        The configuration.
    state_path : Path or None
        File of the state after each epoch, from which an interrupted run of the same fingerprint resumes; the caller
        removes it when the checkpoint is written. None keeps none.
    hook : callable or None
        Called after each epoch.
    device : torch.device or None
        None takes the GPU where there is one.
    provenance : mapping or None
        Stored in the specification beside recipe, epoch, score and fingerprint.

    Returns
    -------
    Checkpoint
        The weights of the best epoch, on the CPU.

    Raises
    ------
    DataError
        If a split is empty or a modality is missing.
    """
    fitted = fit_network(table, recipe=recipe, state_path=state_path, hook=hook, device=device)
    network = cast(CimNetwork, fitted.network.cpu())
    maker = BatchMaker(fitted.valid, columns=fitted.columns, device=torch.device("cpu"))
    logits = network_logits(network, maker, rows=len(fitted.valid))
    calibration, thresholds = calibrate(logits, fitted.valid.labels)
    specification = Specification(
        name=recipe.name,
        shape=network.shape,
        columns=fitted.columns,
        calibration=calibration,
        thresholds=thresholds,
        provenance={
            **(provenance or {}),
            "epoch": fitted.epoch,
            "valid_score": round(fitted.score, 6),
            "training_fingerprint": fitted.fingerprint,
            "recipe": asdict(recipe),
        },
    )
    return Checkpoint(network=network, specification=specification)


def calibrate(
    logits: Logits, labels: Labels, *, calibrated: bool = False
) -> tuple[Calibration, Mapping[str, Mapping[str, float]]]:
    """Fit calibration and thresholds on the logits of a valid split, or on log-odds that are calibrated already."""
    calibration = fit_calibration(
        sentiment=(logits["sentiment"], labels.sentiment) if "sentiment" in logits else None,
        emotion=(logits["emotion"], labels.emotion) if "emotion" in logits else None,
        calibrated=calibrated,
    )
    if "emotion" not in logits:
        return calibration, {}
    return calibration, choose_thresholds(labels.emotion, calibration.emotions(logits["emotion"]))


def run_epoch(
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    maker: BatchMaker,
    targets: Targets,
    *,
    recipe: Recipe,
    epoch: int,
    average: dict[str, Tensor],
) -> float:
    """Train one epoch in place and return the mean loss.

    Order and dropout of an epoch depend on the seed and the epoch's number alone, so a resumed run gives the same
    weights as an uninterrupted one.
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
            masks = drop_modalities(
                masks, probability=recipe.modality_dropout, generator=generator, never=recipe.never_hidden
            )
        loss = total_loss(network(batch.inputs, masks), batch, targets, recipe)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        losses.append(float(loss.detach()))
        if recipe.averaging:
            for name, tensor in network.state_dict().items():
                average[name].lerp_(tensor, 1 - recipe.averaging)
    return float(np.mean(losses))
