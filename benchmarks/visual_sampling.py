"""Error of utterance means at reduced frame rates.

Usage: python benchmarks/visual_sampling.py [--shared ../shared]

Each MOSEI video is processed once at its own rate (15 or 30 frames per second). Its FACET columns are averaged over
intervals of the length of utterances, from all frames and from every k-th. Printed per rate: the correlation of the two
sets of means and the root mean square of their difference relative to the column's standard deviation over CMU-MOSEI,
both averaged over the 30 measured columns; and the time per second of video. MediaPipe tracks faces from frame to
frame, so each reduced rate is tracked separately, as in use.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtmm_video.extractors.stream import FeatureStream
from mtmm_video.extractors.visual.facet import facet_stream
from mtmm_video.extractors.visual.tracking import track_faces
from mtmm_video.pipeline.media.reading import read_frames
from mtmm_video.pipeline.weights.resolution import resolve

RATES = (2.0, 5.0, 10.0, 15.0)
INTERVAL_S = 4.0  # seconds; half of MOSEI's utterances are between 4 and 9 seconds long, and short ones lose most


def look(video: Path, rate: float | None) -> tuple[FeatureStream, float]:
    """Return FACET's columns of the main face and the processing time in seconds."""
    start = time.perf_counter()
    tracks = track_faces(read_frames(video, rate=rate), landmarker=resolve("face-landmarker"))
    main = int(np.bincount(tracks.track).argmax())
    return facet_stream(tracks, track=main), time.perf_counter() - start


def averages(stream: FeatureStream, intervals: NDArray[np.int64]) -> NDArray[np.float64]:
    """Means over the intervals, shape (intervals, 35), NaN where a interval holds no frame."""
    number = (stream.times // INTERVAL_S).astype(np.int64)
    return np.array(
        [stream.values[number == n].mean(axis=0) if (number == n).any() else np.full(35, np.nan) for n in intervals]
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    mosei = parser.parse_args().shared / "data/mosei"
    facet = pd.read_csv(mosei / "feature_names_mean_std.csv").query("stream == 'FACET42'")
    deviation = facet["std"].to_numpy()
    marks: dict[float, list[tuple[float, float, float]]] = {rate: [] for rate in RATES}
    for video in sorted((mosei / "video").glob("*.mp4")):
        full, seconds = look(video, None)
        length = full.times[-1]
        print(f"{video.stem}: {len(full.times) / length:.1f} faces per second of video, {seconds / length:.2f} s per s")
        intervals = np.arange(int(length // INTERVAL_S))
        truth = averages(full, intervals)
        for rate in RATES:
            stream, seconds = look(video, rate)
            guess = averages(stream, intervals)
            used = full.present
            known = ~np.isnan(guess).any(axis=1) & ~np.isnan(truth).any(axis=1)
            a, b = truth[known][:, used], guess[known][:, used]
            correlations = [np.corrcoef(a[:, column], b[:, column])[0, 1] for column in range(a.shape[1])]
            error = np.sqrt(((a - b) ** 2).mean(axis=0)) / deviation[used]
            marks[rate].append((float(np.nanmean(correlations)), float(error.mean()), seconds / length))
    table = pd.DataFrame({rate: np.mean(rows, axis=0) for rate, rows in marks.items()}).T
    table.columns = ["r with all frames", "error / deviation", "s per s of video"]
    table.index.name = "frames/s"
    print(table.round(3).to_string())


if __name__ == "__main__":
    main()
