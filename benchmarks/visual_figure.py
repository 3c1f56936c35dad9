"""Draw one frame with the face's points, and FACET's columns beside it.

Usage: python benchmarks/visual_figure.py VIDEO [--time 2.0] [--out docs/visual_example.png]

The frame is the one nearest to the time in which a face was found; the columns are of that frame, in the deviations of
CMU-MOSEI (0 is the corpus's mean), so that evidences and action units share one axis.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd

from mtmm_video.extractors.visual.calibration import EXPRESSIONS
from mtmm_video.extractors.visual.facet import facet_stream
from mtmm_video.extractors.visual.landmarker import open_landmarker
from mtmm_video.extractors.visual.names import ACTION_UNIT_NAMES
from mtmm_video.extractors.visual.tracking import track_faces
from mtmm_video.pipeline.media.reading import read_frames
from mtmm_video.pipeline.weights.resolution import resolve

mpl.use("Agg")
import matplotlib.pyplot as plt

RATE = 10.0  # frames per second
MEANINGS = {
    "AU1": "inner brow raiser",
    "AU2": "outer brow raiser",
    "AU4": "brow lowerer",
    "AU5": "upper lid raiser",
    "AU6": "cheek raiser",
    "AU7": "lid tightener",
    "AU9": "nose wrinkler",
    "AU10": "upper lip raiser",
    "AU12": "lip corner puller",
    "AU14": "dimpler",
    "AU15": "lip corner depressor",
    "AU17": "chin raiser",
    "AU18": "lip pucker",
    "AU20": "lip stretcher",
    "AU23": "lip tightener",
    "AU24": "lip pressor",
    "AU25": "lips part",
    "AU26": "jaw drop",
    "AU28": "lip suck",
    "AU43": "eyes closed",
}


def main() -> None:
    """Write the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path)
    parser.add_argument("--time", type=float, default=2.0, help="seconds")
    parser.add_argument("--out", type=Path, default=Path("docs/visual_example.png"))
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    arguments = parser.parse_args()
    tracks = track_faces(read_frames(arguments.video, rate=RATE), landmarker=resolve("face-landmarker"))
    main_track = int(np.bincount(tracks.track).argmax())
    stream = facet_stream(tracks, track=main_track)
    row = int(np.abs(stream.times - arguments.time).argmin())
    frame = next(one for one in read_frames(arguments.video, rate=RATE) if one.time >= stream.times[row] - 1e-6)
    with open_landmarker(resolve("face-landmarker"), faces=1) as landmarker:
        points = landmarker.detect(frame)[0].points

    table = pd.read_csv(arguments.shared / "data/mosei/feature_names_mean_std.csv").query("stream == 'FACET42'")
    table = table.set_index("name")
    names = [*EXPRESSIONS, *ACTION_UNIT_NAMES]
    values = pd.Series(stream.values[row], index=list(stream.names))
    scores = ((values[names] - table.loc[names, "mean"]) / table.loc[names, "std"]).to_numpy(np.float64)
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 5.6), width_ratios=(1.0, 1.0), layout="constrained")
    low, high = points[:, :2].min(axis=0), points[:, :2].max(axis=0)
    margin = 0.35 * (high - low)
    left.imshow(frame.image)
    left.scatter(points[:, 0], points[:, 1], s=2.5, c="#16f05a", linewidths=0)
    left.set(xlim=(low[0] - margin[0], high[0] + margin[0]), ylim=(high[1] + margin[1], low[1] - margin[1]))
    left.set_title(
        f"{arguments.video.name}, {stream.times[row]:.1f} s\n"
        + ", ".join(f"{name} {values[name]:+.0f}°" for name in ("Pitch", "Yaw", "Roll")),
        fontsize=9,
    )
    left.axis("off")
    places = np.arange(len(names))
    right.barh(places, scores, color=["#c2410c"] * len(EXPRESSIONS) + ["#1d4ed8"] * len(ACTION_UNIT_NAMES))
    labels = [f"{name}  {MEANINGS.get(name, '')}".strip() for name in names]
    right.set_yticks(places, labels, fontsize=7)
    right.invert_yaxis()
    right.axvline(0, color="black", linewidth=0.6)
    right.set_xlabel("deviations of CMU-MOSEI from its mean", fontsize=8)
    right.tick_params(axis="x", labelsize=7)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(arguments.out, dpi=96)
    print(f"wrote {arguments.out}")


if __name__ == "__main__":
    main()
