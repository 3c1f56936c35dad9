"""A trained network on other people's recordings: trained on, recalibrated, or a teacher of what its words know."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mtmm_video.foundation.errors import DataError
from mtmm_video.model.anchor import Anchor
from mtmm_video.model.anchoring import stacked
from mtmm_video.model.batches import BatchMaker
from mtmm_video.model.calibration import softened
from mtmm_video.model.checkpoint import Checkpoint
from mtmm_video.model.evaluation import network_logits, score_table, selection_score, served_logits
from mtmm_video.model.features import Modality
from mtmm_video.model.labels import EMOTION_CLASSES, EMOTIONS
from mtmm_video.model.losses import Targets
from mtmm_video.model.neutral import NeutralHead
from mtmm_video.model.recipes import Recipe
from mtmm_video.model.scores import Logits
from mtmm_video.model.table import Labels, UtteranceTable
from mtmm_video.model.training import EpochHook, EpochRecord, calibrate, pick_device, run_epoch, training_splits

# Few epochs and a tenth of the step that `plus` was trained with: what it knows is worth more than most new corpora can
# tell. Set once, not tuned on any corpus; the valid split may always choose epoch 0, the checkpoint as it came.
FINE_TUNING = Recipe(
    name="fine-tuned",
    epochs=6,
    batch=8,
    learning_rate=1e-4,
    schedule="cosine",
    weight_decay=0.01,
    averaging=0.9,
    modality_dropout=0.25,
    task_weights={"emotion": 3.0},
)
FEWEST_VALID = 10  # labelled utterances of the valid split to choose an epoch on
FEWEST_CASES = 5  # utterances on either side, below which a label's calibration and thresholds stay as they were


def fine_tune(
    base: Checkpoint,
    table: UtteranceTable,
    *,
    recipe: Recipe = FINE_TUNING,
    hook: EpochHook | None = None,
    provenance: Mapping[str, Any] | None = None,
) -> Checkpoint:
    """Train a checkpoint on, on the train split of a table with the columns that it takes.

    Its normalisers and the network's shape stay. The valid split chooses the epoch, epoch 0 being the checkpoint as it
    came, and then calibration and thresholds; of what it has too few cases of, it and the train split together.

    Parameters
    ----------
    base : Checkpoint
        What to start from; it is not changed.
    table : UtteranceTable
        With splits train and valid.
    recipe : Recipe
        Its epochs, batch, step, averaging, dropout of modalities, weights and seed.
    hook : callable or None
        Called after each epoch.
    provenance : mapping or None
        Stored in the specification.

    Raises
    ------
    DataError
        If a split is empty, or the valid split has fewer than `FEWEST_VALID` labelled utterances.
    CheckpointError
        If the table lacks columns that the checkpoint takes.
    """
    device = pick_device()
    train, valid = training_splits(table, recipe)
    labelled = int(valid.labels.known.sum())
    if labelled < FEWEST_VALID:
        raise DataError(
            f"{labelled} utterances of the valid split are labelled, and no epoch can be chosen on fewer than "
            f"{FEWEST_VALID}; label more, put more rows into it, or leave the network as it is and recalibrate"
        )
    columns = base.specification.columns
    network, evaluated = copy.deepcopy(base.network).to(device), copy.deepcopy(base.network).to(device)
    optimiser = torch.optim.AdamW(network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    makers = [BatchMaker(part, columns=columns, device=device) for part in (train, valid)]
    targets = Targets.of(train, corpus_weights=recipe.corpus_weights, device=device)
    average = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    best_epoch, best = 0, selection_score(served_logits(base, valid), valid.labels)
    kept = copy.deepcopy(evaluated.state_dict())
    for epoch in range(1, recipe.epochs + 1):
        loss = run_epoch(network, optimiser, makers[0], targets, recipe=recipe, epoch=epoch, average=average)
        evaluated.load_state_dict(average if recipe.averaging else network.state_dict())
        score = selection_score(network_logits(evaluated, makers[1], rows=len(valid)), valid.labels)
        if score > best:
            best_epoch, best, kept = epoch, score, copy.deepcopy(evaluated.state_dict())
        if hook is not None:
            hook(EpochRecord(epoch=epoch, loss=loss, score=score, best=best_epoch == epoch))
    evaluated.load_state_dict(kept)
    evaluated.eval().cpu()
    tuned = Checkpoint(
        network=evaluated,
        specification=replace(
            base.specification,
            name=recipe.name,
            domains=(),  # their heads read the outputs of the base, and this corpus has annotators of its own
            # What an ordinary voice adds was measured on the base; this corpus has taught it, if there were any.
            anchors=base.specification.anchors if best_epoch == 0 else _unheard(base, train),
            provenance={
                **(provenance or {}),
                "epoch": best_epoch,
                "valid_score": round(best, 6),
                "recipe": asdict(recipe),
                "licence_note": base.specification.provenance.get("licence_note", ""),
            },
        ),
    )
    # What valid has too few cases of is calibrated on what was learnt from, too: surer than it should be, but no longer
    # as for the base. A network that has learnt from neither is calibrated on both.
    both = table.videos([index for index, split in enumerate(table.splits) if split != "test"])
    for rows in (both, valid) if best_epoch else (both,):
        if enough_cases(rows.labels).any():
            tuned = recalibrate(tuned, rows)
    return tuned


def _unheard(base: Checkpoint, train: UtteranceTable) -> Mapping[Modality, Anchor]:
    """Return the anchors of modalities that the train split lacks."""
    return {name: anchor for name, anchor in base.specification.anchors.items() if name not in train.modalities}


def recalibrate(
    base: Checkpoint, rows: UtteranceTable, *, name: str | None = None, provenance: Mapping[str, Any] | None = None
) -> Checkpoint:
    """Fit calibration and thresholds anew; the network stays.

    What fewer than `FEWEST_CASES` utterances are labelled with, or without, keeps its calibration and thresholds. The
    calibration that is there counts as a prior, so that few utterances change it little.

    Parameters
    ----------
    base : Checkpoint
        It is not changed.
    rows : UtteranceTable
        Labelled utterances that the checkpoint has not learnt from; fifty are enough for sentiment.
    name : str, optional
        Of the new checkpoint.
    provenance : mapping, optional
        Added to the base's.

    Raises
    ------
    DataError
        If no label has enough utterances.
    """
    specification = base.specification
    logits = served_logits(base, rows)
    enough = enough_cases(rows.labels)
    if not enough.any():
        raise DataError(
            f"too few to calibrate: of {len(rows)} utterances outside the test split no label is present in "
            f"{FEWEST_CASES} and absent in {FEWEST_CASES}; label more, or take the model as it is"
        )
    # A label with too few cases is fitted on nothing, and the base's figures are put back in its place.
    labels = replace(
        rows.labels,
        sentiment=softened(rows.labels.sentiment),
        emotion=np.stack([softened(column) for column in rows.labels.emotion.T], axis=1),
    )
    old = specification.calibration
    served = old.log_odds(logits)
    fitted, thresholds = calibrate(served, labels, calibrated=True) if enough.all() else _partly(served, labels, enough)
    calibration = old.followed_by(fitted)
    kept = replace(
        calibration,
        scale=tuple(new if ok else was for new, was, ok in zip(calibration.scale, old.scale, enough, strict=True)),
        bias=tuple(new if ok else was for new, was, ok in zip(calibration.bias, old.bias, enough, strict=True)),
    )
    chosen = {
        purpose: {
            emotion: value if enough[1 + EMOTIONS.index(emotion)] else specification.thresholds[purpose][emotion]
            for emotion, value in values.items()
        }
        for purpose, values in thresholds.items()
    }
    return Checkpoint(
        network=base.network,
        specification=replace(
            specification,
            name=name or specification.name,
            calibration=kept,
            thresholds=chosen or specification.thresholds,
            neutral=_neutral(specification.neutral, logits, rows.labels),
            domains=(),  # what other corpora's annotators said would be mixed with what is fitted here
            provenance={**specification.provenance, **(provenance or {})},
        ),
    )


def _neutral(head: NeutralHead | None, logits: Logits, labels: Labels) -> NeutralHead | None:
    """Fit a neutral class to what these annotators called neutral; with too few cases it stays as it is."""
    classes = labels.classes
    if head is None or min((classes == 1).sum(), (classes == 2).sum()) < FEWEST_CASES:
        return head
    return head.recalibrated(stacked(logits), classes)


def enough_cases(labels: Labels) -> NDArray[np.bool_]:
    """Tell for sentiment and each class of emotion whether it has enough cases on both sides, shape (8,)."""
    columns = np.concatenate([labels.sentiment[:, None], labels.emotion], axis=1)  # (n, 8)
    present, absent = (columns >= 0.5).sum(axis=0), (columns < 0.5).sum(axis=0)
    return np.asarray((present >= FEWEST_CASES) & (absent >= FEWEST_CASES), dtype=np.bool_)


def _partly(logits: Any, labels: Labels, enough: NDArray[np.bool_]) -> Any:
    """Calibrate with two made-up cases where there are too few, which only keep the fit from failing."""
    count = len(labels)
    sentiment = labels.sentiment if enough[0] else np.resize(np.array([0, 1], np.float32), count)
    emotion = labels.emotion.copy()
    for index in range(len(EMOTION_CLASSES)):
        if not enough[1 + index]:
            emotion[:, index] = np.resize(np.array([0, 1], np.float32), count)
    return calibrate(logits, replace(labels, sentiment=sentiment, emotion=emotion), calibrated=True)


@dataclass(frozen=True)
class Taught:
    """A table whose unlabelled utterances carry what a teacher knows from their words.

    Attributes
    ----------
    table : UtteranceTable
        With soft labels where there were none.
    count : int
        How many utterances were taught so.
    judged_by_people : bool
        Whether the valid split has people's labels alone.
    """

    table: UtteranceTable
    count: int
    judged_by_people: bool


def teach(teacher: Checkpoint, table: UtteranceTable) -> Taught:
    """Label what nobody labelled with a teacher's probabilities, from the words alone.

    Voice and face of the same utterances then learn from them (Hinton et al., "Distilling the Knowledge in a Neural
    Network", 2015; across modalities: Aytar et al., "SoundNet", NIPS 2016). Labels that people gave stay. Test rows are
    left alone, and so is a valid split with `FEWEST_VALID` labelled utterances: by a teacher's labels no epoch would be
    better than the teacher itself.

    Raises
    ------
    DataError
        If the table has no words.
    """
    words = table.with_modalities(["text"])
    if not words.modalities["text"].present.any():
        raise DataError("the table has no words, which are what the teacher reads")
    scores = score_table(teacher, words)
    labels, split = table.labels, np.array(table.splits)[table.video_of_row]
    by_people = bool((labels.known & (split == "valid")).sum() >= FEWEST_VALID)
    learnt = (split == "train") | ((split == "valid") & (not by_people))
    known = words.modalities["text"].present & learnt
    sentiment, emotion = labels.sentiment.copy(), labels.emotion.copy()
    blank_sentiment = np.isnan(sentiment) & known
    blank_emotion = np.isnan(emotion).all(axis=1) & known
    if scores.positive is not None:
        sentiment[blank_sentiment] = scores.positive[blank_sentiment]
    if scores.emotion is not None:
        emotion[blank_emotion] = scores.emotion[blank_emotion]
    taught = replace(table, labels=replace(labels, sentiment=sentiment, emotion=emotion))
    return Taught(taught, int((blank_sentiment | blank_emotion).sum()), by_people)
