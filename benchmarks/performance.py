"""An analysis against the bare speech recogniser: time, processor time and peak memory, ratios in one run.

    python benchmarks/performance.py ../shared/data/mosei/video/mosei_-571d8cVauQ.mp4 [--runs 3]

Each kind of run is a process of its own, imports and model loading included, in turn with the others, so that a busy
machine slows all of them alike: trust the ratios and the processor seconds. Nothing is reused. Measured are

* ``analysis``: `mtmm_video.analyze` with its defaults, all steps, reports and all;
* ``recognition``: voice activity and recognition alone, the part of it that the last one does;
* ``openai-whisper``: ``whisper.transcribe(word_timestamps=True)``, base, fp32, the whole sound.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mtmm_video.foundation.cores import available_cores
from mtmm_video.foundation.folders import cache_folder
from mtmm_video.pipeline.media.reading import probe

READ = "from mtmm_video.pipeline.media.reading import read_waveform as r; x = r(Path(sys.argv[1]), sample_rate=16000)"
KINDS = {
    "analysis": "import mtmm_video; mtmm_video.analyze(sys.argv[1], out=sys.argv[2])",
    "recognition": READ
    + """
from mtmm_video.extractors.speech.ctranslate2_engine import CTranslate2Engine
from mtmm_video.extractors.speech.recognition import transcribe
from mtmm_video.extractors.speech.voice_activity import detect_speech
from mtmm_video.foundation.cores import available_cores
from mtmm_video.pipeline.weights.ctranslate2_form import ctranslate2_form
engine = CTranslate2Engine.load(ctranslate2_form("whisper-base", device="cpu"), threads=available_cores())
transcribe(x, sample_rate=16000, engine=engine, speech=detect_speech(x, sample_rate=16000))
""",
    "openai-whisper": READ
    + """
from mtmm_video.extractors.speech.whisper_model import load_whisper
from mtmm_video.pipeline.weights.resolution import resolve
load_whisper(resolve("whisper-base")).transcribe(x, word_timestamps=True, fp16=False)
""",
}


def measure(kind: str, video: Path, *, weights: Path, forms: Path) -> tuple[float, float, float]:
    """Return seconds, processor seconds and peak memory in MB of one run with an empty store."""
    with tempfile.TemporaryDirectory() as folder:
        for name, place in (("weights", weights), ("ctranslate2", forms)):
            (Path(folder) / name).symlink_to(place)
        start = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-c", f"import sys; from pathlib import Path; {KINDS[kind]}", str(video), folder + "/out"],
            env={**os.environ, "MTMM_CACHE_DIR": folder},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
    if status:
        raise SystemExit(f"{kind}: exit status {status}")
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> None:
    """Print the table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", type=Path, nargs="+")
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    folders = {"weights": cache_folder() / "weights", "forms": cache_folder() / "ctranslate2"}
    print(f"{available_cores()} cores, load average {os.getloadavg()[0]:.1f}, medians of {arguments.runs}\n")
    print("| video | run | seconds | of real time | processor s per s | of openai-whisper's processor s | peak (MB) |")
    print("|---|---|---:|---:|---:|---:|---:|")
    for video in arguments.videos:
        duration = probe(video).duration
        rows: dict[str, list[tuple[float, float, float]]] = {kind: [] for kind in KINDS}
        for _ in range(arguments.runs):
            for kind in KINDS:
                rows[kind].append(measure(kind, video, **folders))
        medians = {
            kind: [statistics.median(column) for column in zip(*found, strict=True)] for kind, found in rows.items()
        }
        for kind, (seconds, used, peak) in medians.items():
            share = used / medians["openai-whisper"][1]
            print(
                f"| {video.stem} | {kind} | {seconds:.1f} | {seconds / duration:.2f} | {used / duration:.2f} "
                f"| {share:.2f} | {peak:.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
