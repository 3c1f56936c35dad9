"""Damaged and hostile media files: each is read or refused in one line, within a time and a memory limit.

    python benchmarks/hostile_media.py --count 1000
    python benchmarks/hostile_media.py --count 1000 --analyze

Short recordings in fourteen containers are truncated, overwritten, shortened, lengthened, and get extreme values in
their headers, all with a seeded generator. Without `--analyze` every file is probed, its completeness determined, its
waveform and all its frames decoded; with it, it goes through `mtmm_video.analyze` with the default options, a given
transcript and a store of its own, and must leave a report or one line. A process with a memory limit reads one file
after the other, and may use a limited processor time for each; a crash or a timeout costs that file and is counted.
Prints a Markdown table by container, and the memory of that process as the files go by.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import random
import resource
import select
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import imageio_ffmpeg

from mtmm_video.foundation.folders import cache_folder

PROCESSOR_LIMIT = 60  # seconds of processor time per file
WALL_LIMIT = 600.0  # seconds of wall-clock time per file: for one that waits for ever, also on a busy machine
FIRST_LIMIT = 1200.0  # of the first file of a process, which loads and compiles
MEMORY_LIMIT = 6 << 30  # bytes of address space of the process that reads; PyTorch alone reserves two thirds of it
CODECS = {
    "mp4": ["-c:v", "mpeg4", "-c:a", "aac", "-movflags", "+faststart"],
    "mov": ["-c:v", "libx264", "-c:a", "pcm_s16le"],
    "mkv": ["-c:v", "libx264", "-c:a", "flac"],
    "webm": ["-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libopus"],
    "avi": ["-c:v", "mjpeg", "-c:a", "mp3"],
    "flv": ["-c:v", "flv", "-c:a", "mp3", "-ar", "44100"],
    "ts": ["-c:v", "mpeg2video", "-c:a", "aac"],
    "mpg": ["-c:v", "mpeg1video", "-c:a", "mp2"],
    "3gp": ["-c:v", "mpeg4", "-c:a", "aac"],
    "ogg": ["-vn", "-c:a", "libvorbis"],
    "mp3": ["-vn"],
    "wav": ["-vn"],
    "flac": ["-vn"],
    "m4a": ["-vn", "-c:a", "aac"],
}
EXTREMES = (b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\x00\x00\x00\x00", b"\x80\x00\x00\x00")
HEADER_BYTES = 2048
TRANSCRIPT = json.dumps({"words": [{"word": "Wonderful", "start": 0.1, "end": 0.5}]})


def make_seeds(folder: Path) -> dict[str, bytes]:
    """Make a recording of one second in every container."""
    seeds = {}
    for suffix, codecs in CODECS.items():
        path = folder / f"seed.{suffix}"
        sources = ["-f", "lavfi", "-i", "testsrc=size=64x48:rate=25:duration=1"]
        sources += ["-f", "lavfi", "-i", "sine=frequency=300:sample_rate=16000:duration=1"]
        subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *sources, *codecs, str(path)], check=True)
        seeds[suffix] = path.read_bytes()
    return seeds


def mutate(content: bytes, generator: random.Random) -> bytes:
    """Return a damaged copy."""
    damaged = bytearray(content)
    kind = generator.choice(("truncate", "flip", "overwrite", "extreme", "extreme", "delete", "repeat"))
    place = generator.randrange(len(damaged))
    length = generator.choice((1, 4, 16, 64, 512))
    if kind == "truncate":
        return bytes(damaged[: max(place, 1)])
    if kind == "flip":
        for _ in range(generator.choice((1, 8, 64))):
            damaged[generator.randrange(len(damaged))] ^= 1 << generator.randrange(8)
    elif kind == "overwrite":
        damaged[place : place + length] = generator.randbytes(length)
    elif kind == "extreme":
        for _ in range(generator.choice((1, 2, 4))):
            place = generator.randrange(min(HEADER_BYTES, len(damaged)))
            damaged[place : place + 4] = generator.choice(EXTREMES)
    elif kind == "delete":
        del damaged[place : place + length]
    else:
        damaged[place:place] = damaged[place : place + length]
    return bytes(damaged)


def read_files(*, analysed: bool) -> None:
    """Read the files named on standard input and print the outcome of each: the part of the worker process."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    from mtmm_video.foundation.errors import MtmmError  # noqa: PLC0415 (after the limit)

    for line in sys.stdin:
        path = Path(line.strip())
        used = resource.getrusage(resource.RUSAGE_SELF)
        seconds = used.ru_utime + used.ru_stime
        resource.setrlimit(resource.RLIMIT_CPU, (int(seconds) + PROCESSOR_LIMIT, resource.RLIM_INFINITY))
        try:
            _analyse(path) if analysed else _decode(path)
            answer = ["read", _resident()]
        except MtmmError as error:
            answer = ["refused" if "\n" not in str(error) and str(path) in str(error) else "bad message", str(error)]
        except BaseException as error:
            answer = ["traceback", f"{type(error).__name__}: {error}"]
        print(json.dumps(answer), flush=True)


