"""What each modality learns on the composed corpus, where words, voice and face carry one label each.

    python sample_videos/composed_corpus.py --out composed
    mtmm-video corpus prepare composed/labels.csv --out composed.safetensors
    python benchmarks/composed_corpus.py --table composed.safetensors

The paper's network is trained from scratch (recipe ``mtmm-es``) in five folds over the speakers: every clip is judged
by a network that has not heard its speaker. First one network per fold learns from all modalities and is shown some of
them, as `mtmm-video train` does for its card; then every set has a network of its own. Figures are AUROC over all
clips; 0.5 is chance, and with sixty clips chance lies between 0.35 and 0.65.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from mtmm_video.model.evaluation import score_table
from mtmm_video.model.features import Modality
from mtmm_video.model.labels import EMOTIONS
from mtmm_video.model.metrics import area_under_roc
from mtmm_video.model.paper.systems import calibrated_scores, fit_system
from mtmm_video.model.paper.tables import LETTERS, markdown
from mtmm_video.model.recipes import recipe_named
from mtmm_video.model.scores import Scores
from mtmm_video.model.table import UtteranceTable
from mtmm_video.model.training import train
from mtmm_video.pipeline.training.own_corpus import sized

Set = tuple[Modality, ...]
SETS: tuple[Set, ...] = (("text",), ("acoustic",), ("visual",), ("text", "acoustic", "visual"))
FOLDS = 5
NETWORK = "cim"
CARRIED = ("anger", "happy")  # by voice and face


def folds_of(table: UtteranceTable) -> list[UtteranceTable]:
    """Return the table with a fifth of its videos as test split and a fifth as valid, five times."""
    found = []
    for fold in range(FOLDS):
        places = [(index - fold) % FOLDS for index in range(len(table.video_ids))]
        names = tuple("test" if place == 0 else "valid" if place == 1 else "train" for place in places)
        found.append(replace(table, splits=names))
    return found


def judged(part: UtteranceTable, sets: Sequence[Set], *, system: str, seed: int) -> dict[Set, Scores]:
    """Train on all modalities of a table and score its test split, shown each set of them."""
    names = tuple(part.modalities)
    recipe = replace(recipe_named("mtmm-es"), modalities=names, tasks=("sentiment", "emotion"), seed=seed)
    recipe = sized(recipe, part)
    if system != NETWORK:
        return {names: calibrated_scores(fit_system(system, part, recipe=recipe), part, split="test")[0]}
    checkpoint = train(part, recipe=recipe)
    test = part.split("test")
    return {shown: score_table(checkpoint, test.with_modalities(shown)) for shown in sets}


def out_of_fold(
    table: UtteranceTable, sets: Sequence[Set], *, system: str, seed: int
) -> dict[Set, NDArray[np.float64]]:
    """Return the probabilities of positive, anger and happy for every row, shape (n, 3), by what was shown."""
    found = {shown: np.full((len(table), 1 + len(CARRIED)), np.nan) for shown in sets}
    for part in folds_of(table):
        rows = np.array([split == "test" for split in part.splits])[table.video_of_row]
        for shown, scores in judged(part, sets, system=system, seed=seed).items():
            assert scores.positive is not None and scores.emotion is not None
            emotions = [scores.emotion[:, EMOTIONS.index(name)] for name in CARRIED]
            found[shown][rows] = np.stack([scores.positive, *emotions], axis=1)
    return found


def report(title: str, table: UtteranceTable, found: dict[Set, NDArray[np.float64]]) -> None:
    """Print the figures of every set as Markdown."""
    truth = [table.labels.sentiment, *(table.labels.emotion[:, EMOTIONS.index(name)] for name in CARRIED)]
    rows = []
    for shown, scores in found.items():
        figures = [area_under_roc(each >= 0.5, scores[:, index]) for index, each in enumerate(truth)]
        rows.append(["+".join(LETTERS[name] for name in shown), *(f"{figure:.2f}" for figure in figures)])
    print(f"{title}\n\n{markdown(['shown', 'sentiment (words)', 'anger (voice)', 'happy (face)'], rows)}\n", flush=True)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--system", default=NETWORK, help="cim, or svm: the second table in seconds")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(1)
    table = UtteranceTable.load(options.table)
    own: dict[Set, NDArray[np.float64]] = {}
    if options.system == NETWORK:
        shared = out_of_fold(table, SETS, system=NETWORK, seed=options.seed)
        report("One network, the rest hidden", table, shared)
        own[SETS[-1]] = shared[SETS[-1]]  # it is the one that has learnt from all of them
    for shown in SETS:
        if shown not in own:
            own |= out_of_fold(table.with_modalities(shown), [shown], system=options.system, seed=options.seed)
    own = {shown: own[shown] for shown in SETS}
    report("One of its own for every set", table, own)


if __name__ == "__main__":
    main()
