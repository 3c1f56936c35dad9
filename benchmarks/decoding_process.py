"""What decoding in a process of its own would cost: the processor time beyond that of decoding in this one.

    python benchmarks/decoding_process.py ../shared/data/mosei/video/mosei_-3nNcZdcdvU.mp4

The sound and the sampled frames of a file are read in this process, and in a new one that sends them through a pipe.
Both are repeated in turn; the median counts. docs/performance.md has the processor time of whole analyses.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
from pathlib import Path

import numpy as np

from mtmm_video.extractors.visual.sampling import DEFAULT_SAMPLING_RATE, LONGEST_SIDE
from mtmm_video.pipeline.media.reading import read_frames, read_waveform

REPEATS = 3
BLOCK = 1 << 20  # bytes
CHILD = """
import sys
from pathlib import Path
from mtmm_video.pipeline.media.reading import read_frames, read_waveform
path, rate, side = Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
sys.stdout.buffer.write(read_waveform(path).tobytes())
for frame in read_frames(path, rate=rate, longest_side=side):
    sys.stdout.buffer.write(frame.image.tobytes())
"""


def processor_seconds() -> float:
    """Return the processor time of this process and of those that it waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def inside(path: Path) -> int:
    """Decode here; return the number of bytes."""
    frames = read_frames(path, rate=DEFAULT_SAMPLING_RATE, longest_side=LONGEST_SIDE)
    return read_waveform(path).nbytes + sum(frame.image.nbytes for frame in frames)


def outside(path: Path) -> int:
    """Decode in another process; return the number of bytes that came through the pipe."""
    command = [sys.executable, "-c", CHILD, str(path), str(DEFAULT_SAMPLING_RATE), str(LONGEST_SIDE)]
    count = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        while block := process.stdout.read(BLOCK):
            count += np.frombuffer(block, np.uint8).size
    return count


def main() -> None:
    """Measure both ways in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    print("| file | MB | decoded here (s) | in another process (s) | more (s) |\n|---|---|---|---|---|")
    for path in parser.parse_args().files:
        times: dict[str, list[float]] = {"inside": [], "outside": []}
        for _ in range(REPEATS):
            for way in (inside, outside):
                start = processor_seconds()
                size = way(path)
                times[way.__name__].append(processor_seconds() - start)
        here, there = (statistics.median(each) for each in times.values())
        print(f"| {path.name} | {size / 1e6:.0f} | {here:.2f} | {there:.2f} | {there - here:.2f} |", flush=True)


if __name__ == "__main__":
    main()
