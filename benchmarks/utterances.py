"""Statistics of utterances in the corpora: durations in MOSEI, pauses within and between utterances in MOSI.

Usage: python benchmarks/utterances.py [--shared ../shared]

Only the train and valid splits are read. The pauses come from the aligned words of MOSI (``sp`` marks a silence), cut
into utterances by matching them with the transcripts of the corpus.
"""

from __future__ import annotations

import argparse
import difflib
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

THRESHOLDS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0, 1.5)  # seconds
SHORTEST_MATCH = 3  # consecutive words that must agree for a bound to be accepted


def mosei_lengths(shared: Path) -> None:
    """Print quantiles of MOSEI's utterances: seconds, words, words per second."""
    table = pd.read_csv(shared / "data/mosei/labels/train.csv.gz")
    table = table[~table["timebase_suspect"]]
    seconds = table["end"] - table["start"]
    words = table["text"].str.split().str.len()
    quantiles = [0.01, 0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99]
    print(f"MOSEI train, {len(table)} utterances with trusted times")
    frame = pd.DataFrame({"seconds": seconds, "words": words, "words/s": words / seconds})
    print(frame.quantile(quantiles).round(2).to_string())
    ends = table["text"].str.strip().str.contains(r"[.?!][\"')\]]*$").mean()
    print(
        f"end with . ? or !: {ends:.2f}; hold punctuation at all: {table['text'].str.contains(r'[.?!,]').mean():.2f}\n"
    )


def mosi_pauses(shared: Path) -> tuple[list[float], list[float]]:
    """Return the pauses between neighbouring words in seconds: within utterances, and between one and the next."""
    table = pd.read_csv(shared / "data/mosi/utterances.csv.gz")
    within: list[float] = []
    between: list[float] = []
    with h5py.File(shared / "data/csd/CMU_MOSI_ModifiedTimestampedWords.csd") as file:
        data = next(iter(file.values()))["data"]
        for video, rows in table[table["split"].isin(["train", "valid"])].groupby("video_id"):
            if video not in data:
                continue
            heard = [word[0].decode().lower() for word in data[video]["features"][:]]
            spans = data[video]["intervals"][:]
            keep = [index for index, word in enumerate(heard) if word != "sp"]
            words = [heard[index] for index in keep]
            spans = spans[keep]
            written: list[str] = []
            owner: list[int] = []
            for segment, text in zip(rows["segment_id"], rows["text"], strict=True):
                tokens = str(text).lower().split()
                written += tokens
                owner += [int(segment)] * len(tokens)
            order = np.argsort(owner, kind="stable")
            written, owner = [written[i] for i in order], [owner[i] for i in order]
            segment_of: dict[int, int] = {}
            for block in difflib.SequenceMatcher(a=words, b=written, autojunk=False).get_matching_blocks():
                if block.size >= SHORTEST_MATCH:
                    segment_of |= {block.a + k: owner[block.b + k] for k in range(block.size)}
            for index in range(len(words) - 1):
                first, second = segment_of.get(index), segment_of.get(index + 1)
                if first is None or second is None:
                    continue
                pause = max(0.0, float(spans[index + 1, 0] - spans[index, 1]))
                if first == second:
                    within.append(pause)
                elif second == first + 1:
                    between.append(pause)
    return within, between


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    shared = parser.parse_args().shared
    mosei_lengths(shared)
    within, between = (np.array(pauses) for pauses in mosi_pauses(shared))
    print(f"MOSI train and valid: {len(within)} places within utterances, {len(between)} between them")
    print("pause of at least  within  between  share of such pauses that are bounds")
    for threshold in THRESHOLDS:
        inside, bounds = int((within >= threshold).sum()), int((between >= threshold).sum())
        share = bounds / max(1, inside + bounds)
        print(f"{threshold:14.1f} s  {inside / len(within):6.3f}  {bounds / len(between):7.3f}  {share:.2f}")


if __name__ == "__main__":
    main()
