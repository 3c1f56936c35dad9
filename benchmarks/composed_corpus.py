"""What each modality learns on the composed corpus, where words, voice and face carry one label each.

    python sample_videos/composed_corpus.py --out composed
    mtmm-video corpus prepare composed/labels.csv --out composed.safetensors
    python benchmarks/composed_corpus.py --table composed.safetensors

The paper's network is trained from scratch on every set of modalities, in five folds over the speakers: every clip is
judged by a network that has not heard its speaker. Figures are AUROC over all clips; 0.5 is chance, and with sixty
clips chance lies between 0.35 and 0.65.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from mtmm_video.model.labels import EMOTIONS
from mtmm_video.model.metrics import area_under_roc
from mtmm_video.model.paper.systems import calibrated_scores, fit_system
from mtmm_video.model.paper.tables import LETTERS, markdown
from mtmm_video.model.recipes import recipe_named
from mtmm_video.model.table import UtteranceTable
from mtmm_video.pipeline.training.own_corpus import sized

SETS = (("text",), ("acoustic",), ("visual",), ("text", "acoustic", "visual"))
FOLDS = 5


def out_of_fold(table: UtteranceTable, *, system: str, seed: int) -> np.ndarray:
    """Return the probabilities of positive, anger and happy for every row, shape (n, 3)."""
    found = np.full((len(table), 3), np.nan)
    for fold in range(FOLDS):
        places = [(index - fold) % FOLDS for index in range(len(table.video_ids))]
        splits = tuple("test" if place == 0 else "valid" if place == 1 else "train" for place in places)
        part = replace(table, splits=splits)
        recipe = replace(
            recipe_named("mtmm-es"), modalities=tuple(table.modalities), tasks=("sentiment", "emotion"), seed=seed
        )
        scores, _ = calibrated_scores(fit_system(system, part, recipe=sized(recipe, part)), part, split="test")
        rows = np.array([split == "test" for split in splits])[table.video_of_row]
        assert scores.positive is not None and scores.emotion is not None
        found[rows, 0] = scores.positive
        found[rows, 1:] = scores.emotion[:, [EMOTIONS.index("anger"), EMOTIONS.index("happy")]]
    return found


def main() -> None:
    """Print the table as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--system", default="cim", help="cim, or svm: the same in seconds")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(1)
    table = UtteranceTable.load(options.table)
    truth = np.stack(
        [table.labels.sentiment, *(table.labels.emotion[:, EMOTIONS.index(name)] for name in ("anger", "happy"))]
    )
    rows = []
    for names in SETS:
        scores = out_of_fold(table.with_modalities(names), system=options.system, seed=options.seed)
        figures = [area_under_roc(truth[index] >= 0.5, scores[:, index]) for index in range(3)]
        rows.append(["+".join(LETTERS[name] for name in names), *(f"{figure:.2f}" for figure in figures)])
    print(markdown(["shown", "sentiment (words)", "anger (voice)", "happy (face)"], rows))


if __name__ == "__main__":
    main()
