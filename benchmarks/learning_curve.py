"""How many labelled utterances a corpus needs: the paper's network on parts of MOSEI's train split, words alone.

    mtmm-video mosei prepare --labels-csv ../shared/data/mosei/labels --out mosei.safetensors
    python benchmarks/learning_curve.py --table mosei.safetensors

Whole videos are drawn until the size is reached, of train and, in proportion, of valid, since whoever has few labels
has few to choose on as well. Every size is drawn three times; the figures are of MOSEI's whole test split, means over
draws.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from mtmm_video.model.evaluation import evaluate, score_table
from mtmm_video.model.paper.tables import markdown, percent
from mtmm_video.model.recipes import recipe_named
from mtmm_video.model.table import UtteranceTable
from mtmm_video.model.training import train
from mtmm_video.pipeline.training.own_corpus import sized

SIZES = (50, 200, 1000, 5000, 0)  # labelled utterances of train; 0 for all
DRAWS = 3
VALID_SHARE = 0.25  # labelled utterances of valid per one of train


def part_of(table: UtteranceTable, *, size: int, seed: int) -> UtteranceTable:
    """Draw whole videos of train and valid until there are `size` and a quarter as many utterances."""
    random = np.random.default_rng(seed)
    chosen: list[int] = []
    for split, wanted in (("train", size), ("valid", round(VALID_SHARE * size))):
        videos = [index for index, name in enumerate(table.splits) if name == split]
        order = random.permutation(videos)
        reached = np.cumsum(table.lengths[order])
        count = len(order) if size == 0 else int(np.searchsorted(reached, max(wanted, 20))) + 1
        chosen += order[:count].tolist()
    return table.videos(chosen)


def main() -> None:
    """Print the curve as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--recipe", default="paper")
    options = parser.parse_args()
    torch.set_num_threads(1)
    table = UtteranceTable.load(options.table).with_modalities(["text"])
    test = table.split("test")
    rows = []
    for size in SIZES:
        figures = []
        for draw in range(1, DRAWS + 1):
            part = part_of(table, size=size, seed=draw)
            recipe = sized(replace(recipe_named(options.recipe), modalities=("text",), seed=draw), part)
            checkpoint = train(part, recipe=recipe)
            found = evaluate(score_table(checkpoint, test), test, thresholds=checkpoint.specification.thresholds)
            sentiment, emotion = found["sentiment"], found["emotion"]
            figures.append(
                [
                    sentiment["accuracy"],
                    sentiment["f1_weighted"],
                    sentiment["auroc"],
                    emotion["weighted_accuracy"],
                    emotion["f1_weighted"],
                    emotion["auroc"],
                ]
            )
        used = len(part.split("train"))
        mean, spread = np.mean(figures, axis=0), np.std(figures, axis=0, ddof=1)
        cells = [f"{percent(float(a))} ± {percent(float(b))}" for a, b in zip(mean, spread, strict=True)]
        rows.append(["all" if size == 0 else f"{size:,}", f"{used:,}", *cells])
        print(markdown(["size", "last draw", "Acc", "F1", "AUROC", "W-Acc", "emotion F1", "emotion AUROC"], rows))


if __name__ == "__main__":
    main()
