"""Speed of media decoding, and comparison of the waveform reader with PyAV's resampler.

    python benchmarks/media.py ../shared/data/mosei/video/*.mp4 ../shared/clips/edge/vfr_hevc_face_appears.mov
    python benchmarks/media.py --lost-packets

The first prints a Markdown table: processor seconds per file (all threads and the ffmpeg process, best of five) and, in
brackets, how many times faster than the file plays one core is. The second makes a recording of which every fifth
second is lost, and prints where four marks in it are found by each of the two ways to read it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray

from mtmm_video.extractors.sample_rate import SAMPLE_RATE
from mtmm_video.pipeline.media.reading import probe, read_frames, read_waveform

REPEATS = 5
ANALYSIS_RATE = 10.0  # pictures a second, about what `extractors.visual` looks at
CLOCK_TICK_S = 0.01  # resolution of processor times
MARK_PERIOD_S = 5  # a click at the middle of every fifth second of the test recording
MARKS = 4


def waveform_with_pyav(path: Path) -> NDArray[np.float32]:
    """Read the sound with PyAV alone: decode, resample, join."""
    blocks = []
    with av.open(str(path)) as container:
        resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
        for frame in container.decode(audio=0):
            blocks += [piece.to_ndarray()[0] for piece in resampler.resample(frame)]
        blocks += [piece.to_ndarray()[0] for piece in resampler.resample(None)]
    return np.concatenate(blocks)


def processor_seconds() -> float:
    """Return the processor time of this process and of its finished children."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def best_time(work: Callable[[], object]) -> float:
    """Return the least processor time of `REPEATS` runs, in seconds."""
    seconds = []
    for _ in range(REPEATS):
        start = processor_seconds()
        work()
        seconds.append(processor_seconds() - start)
    return max(min(seconds), CLOCK_TICK_S)


def count(path: Path, rate: float | None) -> int:
    """Decode a file's pictures one by one and count them."""
    return sum(1 for _ in read_frames(path, rate=rate))


def speed_table(paths: list[Path]) -> None:
    """Print processor seconds per file for probing, both waveform readers, and pictures."""
    print("| file | plays | probe | waveform | waveform, PyAV | pictures at 10 Hz | all pictures |")
    print("|---|---|---|---|---|---|---|")
    for path in paths:
        info = probe(path)
        cells = [f"{path.name} ({info.width}x{info.height})", f"{info.duration:.1f} s"]
        works: list[tuple[bool, Callable[[], object]]] = [
            (True, lambda path=path: probe(path)),
            (info.has_audio, lambda path=path: read_waveform(path)),
            (info.has_audio, lambda path=path: waveform_with_pyav(path)),
            (info.has_video, lambda path=path: count(path, ANALYSIS_RATE)),
            (info.has_video, lambda path=path: count(path, None)),
        ]
        for possible, work in works:
            seconds = best_time(work) if possible else None
            cells.append(f"{seconds:.2f} s ({info.duration / seconds:.0f}x)" if seconds else "")
        print("| " + " | ".join(cells) + " |")


def lost_packets() -> None:
    """Print where marks are found in a recording with gaps."""
    length = MARKS * MARK_PERIOD_S
    clicks = f"aevalsrc=0.9*sin(2*PI*1000*t)*between(mod(t\\,{MARK_PERIOD_S})\\,2.5\\,2.6):d={length}:s={SAMPLE_RATE}"
    with tempfile.TemporaryDirectory() as folder:
        whole, broken = Path(folder, "whole.mkv"), Path(folder, "broken.mkv")
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "lavfi", "-i", clicks, "-c:a", "aac"]
        subprocess.run([*command, str(whole)], check=True)
        with av.open(str(whole)) as source, av.open(str(broken), "w") as target:
            stream = target.add_stream_from_template(source.streams.audio[0])
            for packet in source.demux(source.streams.audio[0]):
                if packet.pts is not None and float(packet.pts * packet.time_base) % MARK_PERIOD_S >= 1.0:
                    packet.stream = stream
                    target.mux(packet)
        true = [MARK_PERIOD_S * i + 2.5 for i in range(MARKS)]
        print("true marks:    ", ", ".join(f"{t:7.3f}" for t in true), "s")
        for name, reader in (("read_waveform: ", read_waveform), ("PyAV alone:    ", waveform_with_pyav)):
            loud = np.flatnonzero(np.abs(reader(broken)) > 0.3) / SAMPLE_RATE
            starts = loud[np.flatnonzero(np.diff(loud, prepend=-1.0) > 0.5)]
            print(name, ", ".join(f"{t:7.3f}" for t in starts), "s")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--lost-packets", action="store_true")
    arguments = parser.parse_args()
    if arguments.lost_packets:
        lost_packets()
    if arguments.files:
        speed_table(arguments.files)
