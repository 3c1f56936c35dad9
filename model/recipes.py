"""`Recipe`: a training configuration, and the named ones of ``mtmm-video train --model NAME``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from foundation.errors import InputError
from model.cim import Task
from model.features import Modality


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
    patience : int or None
        Stop after so many epochs without a better one; None runs all epochs.
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
    patience: int | None = None
    seed: int = 1


# Table 5 to the letter; early stopping on the valid split is the only addition.
TABLE_5 = Recipe(name="table-5")

# Table 5's network, losses, optimiser and batch, with three additions, each chosen on the valid split (in brackets the
# selection score, one seed): what is evaluated and stored is a running average of the weights (75.8 with a decay of
# 0.998 a step, 75.7 with 0.99, 75.4 without); dropout of 0.2 on the input (75.9); training stops when the valid split
# has not become better for six epochs.
PAPER = Recipe(name="paper", averaging=0.998, input_dropout=0.2, epochs=50, patience=6)

RECIPES: Mapping[str, Recipe] = {recipe.name: recipe for recipe in (PAPER, TABLE_5)}


def recipe_named(name: str) -> Recipe:
    """Return a named recipe.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    if name not in RECIPES:
        raise InputError(f"no training recipe named {name!r}; choose one of {', '.join(RECIPES)}")
    return RECIPES[name]
