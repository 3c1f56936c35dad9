"""Time and peak memory of every step of an analysis.

    python benchmarks/analyze.py ../shared/data/mosei/video/mosei_-571d8cVauQ.mp4

Runs the steps sequentially with an empty store, so that every step is computed and measured separately; an ordinary
analysis runs them in parallel (benchmarks/performance.py). Memory is the peak resident set size during the step (Linux:
VmHWM, reset before each step), including libraries and models loaded by earlier steps. On a machine with other load,
processor seconds are more reliable than wall-clock time.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from pathlib import Path

from mtmm_video.pipeline.job import Job
from mtmm_video.pipeline.options import AnalyzeOptions
from mtmm_video.pipeline.run import assemble, run_steps
from mtmm_video.pipeline.store.local import Store


class Meter:
    """A `pipeline.job.Hook` that notes time and peak memory per step."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, float, float, float]] = []
        self._start = (0.0, 0.0)

    def __call__(self, step: str, artefact: Path | None = None, *, share: float | None = None) -> None:
        """Note a step's beginning or end."""
        if share is not None:
            return
        if artefact is None:
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # resets VmHWM, see proc(5)
            self._start = (time.perf_counter(), processor_seconds())
        else:
            wall, used = self._start
            self.rows.append((step, time.perf_counter() - wall, processor_seconds() - used, _peak_mb()))


def processor_seconds() -> float:
    """Return the processor time of this process and its ended children, all threads."""
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def _peak_mb() -> float:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1000  # kB
    raise RuntimeError("no VmHWM in /proc/self/status")


def main() -> None:
    """Print the table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path)
    parser.add_argument("--asr", default="base")
    arguments = parser.parse_args()
    meter = Meter()
    start, processor = time.perf_counter(), processor_seconds()
    with tempfile.TemporaryDirectory() as folder:
        job = Job.prepare(arguments.video, options=AnalyzeOptions(asr=arguments.asr), store=Store(Path(folder)))
        analysis = assemble(job, run_steps(job, hook=meter, cores=1))
    wall, processor = time.perf_counter() - start, processor_seconds() - processor
    duration = analysis.source.duration
    load = os.getloadavg()[0]
    print(f"{arguments.video.name}: {duration:.1f} s, {len(analysis.utterances)} utterances, whisper {arguments.asr}")
    print(f"{os.cpu_count()} cores, load average {load:.1f}\n")
    print("| step | seconds | processor seconds | the same per second of video | peak memory (MB) |")
    print("|---|---:|---:|---:|---:|")
    rows = [*meter.rows, ("all", wall, processor, max(row[3] for row in meter.rows))]
    for step, seconds, used, peak in rows:
        print(f"| {step} | {seconds:.2f} | {used:.2f} | {used / duration:.3f} | {peak:.0f} |")


if __name__ == "__main__":
    main()
