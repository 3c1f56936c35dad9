"""Overhead of the command line and of Prefect against the plain `mtmm_video.analyze`, each in a new process.

    python benchmarks/analyze_overhead.py sample_videos/good_stay.mp4

All analyse the video with the same options and no reuse: `mtmm_video.analyze`, `mtmm-video analyze`, and the latter
with ``--verbose``, which runs as a Prefect flow with an API of its own (its start, registration of runs). The first run
on a machine creates the empty database that later flows copy, and is reported separately. Last comes the command with
reuse, which finds every step in the store.
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
    transcript=Path(sys.argv[3]), visual="none", formats=("csv", "json"), cache=False
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
    times: dict[str, list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        cache, out = Path(folder) / "cache", str(Path(folder) / "out")
        cache.mkdir()
        (cache / "weights").symlink_to(cache_folder() / "weights")
        transcript = Path(folder) / "words.srt"  # spares all of them the recogniser
        transcript.write_text("1\n00:00:00,500 --> 00:00:01,500\nHello there.\n", encoding="utf-8")
        stored = [sys.executable, "-m", "mtmm_video.flows.cli", "analyze", str(arguments.video), "--out", out]
        stored += ["--transcript", str(transcript), "--visual", "none", "--formats", "csv,json"]
        commands = {
            "plain": [sys.executable, "-c", PLAIN, str(arguments.video), out, str(transcript)],
            "analyze": [*stored, "--no-cache"],
            "flow": [*stored, "--no-cache", "--verbose"],
            "stored": stored,
        }
        for run in range(arguments.runs + 1):
            for name, command in commands.items():
                times.setdefault(name, []).append(timed(command, cache))
            rows = [f"{name} {found[-1][0]:.1f} s, processor {found[-1][1]:.1f} s" for name, found in times.items()]
            print(f"run {run}{' (the first on a machine)' if run == 0 else ''}: {'; '.join(rows)}", flush=True)
    print("medians of the later runs: wall-clock and processor seconds, and what they exceed `plain` by")
    medians = {
        name: [statistics.median(run[unit] for run in runs[1:]) for unit in (0, 1)] for name, runs in times.items()
    }
    for name, (wall, used) in medians.items():
        beyond = wall - medians["plain"][0], used - medians["plain"][1]
        print(f"{name}: {wall:.1f} s, processor {used:.1f} s ({beyond[0]:+.1f} s, processor {beyond[1]:+.1f} s)")
    print(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
