"""Frames per second of decoding, detection and features, and the memory they take, on a 640x360 video.

Usage: python benchmarks/visual_speed.py [--shared ../shared] [--repeat 4]

../shared/clips/edge/silent_expressive_face.mp4 (640x360, 472 frames, one face throughout) is read to its end at its own
rate, then `--repeat` times over with its times shifted, as if it were a longer video. Memory is the peak resident set
of the process after each.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from extractors.frame import Frame
from extractors.visual import track_faces
from pipeline.media import read_frames
from pipeline.weights import resolve


def repeated(video: Path, times: int) -> Iterator[Frame]:
    """Read a video several times in a row, the clock running on."""
    shift = 0.0
    for _ in range(times):
        last = 0.0
        for frame in read_frames(video, rate=None):
            last = frame.time
            yield Frame(frame.time + shift, frame.image)
        shift += last + 0.04


def main() -> None:
    """Print one line for the video once and one for it several times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--repeat", type=int, default=4)
    arguments = parser.parse_args()
    video = arguments.shared / "clips/edge/silent_expressive_face.mp4"
    landmarker = resolve("face-landmarker")
    track_faces(islice(repeated(video, 1), 5), landmarker=landmarker)  # loads MediaPipe, which takes seconds once
    for times in (1, arguments.repeat):
        start, cpu = time.perf_counter(), time.process_time()
        tracks = track_faces(repeated(video, times), landmarker=landmarker)
        seconds, spent = time.perf_counter() - start, time.process_time() - cpu
        frames = len(tracks.frame_times)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"{frames:5d} frames, {len(tracks.frame)} faces: {frames / seconds:5.1f} frames/s, "
            f"{1000 * spent / frames:4.1f} ms of CPU a frame, peak memory {peak:.0f} MiB"
        )


if __name__ == "__main__":
    main()
