"""MV-LSTM, MARN and MFN on the words of each utterance against the same networks on utterance means.

    mtmm-video mosei prepare --labels-csv ../shared/data/mosi --out mosi.safetensors
    python -m benchmarks.word_by_word mosi.safetensors
    python -m benchmarks.word_by_word composed.safetensors --folds --seeds 1

Both read the same columns (those that a word has: GloVe, COVAREP, FACET), learn with the recipe of the baselines in at
least 600 steps, and choose their epoch on valid. The means are read along a video, the words along an utterance. The
test split is judged, or with ``--folds`` every video, by networks that have not learnt from it. Figures are AUROC,
means over seeds; the difference has a 95 % interval over resampled videos.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from benchmarks.composed_corpus import folds_of
from numpy.typing import NDArray

from mtmm_video.foundation.errors import DataError
from mtmm_video.model.features import Modality, ModalityFeatures
from mtmm_video.model.labels import EMOTIONS
from mtmm_video.model.metrics import area_under_roc
from mtmm_video.model.paper.bootstrap import interval
from mtmm_video.model.paper.systems import BASELINE_RECIPE, calibrated_scores, fit_system
from mtmm_video.model.paper.tables import markdown
from mtmm_video.model.paper.word_by_word import spelled_out
from mtmm_video.model.table import UtteranceTable
from mtmm_video.pipeline.training.own_corpus import sized

SYSTEMS = ("mv_lstm", "marn", "mfn")
RESAMPLINGS = 1000
Answers = NDArray[np.float64]  # (n, 7): probability of positive, then of the six emotions


def columns_of_words(table: UtteranceTable) -> UtteranceTable:
    """Return the table with the utterance means of the columns that its words have, and no others."""
    if table.words is None:
        raise DataError("the table keeps no words; `mtmm-video corpus prepare` makes tables that do")
    kept: dict[Modality, ModalityFeatures] = {}
    for modality, words in table.words.modalities.items():
        means = table.modalities[modality]
        order = [means.names.index(name) for name in words.names]
        kept[modality] = ModalityFeatures(means.values[:, order], means.valid[:, order], words.names, words.version)
    return replace(table, modalities=kept)


def answers(parts: Sequence[UtteranceTable], system: str, *, seed: int) -> Answers:
    """Train on each part and answer for its test split; rows in the order of the parts."""
    found = []
    for part in parts:
        read = spelled_out(part) if system.endswith("_words") else part
        recipe = sized(replace(BASELINE_RECIPE, seed=seed), read)
        scores, _ = calibrated_scores(fit_system(system, part, recipe=recipe), part, split="test")
        rows = np.full((len(part.split("test")), 1 + len(EMOTIONS)), np.nan)
        if scores.positive is not None:
            rows[:, 0] = scores.positive
        if scores.emotion is not None:
            rows[:, 1:] = scores.emotion[:, : len(EMOTIONS)]
        found.append(rows)
    return np.concatenate(found)


def figures(truth: NDArray[np.float32], found: Answers, rows: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return AUROC of sentiment and the mean AUROC of the emotions on some rows, shape (2,)."""
    each = [area_under_roc(truth[rows, index] >= 0.5, found[rows, index]) for index in range(truth.shape[1])]
    known = [value for value in each[1:] if not np.isnan(value)]
    return np.array([each[0], np.mean(known) if known else np.nan])


def over_videos(test: Sequence[UtteranceTable], figure: Callable[[NDArray[np.intp]], NDArray[np.float64]]) -> str:
    """Return the 95 % intervals of two figures over resampled videos, as text."""
    sizes = np.concatenate([part.lengths for part in test])
    ends = np.cumsum(sizes)
    generator = np.random.default_rng(1)
    drawn = []
    for _ in range(RESAMPLINGS):
        chosen = generator.integers(0, len(sizes), len(sizes))
        drawn.append(figure(np.concatenate([np.arange(ends[k] - sizes[k], ends[k]) for k in chosen])))
    bounds = [interval(column) for column in np.array(drawn).T if not np.isnan(column).all()]
    return "; ".join(f"{100 * low:+.1f} to {100 * high:+.1f}" for low, high in bounds)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("--folds", action="store_true", help="judge every video, in five folds over the videos")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--systems", default=",".join(SYSTEMS))
    options = parser.parse_args()
    torch.set_num_threads(1)
    table = columns_of_words(UtteranceTable.load(options.table))
    parts = folds_of(table) if options.folds else [table]
    test = [part.split("test") for part in parts]
    truth = np.concatenate(
        [np.column_stack([part.labels.sentiment, part.labels.emotion[:, : len(EMOTIONS)]]) for part in test]
    )
    rows = []
    for system in options.systems.split(","):
        seeds: dict[str, list[Answers]] = {}
        seconds: dict[str, float] = {}
        for name in (system, f"{system}_words"):
            start = time.process_time()
            seeds[name] = [answers(parts, name, seed=seed) for seed in range(1, options.seeds + 1)]
            seconds[name] = (time.process_time() - start) / options.seeds
        every = np.arange(len(truth))
        for name, found in seeds.items():
            own = np.array([figures(truth, each, every) for each in found])
            cells = [
                "" if np.isnan(mean) else f"{100 * mean:.1f} ± {100 * spread:.1f}"
                for mean, spread in zip(own.mean(axis=0), own.std(axis=0), strict=True)
            ]
            rows.append([name, *cells, "", f"{seconds[name]:.0f}"])

        def gained(chosen: NDArray[np.intp], seeds: dict[str, list[Answers]] = seeds) -> NDArray[np.float64]:
            means, words = ([figures(truth, each, chosen) for each in found] for found in seeds.values())
            return np.asarray(np.mean(words, axis=0) - np.mean(means, axis=0))

        rows[-1][3] = over_videos(test, gained)
        print(markdown(["system", "sentiment", "emotions", "words minus means, 95 %", "CPU s"], rows), "\n", flush=True)


if __name__ == "__main__":
    main()
