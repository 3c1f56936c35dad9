"""Frames per second and memory of decoding, detection and feature computation, on a 640x360 video.

Usage: python benchmarks/visual_speed.py [--shared ../shared] [--frames 1200]

../shared/clips/edge/silent_expressive_face.mp4 (640x360, 472 frames, one face throughout) is read to its end at its own
rate. CPU milliseconds are the sum over all threads; on an idle machine the frame rate is at least 1000 divided by them.
Then `--frames` frames in memory are processed, and the resident set size of the process is printed at intervals: it
includes the results but not the memory of the decoder.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path

from mtmm_video.extractors.frame import Frame
from mtmm_video.extractors.visual.tracking import track_faces
from mtmm_video.pipeline.media.reading import read_frames
from mtmm_video.pipeline.weights.resolution import resolve

REPORTS = 4


def resident_mib() -> float:
    """Return the resident set of this process (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def repeated(pictures: list[Frame], count: int) -> Iterator[Frame]:
    """Yield the same frames repeatedly with increasing timestamps, and print the memory at intervals."""
    for index, picture in enumerate(islice(cycle(pictures), count)):
        if index % (count // REPORTS) == 0:
            print(f"{index:6d} frames: {resident_mib():.0f} MiB")
        yield Frame(index / 10, picture.image.copy())
    print(f"{count:6d} frames: {resident_mib():.0f} MiB")


def main() -> None:
    """Print the speed, then the memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--frames", type=int, default=1200)
    arguments = parser.parse_args()
    video = arguments.shared / "clips/edge/silent_expressive_face.mp4"
    landmarker = resolve("face-landmarker")
    pictures = list(islice(read_frames(video, rate=1.0), 10))
    track_faces(pictures, landmarker=landmarker)  # loads MediaPipe, which takes seconds once
    start, cpu = time.perf_counter(), time.process_time()
    tracks = track_faces(read_frames(video, rate=None), landmarker=landmarker)
    seconds, spent = time.perf_counter() - start, time.process_time() - cpu
    frames = len(tracks.frame_times)
    print(
        f"{frames} frames, {len(tracks.frame)} faces: {frames / seconds:.1f} frames/s, "
        f"{1000 * spent / frames:.1f} ms of CPU a frame"
    )
    track_faces(repeated(pictures, arguments.frames), landmarker=landmarker)


if __name__ == "__main__":
    main()
