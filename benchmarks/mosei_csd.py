"""Time and peak memory of `mosei prepare --csd` on a synthetic corpus in the SDK's layout.

    python benchmarks/mosei_csd.py --videos 60

MOSEI has 3,837 videos in a COVAREP file of over 10 GB. One video is in memory at a time, so the peak should not grow
with the number of videos: run it with 30 and with 60 and compare.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np

from mtmm_video.pipeline.corpora.mosei_csd import prepare_sequences

SECONDS = 240  # of a video: twice MOSEI's mean, so that the figure is on the safe side
UTTERANCES = 16
WORDS_PER_SECOND = 2


def write_corpus(folder: Path, videos: int) -> None:
    """Write words as vectors, COVAREP at 100 Hz, FACET at 30 Hz, and labels."""
    generator = np.random.default_rng(0)
    streams = {"COVAREP": (74, 100), "FACET 4.2": (35, 30), "glove_vectors": (300, WORDS_PER_SECOND)}
    for root, (columns, rate) in streams.items():
        with h5py.File(folder / f"{root}.csd", "w") as file:
            frames = SECONDS * rate
            starts = np.arange(frames) / rate
            for video in range(videos):
                group = file.create_group(f"{root}/data/v{video}")
                group["features"] = generator.normal(size=(frames, columns)).astype(np.float32)
                group["intervals"] = np.stack([starts, starts + 1 / rate], axis=1)
    with h5py.File(folder / "labels.csd", "w") as file:
        edges = np.linspace(0, SECONDS, UTTERANCES + 1)
        for video in range(videos):
            group = file.create_group(f"All Labels/data/v{video}")
            group["features"] = np.zeros((UTTERANCES, 7), dtype=np.float32)
            group["intervals"] = np.stack([edges[:-1], edges[1:]], axis=1)


def main() -> None:
    """Write, prepare, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=int, default=60)
    videos = parser.parse_args().videos
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_corpus(folder, videos)
        size = sum(path.stat().st_size for path in folder.iterdir())
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        started = time.process_time()
        table, _ = prepare_sequences(folder, glove=None, folds={f"v{video}": "train" for video in range(videos)})
        seconds = time.process_time() - started
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        f"{videos} videos, {size / 1e9:.2f} GB of .csd, {len(table)} utterances: {seconds:.1f} s CPU "
        f"({1000 * seconds / videos:.0f} ms a video), peak memory {peak / 1e6:.2f} GB "
        f"({before / 1e6:.2f} GB before)"
    )


if __name__ == "__main__":
    main()
