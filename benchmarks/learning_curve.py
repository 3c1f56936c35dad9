"""How many labelled utterances a corpus needs: three ways to a model, on words alone.

    mtmm-video mosei prepare --labels-csv ../shared/data/mosei/labels --out mosei.safetensors
    python benchmarks/learning_curve.py mosei.safetensors
    python benchmarks/learning_curve.py meld.safetensors --meld ../shared/data/meld

MOSEI: the paper's network from scratch, on the text columns of the table (GloVe; with the sentence encoder where the
table is the one of `mtmm-video train plus --stage mosei`), judged on MOSEI's whole test split; `plus` has learnt MOSEI
and shows nothing there. MELD is a stranger's corpus: `plus` is recalibrated, trained on, or left aside for a network
from scratch on the same columns. A fifth of MELD's train dialogues is the valid split, and its dev split judges and
chooses nothing. The heads of other talk that `plus` learnt from MELD's train split are taken out first.

Whole videos or dialogues are drawn until there are as many labels: four fifths to learn from and a fifth to choose on,
since whoever has few labels has few to choose on as well. Figures are means over draws.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mtmm_video.model.adaptation import FINE_TUNING, fine_tune, recalibrate
from mtmm_video.model.checkpoint import Checkpoint, load_checkpoint
from mtmm_video.model.checkpoint_file import resolve_checkpoint
from mtmm_video.model.evaluation import evaluate, score_table
from mtmm_video.model.labels import EMOTION_CLASSES, EMOTIONS, NO_EMOTION, SENTIMENT_CLASSES
from mtmm_video.model.paper.systems import labelled_tasks
from mtmm_video.model.paper.tables import markdown, percent
from mtmm_video.model.recipes import recipe_named
from mtmm_video.model.table import UtteranceTable, concatenate
from mtmm_video.model.training import train
from mtmm_video.pipeline.corpora.labelled_table import labels_of
from mtmm_video.pipeline.corpora.segment import SegmentLabels
from mtmm_video.pipeline.corpora.talk import Talk, read_meld
from mtmm_video.pipeline.text_features import SENTENCE, text_features
from mtmm_video.pipeline.training.everyday import talk_table
from mtmm_video.pipeline.training.own_corpus import sized, with_neutral
from mtmm_video.pipeline.weights.ctranslate2_form import sentence_form
from mtmm_video.pipeline.weights.resolution import resolve

SIZES = (50, 200, 1000, 0)  # labelled utterances in all; 0 for every one
DRAWS = 3
VALID_SHARE = 0.2  # of the labelled utterances
VALID_EVERY = 5  # of MELD's train dialogues one in five is its valid split
CALIBRATED, TUNED, SCRATCH = "--calibrate-only", "--from plus", "from scratch"
WAYS = {"calibrate": CALIBRATED, "tune": TUNED, "scratch": SCRATCH}
FIGURES: Mapping[str, tuple[str, ...]] = {
    "sentiment accuracy": ("sentiment", "accuracy"),
    "F1": ("sentiment", "f1_weighted"),
    "AUROC": ("sentiment", "auroc"),
    "three-way F1": ("sentiment", "three_way", "f1_weighted"),
    "emotion W-Acc": ("emotion", "weighted_accuracy"),
    "emotion F1": ("emotion", "f1_weighted"),
    "emotion AUROC": ("emotion", "auroc"),
}


def meld_table(folder: Path, base: Checkpoint) -> UtteranceTable:
    """Return MELD's words with the text columns of a checkpoint: train, valid (of train), and dev as the test split."""
    talks = {name: read_meld(folder / f"{name}_sent_emo.csv.gz") for name in ("train", "dev")}
    extractors = base.specification.columns["text"].extractors
    tables = {}
    for name, talk in talks.items():
        words = text_features(
            talk.texts,
            extractors=extractors,
            glove=resolve("glove-6b-50d"),
            sentence=sentence_form(SENTENCE) if SENTENCE in extractors else None,
        )
        table = talk_table(talk, words.features, corpus=f"meld-{name}")
        tables[name] = replace(table, labels=labels_of([labels_at(talk, row) for row in range(len(talk))]))
    dialogues = range(len(tables["train"].video_ids))
    splits = tuple("train" if number % VALID_EVERY else "valid" for number in dialogues)
    judge = replace(tables["dev"], splits=("test",) * len(tables["dev"].video_ids))
    return concatenate([replace(tables["train"], splits=splits), judge])


def labels_at(talk: Talk, row: int) -> SegmentLabels:
    """Return the labels of one utterance of MELD, which has one emotion and one sentiment."""
    felt = EMOTION_CLASSES[int(talk.emotion[row].argmax())]
    assert felt in (*EMOTIONS, NO_EMOTION)
    return SegmentLabels(
        polarity=SENTIMENT_CLASSES[int(talk.sentiment[row].argmax())],
        emotions={name: float(name == felt) for name in EMOTIONS},
    )