def _resident() -> str:
    """Return the memory of this process in MB."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    return str(int(line.split()[1]) // 1000)


def _decode(path: Path) -> None:
    from mtmm_video.pipeline.media.presence import find_presence  # noqa: PLC0415
    from mtmm_video.pipeline.media.reading import probe, read_frames, read_waveform  # noqa: PLC0415

    info = probe(path)
    find_presence(path, info)
    if info.has_audio:
        read_waveform(path)
    if info.has_video:
        for _ in read_frames(path, rate=None, longest_side=640):
            pass


def _analyse(path: Path) -> None:
    from mtmm_video import AnalyzeOptions, analyze  # noqa: PLC0415

    report = path.parent / "out" / f"{path.stem}.json"
    analyze(path, out=report.parent, options=AnalyzeOptions(transcript=path.with_suffix(".json"), formats=("json",)))
    report.unlink()


class Reader:
    """The worker process, started again after a crash."""

    def __init__(self, *, analysed: bool, cache: Path) -> None:
        self._environment = {**os.environ, "MTMM_CACHE_DIR": str(cache), "OMP_NUM_THREADS": "1"}
        self._command = [sys.executable, __file__, "--worker", *(["--analyze"] if analysed else [])]
        self._process: subprocess.Popen[str] | None = None

    def outcome(self, path: Path, *, limit: float = WALL_LIMIT) -> tuple[str, str]:
        """Return what became of a file, within a limit in seconds."""
        if self._process is None or self._process.poll() is not None:
            limit = FIRST_LIMIT
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                env=self._environment,
            )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(f"{path}\n")
        self._process.stdin.flush()
        if not select.select([self._process.stdout], [], [], limit)[0]:
            self._process.kill()
            self._process.wait()
            return "timeout", ""
        line = self._process.stdout.readline()
        if not line:
            code = self._process.wait()
            return "timeout" if code == -signal.SIGXCPU else "crash", f"exit code {code}"
        kind, message = json.loads(line)
        return kind, message

    def close(self) -> float:
        """End the process and return the processor time of all such processes, in seconds."""
        if self._process is not None:
            self._process.communicate()
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime


def main() -> None:
    """Make the files, have them read, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--analyze", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=60.0, help="stop after this time and say how many were read")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        read_files(analysed=arguments.analyze)
        return
    generator = random.Random(arguments.seed)  # noqa: S311 (not for secrets)
    found: collections.Counter[tuple[str, str]] = collections.Counter()
    slowest = 0.0
    memory: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder, "cache")
        cache.mkdir()
        (cache / "weights").symlink_to(cache_folder() / "weights")
        reader = Reader(analysed=arguments.analyze, cache=cache)
        seeds = make_seeds(Path(folder))
        Path(folder, "seed.json").write_text(TRANSCRIPT)
        print("intact:", reader.outcome(Path(folder, "seed.mp4"), limit=FIRST_LIMIT)[0], file=sys.stderr)
        end = time.monotonic() + 60.0 * arguments.minutes
        for number in range(arguments.count):
            suffix = list(seeds)[number % len(seeds)]
            path = Path(folder, f"{number}.{suffix}")
            path.write_bytes(mutate(seeds[suffix], generator))
            path.with_suffix(".json").write_text(TRANSCRIPT)
            start = time.monotonic()
            kind, message = reader.outcome(path)
            slowest = max(slowest, time.monotonic() - start)
            found[suffix, kind] += 1
            memory += [message] if kind == "read" else []
            if kind not in ("read", "refused"):
                print(f"{number}.{suffix}: {kind} {message}", file=sys.stderr, flush=True)
            path.unlink()
            if time.monotonic() > end:
                break
        seconds = reader.close()
    kinds = ("read", "refused", "bad message", "traceback", "crash", "timeout")
    print("| container |", " | ".join(kinds), "|\n|---|", "---|" * len(kinds))
    for suffix in CODECS:
        print(f"| {suffix} |", " | ".join(str(found[suffix, kind]) for kind in kinds), "|")
    totals = [sum(found[suffix, kind] for suffix in CODECS) for kind in kinds]
    print(f"| all {sum(totals)} |", " | ".join(map(str, totals)), "|")
    print(f"\nProcessor time: {seconds:.0f} s. Slowest file: {slowest:.1f} s.")
    print("Memory after each fifth of the files that were read, in MB:", end=" ")
    print(", ".join(memory[len(memory) * part // 5 - 1] for part in range(1, 6)))


if __name__ == "__main__":
    main()
