"""Videos that are written in a moment and analysed in a second."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np


def write_video(path: Path, *, seconds: float, pitch: float = 120.0) -> None:
    """Write a small video with a harmonic hum at `pitch` Hz."""
    rate, size = 10, 64  # frames per second, pixels
    with av.open(str(path), "w") as container:
        picture = container.add_stream("mpeg4", rate=rate)
        picture.width = picture.height = size
        picture.pix_fmt = "yuv420p"
        sound = container.add_stream("aac", rate=16_000, layout="mono")
        for index in range(round(seconds * rate)):
            image = np.full((size, size, 3), 100 + index % 50, np.uint8)
            container.mux(picture.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(picture.encode())
        times = np.arange(round(seconds * 16_000)) / 16_000
        wave = sum(np.sin(2 * np.pi * pitch * k * times) / k for k in range(1, 8)).astype(np.float32) * 0.2
        for start in range(0, len(wave), 1024):
            block = np.ascontiguousarray(wave[None, start : start + 1024])
            frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = 16_000, start, Fraction(1, 16_000)
            container.mux(sound.encode(frame))
        container.mux(sound.encode())