def part_of(table: UtteranceTable, *, size: int, seed: int) -> UtteranceTable:
    """Draw whole videos of train and valid until there are four fifths and a fifth of `size` utterances."""
    random = np.random.default_rng(seed)
    chosen: list[int] = []
    for split, share in (("train", 1 - VALID_SHARE), ("valid", VALID_SHARE)):
        videos = [index for index, name in enumerate(table.splits) if name == split]
        order = random.permutation(videos)
        reached = np.cumsum(table.lengths[order])
        count = len(order) if size == 0 else int(np.searchsorted(reached, share * size)) + 1
        chosen += order[:count].tolist()
    return table.videos(chosen)


def made(way: str, part: UtteranceTable, *, base: Checkpoint, recipe: str, seed: int) -> Checkpoint:
    """Make a checkpoint as `mtmm-video train --data` does."""
    if way == CALIBRATED:
        return recalibrate(base, part)
    if way == TUNED:
        tuning = sized(replace(FINE_TUNING, seed=seed), part)
        return fine_tune(base, part, recipe=replace(tuning, epochs=FINE_TUNING.epochs))
    own = recipe_named(recipe)
    tasks = tuple(task for task in own.tasks if task in labelled_tasks(part))
    checkpoint = train(part, recipe=sized(replace(own, modalities=("text",), tasks=tasks, seed=seed), part))
    return with_neutral(checkpoint, part.split("valid"))


def figures_of(checkpoint: Checkpoint, test: UtteranceTable) -> list[float]:
    """Return `FIGURES` on the judging split; NaN where the checkpoint has no such answer."""
    found = evaluate(score_table(checkpoint, test), test, thresholds=checkpoint.specification.thresholds)
    values = []
    for path in FIGURES.values():
        entry: Any = found
        for name in path:
            entry = None if entry is None else entry.get(name)
        values.append(float("nan") if entry is None else float(entry))
    return values


def row_of(title: str, size: str, figures: list[list[float]]) -> list[str]:
    """Return a row of the table: mean and spread over draws."""
    cells = []
    for column in zip(*figures, strict=True):
        spread = f" ± {percent(float(np.std(column, ddof=1)))}" if len(column) > 1 else ""
        cells.append("" if np.isnan(column).any() else percent(float(np.mean(column))) + spread)
    return [title, size, *cells]


def trivial_row(test: UtteranceTable, checkpoint: Checkpoint) -> list[str]:
    """Return the row of the constant answers."""
    found = evaluate(score_table(checkpoint, test), test, thresholds=checkpoint.specification.thresholds)
    sentiment, emotion = found["sentiment"]["trivial"], found["emotion"]["trivial"]
    cells = [percent(sentiment["accuracy"]), percent(sentiment["f1_weighted"]), "50.0", ""]
    cells += [percent(emotion["weighted_accuracy"]), percent(emotion["f1_weighted"]), "50.0"]
    return ["constant answer", "0", *cells]


def main() -> None:
    """Print the curve as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path, help="MOSEI's table; or MELD's, which is made there where it is missing")
    parser.add_argument("--meld", type=Path, help="folder of MELD's label files")
    parser.add_argument("--base", default="plus")
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)))
    parser.add_argument("--draws", type=int, default=DRAWS)
    parser.add_argument("--way", choices=WAYS, help="one alone, for MELD")
    options = parser.parse_args()
    torch.set_num_threads(1)
    base = load_checkpoint(resolve_checkpoint(options.base))
    base = Checkpoint(base.network, replace(base.specification, domains=()))
    ways, recipe = (SCRATCH,), "paper"
    if options.meld is not None:
        ways, recipe = (CALIBRATED, TUNED, SCRATCH), "mtmm-es"
        if options.way is not None:
            ways = (WAYS[options.way],)
        if not options.table.is_file():
            meld_table(options.meld, base).save(options.table)
    table = UtteranceTable.load(options.table).with_modalities(["text"])
    test = table.split("test")
    rows = []
    if options.meld is not None:
        rows = [trivial_row(test, base), row_of("plus as it came", "0", [figures_of(base, test)])]
    for way in ways:
        for size in map(int, options.sizes.split(",")):
            draws = options.draws if size else 1
            parts = [part_of(table, size=size, seed=draw) for draw in range(1, draws + 1)]
            found = [
                figures_of(made(way, part, base=base, recipe=recipe, seed=draw), test)
                for draw, part in enumerate(parts, start=1)
            ]
            used = round(float(np.mean([len(part) for part in parts])))
            rows.append(row_of(way, f"{used:,}", found))
            print(rows[-1], flush=True)
    print(markdown(["way", "labels", *FIGURES], rows))


if __name__ == "__main__":
    main()
