"""How far voice and face move the labels of natural speech.

    mtmm-video analyze RECORDING... --out REPORTS --formats json
    python benchmarks/plus_natural.py --checkpoint plus --reports REPORTS/*.json [--leave-out] [--network-alone]

Per recording, in Markdown: the mean change of every emotion's probability, and of positive, between words alone and
all modalities, and how many utterances gain a label. With --leave-out the anchors of each recording are fitted on the
others; with --network-alone there are none, and voice and face count in full.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mtmm_video.model.checkpoint import Checkpoint, load_checkpoint
from mtmm_video.model.checkpoint_file import resolve_checkpoint
from mtmm_video.model.features import Modality, VideoFeatures
from mtmm_video.model.labels import EMOTIONS
from mtmm_video.model.prediction import predict
from mtmm_video.pipeline.reports.json_reader import read_report
from mtmm_video.pipeline.training.everyday import fit_anchors

ALL: tuple[Modality, ...] = ("text", "acoustic", "visual")


def labels_of(
    checkpoint: Checkpoint, video: VideoFeatures, modalities: Sequence[Modality]
) -> tuple[NDArray[np.float64], list[set[str]]]:
    """Return the emotions' probabilities and that of the paper's positive, shape (u, 7), and the emotions labelled."""
    part = replace(video, modalities={name: video.modalities[name] for name in modalities if name in video.modalities})
    found = predict(checkpoint, part).utterances
    shares = [[*(each.emotion_probabilities[name] for name in EMOTIONS), each.positive_binary] for each in found]
    return np.array(shares), [set(each.emotions) for each in found]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", default="plus")
    parser.add_argument("--reports", type=Path, nargs="+", required=True)
    parser.add_argument("--leave-out", action="store_true")
    parser.add_argument("--network-alone", action="store_true")
    parser.add_argument("--modalities", nargs="+", default=list(ALL))
    arguments = parser.parse_args()
    given = load_checkpoint(resolve_checkpoint(arguments.checkpoint))
    videos = {path.stem: read_report(path).features for path in arguments.reports}
    print(f"| | utterances | gain a label | {' | '.join(EMOTIONS)} | positive |\n|---|---|---|{'---|' * 7}")
    changes, gains = [], 0
    for name, video in videos.items():
        checkpoint = given
        if arguments.leave_out or arguments.network_alone:
            others = [other for key, other in videos.items() if key != name]
            anchors = {} if arguments.network_alone else fit_anchors(given, others)
            checkpoint = replace(given, specification=replace(given.specification, anchors=anchors))
        words, said = labels_of(checkpoint, video, ("text",))
        moved, heard = labels_of(checkpoint, video, arguments.modalities)
        gained = sum(bool(more - before) for more, before in zip(heard, said, strict=True))
        changes.append(moved - words)
        gains += gained
        print(row(name, changes[-1], gained))
    print(row("**all**", np.concatenate(changes), gains))


def row(name: str, changes: NDArray[np.float64], gained: int) -> str:
    """Return a row of the table."""
    return f"| {name} | {len(changes)} | {gained} | {' | '.join(f'{value:+.3f}' for value in changes.mean(axis=0))} |"


if __name__ == "__main__":
    main()
