"""Overhead of Prefect: `mtmm-video analyze` against the plain `mtmm_video.analyze`, each in a new process.

    python benchmarks/analyze_overhead.py sample_videos/good_stay.mp4

Both analyse the video with the same options and an empty store; the difference of their wall-clock times is the
overhead of the flow: start of a Prefect API, registration of runs, and terminal output. The first run on a machine also
creates the empty database that later runs copy; it is reported separately.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mtmm_video.foundation.folders import cache_folder

PLAIN = """
import sys
from pathlib import Path
from mtmm_video import AnalyzeOptions, analyze
analyze(sys.argv[1], out=sys.argv[2], options=AnalyzeOptions(
    transcript=Path(sys.argv[3]), visual="none", formats=("csv", "json"), reuse=False
))
"""


def timed(command: list[str], cache: Path) -> tuple[float, float]:
    """Return wall-clock and processor seconds of a command, with artefacts in `cache` and the user's weights."""
    environment = {**os.environ, "MTMM_CACHE_DIR": str(cache)}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Print the times of each run, the medians of both commands, and the overhead."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    plain_times: list[tuple[float, float]] = []
    flow_times: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        cache, out = Path(folder) / "cache", str(Path(folder) / "out")
        cache.mkdir()
        (cache / "weights").symlink_to(cache_folder() / "weights")
        transcript = Path(folder) / "words.srt"  # spares both the recogniser, which the flow does not change
        transcript.write_text("1\n00:00:00,500 --> 00:00:01,500\nHello there.\n", encoding="utf-8")
        plain = [sys.executable, "-c", PLAIN, str(arguments.video), out, str(transcript)]
        flow = [sys.executable, "-m", "mtmm_video.flows.cli", "analyze", str(arguments.video), "--out", out]
        flow += ["--transcript", str(transcript), "--visual", "none"]
        flow += ["--formats", "csv,json", "--no-cache"]
        for run in range(arguments.runs + 1):
            plain_times.append(timed(plain, cache))
            flow_times.append(timed(flow, cache))
            rows = zip(("plain", "flow"), (plain_times[-1], flow_times[-1]), strict=True)
            print(f"run {run}:", *(f"{name} {wall:.1f} s, processor {used:.1f} s;" for name, (wall, used) in rows))
    for name, times in (("plain", plain_times), ("flow", flow_times)):
        print(
            f"{name}: median {statistics.median(wall for wall, _ in times[1:]):.1f} s, "
            f"processor {statistics.median(used for _, used in times[1:]):.1f} s"
        )
    differences = [flow[0] - plain[0] for flow, plain in zip(flow_times, plain_times, strict=True)]
    print(f"overhead: median {statistics.median(differences[1:]):.1f} s; first run on a machine {differences[0]:.1f} s")
    print(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
