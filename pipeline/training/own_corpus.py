"""Training on somebody's own table: recipes that fit its size, and the card that says what came of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mtmm_video.foundation.version import __version__
from mtmm_video.model.anchoring import stacked
from mtmm_video.model.checkpoint import Checkpoint
from mtmm_video.model.evaluation import evaluate, score_table, served_logits
from mtmm_video.model.features import Modality
from mtmm_video.model.paper.bootstrap import FEWEST_VIDEOS, paired_difference
from mtmm_video.model.paper.runs import modality_sets
from mtmm_video.model.paper.tables import LETTERS, Result, markdown, percent, summary, table_4
from mtmm_video.model.recipes import Recipe
from mtmm_video.model.scores import Scores
from mtmm_video.model.table import UtteranceTable
from mtmm_video.pipeline.training.everyday import fit_neutral

FEWEST_STEPS = 600  # of the optimiser; MOSEI's twelve epochs have 1,700
STEPS_PER_EPOCH = 8  # at least, where the corpus has the videos for it
FEWEST_NEUTRAL = 30  # utterances of valid called neutral, and positive: twice the outputs that the head weighs
BESIDE_WORDS: Mapping[Modality, str] = {"acoustic": "voice", "visual": "face"}
SURE = 0.05  # p below which a difference is called one
FIGURES = {
    "sentiment.accuracy": "sentiment accuracy",
    "sentiment.f1_weighted": "sentiment F1",
    "emotion.weighted_accuracy": "emotion W-Acc",
    "emotion.f1_weighted": "emotion F1",
}


def sized(recipe: Recipe, table: UtteranceTable) -> Recipe:
    """Return a recipe with smaller batches and more epochs where the train split has few videos.

    Parameters
    ----------
    recipe : Recipe
        Its batch and epochs are those of a corpus of thousands of videos.
    table : UtteranceTable
        To be trained on.
    """
    videos = table.splits.count("train")
    batch = max(1, min(recipe.batch, videos // STEPS_PER_EPOCH or 1))
    steps = math.ceil(videos / batch) or 1
    return replace(recipe, batch=batch, epochs=max(recipe.epochs, math.ceil(FEWEST_STEPS / steps)))


def with_neutral(checkpoint: Checkpoint, valid: UtteranceTable) -> Checkpoint:
    """Give a checkpoint a neutral class, where the valid split has the cases to fit one on; it has two if not."""
    classes = valid.labels.classes
    if "sentiment" not in checkpoint.specification.shape.tasks:
        return checkpoint
    if min((classes == 1).sum(), (classes == 2).sum()) < FEWEST_NEUTRAL:
        return checkpoint
    head = fit_neutral(stacked(served_logits(checkpoint, valid)), classes)
    return Checkpoint(checkpoint.network, replace(checkpoint.specification, neutral=head))


@dataclass(frozen=True)
class Judged:
    """A checkpoint on one split, with every set of modalities.

    Attributes
    ----------
    split : str
        Which.
    part : UtteranceTable
        Its rows.
    scores : mapping of tuple of Modality to Scores
        By what the network was shown.
    results : tuple of Result
        The same as figures.
    """

    split: str
    part: UtteranceTable
    scores: Mapping[tuple[Modality, ...], Scores]
    results: tuple[Result, ...]


def judge(checkpoint: Checkpoint, table: UtteranceTable, *, split: str) -> Judged:
    """Score a split with every set of the modalities that checkpoint and table share: what is not shown is absent."""
    shared = [name for name in checkpoint.specification.columns if name in table.modalities]
    part = table.with_modalities(shared).split(split)
    thresholds = checkpoint.specification.thresholds
    scores, results = {}, []
    for names in modality_sets(part):
        scores[names] = score_table(checkpoint, part.with_modalities(names))
        found = evaluate(scores[names], part, thresholds=thresholds)
        results.append(Result(system="cim", modalities=names, evaluation=found))
    return Judged(split, part, scores, tuple(results))


def verdicts(judged: Judged, checkpoint: Checkpoint, *, resamplings: int = 1000) -> list[str]:
    """Say in plain sentences whether voice or face help on this corpus: all modalities against the words alone.

    Fewer than `FEWEST_VIDEOS` videos say nothing of others.
    """
    every = max(judged.scores, key=len)
    if every == ("text",) or ("text",) not in judged.scores:
        return ["There is nothing to compare: the table has one modality, or no words."]
    videos = len(judged.part.video_ids)
    if videos < FEWEST_VIDEOS:
        return [f"{judged.split} has {videos} videos: too few to tell whether voice or face help on others."]
    thresholds = checkpoint.specification.thresholds
    found = paired_difference(
        [(judged.scores[every], thresholds)],
        [(judged.scores["text",], thresholds)],
        judged.part,
        resamplings=resamplings,
    )
    letters = "+".join(LETTERS[name] for name in every)
    beside = " and ".join(BESIDE_WORDS[name] for name in every if name != "text")
    lines = []
    for name, title in FIGURES.items():
        if name not in found:
            continue
        entry = found[name]
        difference, (low, high), p = entry["difference"], entry["interval"], entry["p"]
        verdict = "no difference that the choice of videos does not explain"
        if p < SURE:
            verdict = f"{beside} {'help' if difference > 0 else 'harm'}{'' if ' and ' in beside else 's'}"
        lines.append(
            f"{title}: {letters} against T {100 * difference:+.1f} points (95 % over videos {100 * low:+.1f} to "
            f"{100 * high:+.1f}, p = {p:.3f}): {verdict}."
        )
    return lines or ["There is nothing to compare: no label that the words speak of."]


def model_card(checkpoint: Checkpoint, judged: Judged, *, command: str, made: Sequence[str]) -> str:
    """Return the card of a checkpoint as Markdown.

    Parameters
    ----------
    checkpoint : Checkpoint
        What was made.
    judged : Judged
        On the test split, or valid where there is no test.
    command : str
        That made it.
    made : sequence of str
        How, in plain sentences.
    """
    specification = checkpoint.specification
    evaluation = max(judged.results, key=lambda result: len(result.modalities)).evaluation
    chosen_on = (
        "" if judged.split == "test" else " Epoch, calibration and thresholds were chosen on it, which flatters."
    )
    parts = [
        f"# Model card: {specification.name}",
        f"Made by mtmm-video {__version__}:\n\n    {command}",
        "\n".join(f"* {line}" for line in made),
        f"Judged on {judged.split}: {len(judged.part):,} utterances of {len(judged.part.video_ids):,} videos."
        + chosen_on,
        "## Do voice or face help here?",
        "\n".join(f"* {line}" for line in verdicts(judged, checkpoint)),
        "## Table 4: every set of modalities",
        "One network; what a column does not name was hidden from it.",
        table_4(judged.results, paper=False),
        "## All figures",
        summary(evaluation),
        "## Features",
        markdown(
            ["modality", "columns", "features"],
            [[name, str(len(entry.names)), f"`{entry.version}`"] for name, entry in specification.columns.items()],
        ),
        "Not for judging persons: the labels are what annotators believed that a speaker felt.",
    ]
    note = specification.provenance.get("licence_note")
    if note:
        parts.append(f"Licence of what it started from: {note}.")
    return "\n\n".join(parts) + "\n"


def headline(judged: Judged) -> str:
    """Return the main figures in one line."""
    evaluation = max(judged.results, key=lambda result: len(result.modalities)).evaluation
    parts = []
    for name, title in FIGURES.items():
        task, figure = name.split(".")
        entry = evaluation.get(task)
        value = None if entry is None else entry.get(figure)
        if value is not None and not np.isnan(value):
            parts.append(f"{title} {percent(value)}")
    return f"{judged.split}: {', '.join(parts) or 'no labels'}"
