"""Speed and memory of the sentence encoder as analyses use it, and of torch's.

    python benchmarks/encoder_speed.py --labels ../shared/data/mosei/labels [--torch]

Every 20th utterance of MOSEI's valid split (94 of 28 pieces on average), three times; with --torch by the reference.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import resource
import time
from pathlib import Path

from mtmm_video.extractors.text.ctranslate2_encoder import load_sentence_encoder
from mtmm_video.extractors.text.sentence_encoder import SentenceEncoder
from mtmm_video.foundation.cores import available_cores
from mtmm_video.pipeline.weights.ctranslate2_form import sentence_form
from mtmm_video.pipeline.weights.resolution import resolve

STEP = 20  # of the rows of the split
NAME = "mpnet-base-v2"


def main() -> None:
    """Print utterances a second, per second of wall-clock and of processor time, and the peak of memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--labels", type=Path, required=True)
    parser.add_argument("--torch", action="store_true")
    arguments = parser.parse_args()
    with gzip.open(arguments.labels / "valid.csv.gz", "rt", encoding="utf-8", newline="") as file:
        texts = [row["text"] for row in csv.DictReader(file)][::STEP]
    cores = available_cores()
    encoder = (
        SentenceEncoder.load(resolve(NAME))
        if arguments.torch
        else load_sentence_encoder(sentence_form(NAME), threads=cores)
    )
    for _ in range(3):
        wall, processor = time.perf_counter(), time.process_time()
        encoder.encode(texts)
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
        print(f"{cores} cores: {len(texts) / wall:.1f} utterances a second, {len(texts) / processor:.1f} a core's")
    print(f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")


if __name__ == "__main__":
    main()
