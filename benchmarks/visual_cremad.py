"""Eight visual columns on six acted emotions: clips of CREMA-D speaker 1001 with the same sentence.

Usage: python benchmarks/visual_cremad.py [--shared ../shared]

Means over each clip, on FACET's scale. No coefficient was fitted on these clips; docs/visual.md says what was
chosen after looking at them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from mtmm_video.extractors.visual.names import FACET_NAMES
from mtmm_video.extractors.visual.sampling import DEFAULT_SAMPLING_RATE
from mtmm_video.extractors.visual.speaker import choose_face
from mtmm_video.extractors.visual.tracking import track_faces
from mtmm_video.pipeline.media.reading import read_frames
from mtmm_video.pipeline.weights.resolution import resolve

EMOTIONS = ("ANG", "DIS", "FEA", "HAP", "NEU", "SAD")
COLUMNS = ("Anger", "Disgust", "Fear", "Joy", "Baseline", "Sadness", "AU4", "AU12")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    clips = parser.parse_args().shared / "clips/emotion"
    rows = {}
    for emotion in EMOTIONS:
        frames = read_frames(clips / f"crema_1001_DFA_{emotion}_XX.flv", rate=DEFAULT_SAMPLING_RATE)
        tracks = track_faces(frames, landmarker=resolve("face-landmarker"))
        means = choose_face(tracks, start=0.0, end=60.0).stream.values.mean(axis=0)
        rows[emotion] = {name: means[FACET_NAMES.index(name)] for name in COLUMNS}
    print(pd.DataFrame(rows).T.round(2).to_string())


if __name__ == "__main__":
    main()
