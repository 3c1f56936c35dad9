"""What the strength of the anchors costs and gives: natural recordings against acted voices over words.

    python -m benchmarks.plus_anchor --tables FOLDER [--ordinary 5 3.5 2.5 1.5]

For each value of `model.anchor.ORDINARY`: the largest mean change of an emotion in a natural recording whose anchors
were fitted on the others, the utterances that gain a label; and on RAVDESS's held-out speakers the tables of
`benchmarks.plus_acted` with the shipped checkpoint. FOLDER holds the tables of `mtmm-video train plus`.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from benchmarks.plus_acted import SENTENCES, held_out_rises
from benchmarks.plus_natural import ALL, labels_of
from benchmarks.plus_text import plus_text

from mtmm_video.model import anchor
from mtmm_video.model.checkpoint import Checkpoint, load_checkpoint
from mtmm_video.model.checkpoint_file import shipped
from mtmm_video.model.features import VideoFeatures
from mtmm_video.model.labels import EMOTIONS
from mtmm_video.model.table import UtteranceTable
from mtmm_video.pipeline.training.everyday import fit_anchors
from mtmm_video.pipeline.training.plus import Corpora


def natural_figures(left_out: Mapping[str, Checkpoint], videos: Mapping[str, VideoFeatures]) -> str:
    """Return the largest mean change of a recording, that over all utterances, and the labels gained."""
    changes, gains, largest = [], 0, (0.0, "")
    for name, video in videos.items():
        words, said = labels_of(left_out[name], video, ("text",))
        moved, heard = labels_of(left_out[name], video, ALL)
        change = (moved - words)[:, : len(EMOTIONS)]
        means = np.abs(change.mean(axis=0))
        largest = max(largest, (float(means.max()), f"{name}, {EMOTIONS[int(means.argmax())]}"))
        gains += sum(bool(more - before) for more, before in zip(heard, said, strict=True))
        changes.append(change)
    every = np.concatenate(changes)
    over_all = np.abs(every.mean(axis=0)).max()
    return f"{largest[0]:.3f} ({largest[1]}); over all {over_all:.3f}; {gains} of {len(every)} gain a label"


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=Path, required=True)
    parser.add_argument("--ordinary", type=float, nargs="+", default=[5.0, 3.5, 2.5, 1.5])
    arguments = parser.parse_args()
    given = load_checkpoint(shipped("plus"))
    table = UtteranceTable.load(arguments.tables / "natural.safetensors")
    videos = {name: table.video(index) for index, name in enumerate(table.video_ids)}
    left_out = {}
    for name in videos:
        anchors = fit_anchors(given, [video for other, video in videos.items() if other != name])
        left_out[name] = replace(given, specification=replace(given.specification, anchors=anchors))
    corpora, text = Corpora.load(arguments.tables), plus_text(SENTENCES)
    for ordinary in arguments.ordinary:
        anchor.ORDINARY = ordinary
        print(f"\nORDINARY {ordinary:g}: {natural_figures(left_out, videos)}", flush=True)
        held_out_rises([given], corpora, text)


if __name__ == "__main__":
    main()
