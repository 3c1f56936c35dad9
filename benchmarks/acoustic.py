"""Speed and memory of COVAREP-74, stage by stage: ``python -m benchmarks.acoustic [--minutes 60]``.

Speech recordings from ../shared are repeated to the given length. Times are processor time of this process, on which
other load on the machine has a small effect; limit the libraries to one thread with ``OMP_NUM_THREADS=1``.
"""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from mtmm_video.extractors.sample_rate import SAMPLE_RATE

SHARED = Path(__file__).resolve().parents[2] / "shared"


def speech(seconds: float) -> NDArray[np.float32]:
    """Different speakers one after the other, repeated to the wanted length, shape (samples,)."""
    files = [
        *(SHARED / "data/covarep" / name for name in ("arctic_a0007.wav", "claire_anger.wav")),
        *sorted((SHARED / "data/ravdess").glob("*/03-01-0[1-8]-02-02-02-*.flac"))[::8],
    ]
    parts = [soundfile.read(path, dtype="float32")[0] for path in files]
    whole = np.concatenate([part / np.abs(part).max() * 0.5 for part in parts])
    samples = round(seconds * SAMPLE_RATE)
    return np.tile(whole, -(-samples // len(whole)))[:samples]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    minutes = parser.parse_args().minutes

    begin = time.process_time()
    from mtmm_video.extractors.acoustic.covarep import covarep  # noqa: PLC0415  (its import is part of the measurement)

    imported = time.process_time()
    covarep(speech(2.0), sample_rate=SAMPLE_RATE)
    first = time.process_time()
    waveform = speech(60 * minutes)
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    stages: list[tuple[str, float]] = []
    last = [time.process_time()]

    def on_stage(stage: str) -> None:
        now = time.process_time()
        stages.append((stage, now - last[0]))
        last[0] = now

    start = time.process_time()
    stream = covarep(waveform, sample_rate=SAMPLE_RATE, on_stage=on_stage)
    total = time.process_time() - start
    seconds = len(waveform) / SAMPLE_RATE

    print(f"{seconds:.0f} s of speech, {len(stream.times)} rows, voiced {stream.column('VUV')[5:-5].mean():.0%}\n")
    print(f"{'stage':32s} {'ms per s of audio':>18s} {'share':>7s}")
    for stage, spent in [*stages, ("masks and assembly", total - sum(spent for _, spent in stages))]:
        print(f"{stage:32s} {1000 * spent / seconds:18.2f} {spent / total:7.1%}")
    print(f"{'total':32s} {1000 * total / seconds:18.2f}   = {seconds / total:.1f} times faster than real time")
    print(f"\nimport {imported - begin:.2f} s; first call (tables, compiled code) {first - imported:.2f} s")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"peak memory {peak / 2**20:.2f} GiB, of which {base / 2**20:.2f} before the call (libraries, waveform)")


if __name__ == "__main__":
    main()
