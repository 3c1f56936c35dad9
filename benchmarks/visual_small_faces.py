"""How far the action units of a face drift as its picture gets smaller.

Usage: python benchmarks/visual_small_faces.py [--shared ../shared]

Four seconds of each clip, ten frames a second, are scaled down until the face (chin to hairline) has the given height,
and compared with the same frames as they are: the share of frames in which the face is found; Pearson's r of the units
over these frames; the difference of the means over two seconds in deviations of CMU-MOSEI, which is what utterances
are labelled from; and the same difference from two seconds to the next two, which is how much the face itself
changes.
"""

from __future__ import annotations

import argparse
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mtmm_video.extractors.frame import Frame
from mtmm_video.extractors.stream import FeatureStream
from mtmm_video.extractors.visual.calibration import action_unit_map
from mtmm_video.extractors.visual.facet import facet_stream
from mtmm_video.extractors.visual.names import ACTION_UNIT_NAMES, FACET_NAMES
from mtmm_video.extractors.visual.sampling import LONGEST_SIDE
from mtmm_video.extractors.visual.tracking import track_faces
from mtmm_video.pipeline.media.reading import read_frames
from mtmm_video.pipeline.weights.resolution import resolve

CLIPS = (
    "clips/katie_hill.mp4",
    "cases/short_demo.mp4",
    "data/mosei/video/mosei_-Eqdz5y4pEY.mp4",
)
RATE, FRAMES, SKIPPED = 10.0, 40, 20
HEIGHTS = (96, 64, 48, 32, 24)  # pixels
MEANS_S = 2.0
UNITS = [FACET_NAMES.index(name) for name in ACTION_UNIT_NAMES]


def measured(images: list[NDArray[np.uint8]], landmarker: Path) -> tuple[FeatureStream, float]:
    """Return the columns of the face that is seen longest, and its median height in pixels (0 without one)."""
    tracks = track_faces((Frame(index / RATE, image) for index, image in enumerate(images)), landmarker=landmarker)
    if not len(tracks.track):
        return facet_stream(tracks, track=-1), 0.0
    track = int(np.bincount(tracks.track).argmax())
    boxes = tracks.boxes[tracks.track == track]
    return facet_stream(tracks, track=track), float(np.median(boxes[:, 3] - boxes[:, 1]))


def means(stream: FeatureStream) -> NDArray[np.float64]:
    """Return the units' means over `MEANS_S`, shape (windows, 20)."""
    window = (stream.times // MEANS_S).astype(int)
    return np.array([stream.values[window == n][:, UNITS].mean(axis=0) for n in np.unique(window)])


def main() -> None:
    """Print a row per clip and height."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    shared = parser.parse_args().shared
    landmarker, deviation = resolve("face-landmarker"), action_unit_map().deviation
    print("| clip | pixels | found | r of frames | drift of means | largest | change by itself |")
    print("|---|---|---|---|---|---|---|")
    for name in CLIPS:
        frames = islice(read_frames(shared / name, rate=RATE, longest_side=LONGEST_SIDE), SKIPPED, SKIPPED + FRAMES)
        images = [frame.image for frame in frames]
        whole, height = measured(images, landmarker)
        own = float(np.abs(np.diff(means(whole) / deviation, axis=0)).mean())
        for wanted in (each for each in HEIGHTS if each < height):
            scale = wanted / height
            small = [cv2.resize(each, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) for each in images]
            stream, _ = measured([np.asarray(each, np.uint8) for each in small], landmarker)
            _, here, there = np.intersect1d(whole.times, stream.times, return_indices=True)
            row = f"| {Path(name).stem} | {wanted} of {height:.0f} | {len(here) / len(whole.times):.2f} |"
            if len(here) < len(whole.times) / 2:
                print(f"{row} | | | {own:.2f} |", flush=True)
                continue
            pairs = zip(whole.values[here][:, UNITS].T, stream.values[there][:, UNITS].T, strict=True)
            r = float(np.mean([np.corrcoef(first, second)[0, 1] for first, second in pairs]))
            drift = np.abs(means(stream) - means(whole)).mean(axis=0) / deviation
            worst = ACTION_UNIT_NAMES[int(drift.argmax())]
            print(f"{row} {r:.2f} | {drift.mean():.2f} | {worst} {drift.max():.2f} | {own:.2f} |", flush=True)


if __name__ == "__main__":
    main()
