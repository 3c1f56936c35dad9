"""What `plus` learns after its network: a neutral class, other kinds of talk, and what voice and face weigh.

The network stays as it is. The neutral class comes from MOSEI's valid split; the domains from the train splits of MELD
and GoEmotions, with a gate that tells their words from MOSEI's; the anchors from natural recordings without labels.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from mtmm_video.model.anchor import Anchor, Shifts
from mtmm_video.model.anchoring import shifts_of, stacked
from mtmm_video.model.batches import BatchMaker
from mtmm_video.model.checkpoint import Checkpoint
from mtmm_video.model.domain import Array, Domain, cut
from mtmm_video.model.evaluation import network_logits
from mtmm_video.model.features import Modality, ModalityFeatures, VideoFeatures
from mtmm_video.model.labels import EMOTIONS
from mtmm_video.model.network_shape import Task
from mtmm_video.model.neutral import NeutralHead
from mtmm_video.model.prediction import network_inputs
from mtmm_video.model.table import Labels, UtteranceTable
from mtmm_video.model.thresholds import best_threshold, sweep
from mtmm_video.pipeline.corpora.talk import Talk

LOGGER = logging.getLogger(__name__)
STEPS = 40  # of L-BFGS; the loss of the heads no longer falls in its fourth digit after 30
HEAD_PENALTY = 0.01  # of .001, .003, .01, .03 the best seven-way F1 and calibration on MELD's dev split together
GATE_PENALTY = 1e-3  # docs/plus.md, section 6, has others
NEUTRAL_PENALTY = 1e-3
DIGITS = 5  # significant ones of the stored weights
WEIGHED: tuple[Modality, ...] = ("acoustic", "visual")


@dataclass(frozen=True)
class Outputs:
    """What the network says of the words of n utterances.

    Attributes
    ----------
    words : ndarray, shape (n, o)
        `model.anchoring.stacked`.
    text : ndarray, shape (n, d)
        The normalised text columns.
    """

    words: Array
    text: Array


def outputs_of(checkpoint: Checkpoint, table: UtteranceTable) -> Outputs:
    """Run the network over the words of a table."""
    columns = checkpoint.specification.columns
    maker = BatchMaker(table.with_modalities(["text"]), columns=columns, device=torch.device("cpu"))
    logits = network_logits(checkpoint.network, maker, rows=len(table))
    return Outputs(words=stacked(logits), text=maker.values["text"].numpy().astype(np.float64))


def talk_table(talk: Talk, features: ModalityFeatures, *, corpus: str) -> UtteranceTable:
    """Return conversations as a table without labels, each a video of its utterances.

    Parameters
    ----------
    talk : Talk
    features : ModalityFeatures
        Text columns of its utterances, n rows.
    corpus : str
        Its name.
    """
    starts = [row for row, name in enumerate(talk.conversations) if row == 0 or name != talk.conversations[row - 1]]
    names = tuple(f"{corpus}-{talk.conversations[row]}" for row in starts)
    return UtteranceTable(
        video_ids=names,
        splits=("train",) * len(names),
        corpora=(corpus,) * len(names),
        offsets=np.array([*starts, len(talk)], np.int64),
        modalities={"text": features},
        labels=Labels.unknown(len(talk)),
        segments=tuple(f"{corpus}[{row}]" for row in range(len(talk))),
        texts=talk.texts,
    )


def fit_linear(features: Array, targets: Array, *, penalty: float, weights: Array | None = None) -> Array:
    """Fit a multinomial logistic regression.

    Parameters
    ----------
    features : ndarray, shape (n, f)
    targets : ndarray, shape (n, k)
        Shares of the classes; rows sum to 1.
    penalty : float
        Of the squared weights, in units of the features' standard deviations; not of the bias.
    weights : ndarray, shape (n,), optional
        Of the rows.

    Returns
    -------
    ndarray, shape (k, f + 1)
        Weights per class, the bias last.
    """
    mean, spread = features.mean(axis=0), np.maximum(features.std(axis=0), 1e-3)
    inputs = torch.from_numpy((features - mean) / spread).float()
    wanted = torch.from_numpy(targets).float()
    heavy = torch.ones(len(features)) if weights is None else torch.from_numpy(weights).float()
    matrix = torch.zeros(features.shape[1], targets.shape[1], requires_grad=True)
    bias = torch.zeros(targets.shape[1], requires_grad=True)
    optimiser = torch.optim.LBFGS([matrix, bias], max_iter=STEPS, history_size=10, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        surprise = -(wanted * (inputs @ matrix + bias).log_softmax(dim=1)).sum(dim=1)
        loss = (surprise * heavy).sum() / heavy.sum() + penalty * (matrix**2).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimiser.step(closure)  # type: ignore[no-untyped-call]
    found = matrix.detach().numpy().astype(np.float64) / spread[:, None]  # (f, k)
    offset = bias.detach().numpy() - mean @ found
    return np.concatenate([found.T, offset[:, None]], axis=1)


def stored(numbers: Array) -> tuple[float, ...]:
    """Return weights with as many digits as they are worth."""
    return tuple(float(f"{value:.{DIGITS}g}") for value in numbers)


def fit_neutral(outputs: Array, classes: NDArray[np.int64]) -> NeutralHead:
    """Fit P(neutral | not negative) on a valid split.

    Parameters
    ----------
    outputs : ndarray, shape (n, o)
        `model.anchor.stacked`.
    classes : ndarray of int, shape (n,)
        Annotated sentiment, an index into `model.labels.SENTIMENT_CLASSES`; -1 where it is not known.
    """
    rest = classes > 0
    neutral = (classes[rest] == 1).astype(np.float64)
    matrix = fit_linear(outputs[rest], np.stack([1 - neutral, neutral], axis=1), penalty=NEUTRAL_PENALTY)
    weights = stored(matrix[1] - matrix[0])
    return NeutralHead(bias=weights[-1], weights=weights[:-1])


def fit_domain(name: str, *, train: Outputs, labels: Talk, chosen: Outputs, chosen_labels: Talk) -> Domain:
    """Fit the heads of one corpus; its gate comes from `fit_gates`.

    Parameters
    ----------
    name : str
    train, labels
        What the heads are fitted on.
    chosen, chosen_labels
        What their temperature and the emotions' thresholds are chosen on.
    """
    features = np.concatenate([train.words, cut(train.text)], axis=1)
    held = np.concatenate([chosen.words, cut(chosen.text)], axis=1)
    heads = []
    for targets, truth in ((labels.sentiment, chosen_labels.sentiment), (labels.emotion, chosen_labels.emotion)):
        matrix = fit_linear(features, targets, penalty=HEAD_PENALTY)
        heads.append(matrix * temperature(held @ matrix[:, :-1].T + matrix[:, -1], truth))
    domain = Domain(
        name=name,
        gate=(),
        sentiment=tuple(map(stored, heads[0])),
        emotion=tuple(map(stored, heads[1])),
        thresholds=(0.5,) * len(EMOTIONS),
    )
    probabilities = domain.emotions(chosen.words, chosen.text, shift=np.zeros((len(held), heads[1].shape[0])))
    thresholds = [
        best_threshold(sweep(probabilities[:, index], probabilities[:, index])["label"])
        for index in range(len(EMOTIONS))
    ]
    return replace(domain, thresholds=tuple(thresholds))


def temperature(logits: Array, targets: Array) -> float:
    """Return the factor on the logits that gives the least cross-entropy (Guo et al., ICML 2017)."""
    factors = np.geomspace(0.4, 1.6, 61)
    losses = []
    for factor in factors:
        scaled = factor * logits
        norm = np.logaddexp.reduce(scaled, axis=1)
        losses.append(float(np.mean(norm - (targets * scaled).sum(axis=1))))
    return float(factors[int(np.argmin(losses))])


def fit_gates(
    home: Outputs, domains: Mapping[str, Outputs], *, prior: float, penalty: float = GATE_PENALTY
) -> dict[str, tuple[float, ...]]:
    """Fit the gates: which corpus the words look like.

    Parameters
    ----------
    home : Outputs
        MOSEI's.
    domains : mapping of str to Outputs
        The train splits of the others.
    prior : float
        Of each of the others against MOSEI, as if they were so many times as frequent.
    penalty : float
        See `fit_linear`.
    """
    parts = [home, *domains.values()]
    text = np.concatenate([cut(part.text) for part in parts])
    kind = np.concatenate([np.full(len(part.text), index) for index, part in enumerate(parts)])
    sizes = np.bincount(kind)
    matrix = fit_linear(text, np.eye(len(parts))[kind], penalty=penalty, weights=1.0 / sizes[kind])
    relative = matrix[1:] - matrix[:1]
    relative[:, -1] += np.log(prior)
    return dict(zip(domains, map(stored, relative), strict=True))


def recording_shifts(checkpoint: Checkpoint, video: VideoFeatures, *, modality: Modality) -> Shifts | None:
    """Return what a modality adds in a natural recording, utterances that have it; None where it has none."""
    inputs, masks = network_inputs(checkpoint, video)
    there = (masks["text"] & masks[modality])[0].numpy()
    if not there.any():
        return None
    with torch.inference_mode():
        found = shifts_of(checkpoint.network, inputs, masks, modality=modality)
    shifts: dict[Task, Array] = {task: shift[0].numpy()[there].astype(np.float64) for task, shift in found.items()}
    return shifts


def fit_anchors(checkpoint: Checkpoint, recordings: Sequence[VideoFeatures]) -> dict[Modality, Anchor]:
    """Fit the anchors of voice and face on natural recordings."""
    anchors: dict[Modality, Anchor] = {}
    for modality in WEIGHED:
        found = [recording_shifts(checkpoint, video, modality=modality) for video in recordings]
        known = [shifts for shifts in found if shifts is not None]
        if known:
            anchors[modality] = Anchor.fit(known)
    return anchors
