"""How far voice and face move the labels of natural speech.

    mtmm-video analyze VIDEO... --out REPORTS --formats json
    python benchmarks/plus_natural.py --checkpoint FOLDER/plus-*.safetensors --reports REPORTS/*.json

For each report, the absolute change of every probability between words alone and words with voice (and with face), mean
and largest over utterances and checkpoints, in Markdown.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mtmm_video.model.checkpoint import Checkpoint, load_checkpoint
from mtmm_video.model.features import Modality, VideoFeatures
from mtmm_video.model.labels import EMOTIONS
from mtmm_video.model.prediction import predict
from mtmm_video.pipeline.reports.json_reader import from_json

SUBSETS: tuple[tuple[Modality, ...], ...] = (("text", "acoustic"), ("text", "acoustic", "visual"))


def probabilities(checkpoint: Checkpoint, video: VideoFeatures, modalities: Sequence[Modality]) -> NDArray[np.float64]:
    """Return the emotions' probabilities and that of positive sentiment, shape (u, 7)."""
    part = replace(video, modalities={name: video.modalities[name] for name in modalities})
    return np.array(
        [
            [*(found.emotion_probabilities[name] for name in EMOTIONS), found.sentiment_probabilities["positive"]]
            for found in predict(checkpoint, part).utterances
        ]
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, nargs="+", required=True)
    parser.add_argument("--reports", type=Path, nargs="+", required=True)
    arguments = parser.parse_args()
    checkpoints = [load_checkpoint(path) for path in arguments.checkpoint]
    print(f"| | utterances | {' | '.join(EMOTIONS)} | positive |\n|---|---|{'---|' * (len(EMOTIONS) + 1)}")
    every: dict[tuple[Modality, ...], list[NDArray[np.float64]]] = {subset: [] for subset in SUBSETS}
    for path in arguments.reports:
        video = from_json(path.read_text(encoding="utf-8")).features
        for subset in SUBSETS:
            if len(video) and set(subset) <= set(video.modalities):
                moved = [
                    np.abs(probabilities(one, video, subset) - probabilities(one, video, ("text",)))
                    for one in checkpoints
                ]
                every[subset].append(np.concatenate(moved))
                print(
                    row(f"{path.stem}, {'+'.join(name[0].upper() for name in subset)}", every[subset][-1], checkpoints)
                )
    for subset, parts in every.items():
        print(row(f"**all, {'+'.join(name[0].upper() for name in subset)}**", np.concatenate(parts), checkpoints))


def row(name: str, moved: NDArray[np.float64], checkpoints: Sequence[Checkpoint]) -> str:
    """Return a row: mean (largest) change."""
    cells = [f"{column.mean():.2f} ({column.max():.2f})" for column in moved.T]
    return f"| {name} | {len(moved) // len(checkpoints)} | {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
