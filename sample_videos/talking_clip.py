"""A waveform and a held expression become a clip: the mouth follows the loudness; smile, brows and sway are held."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import soundfile
from numpy.typing import NDArray
from talking_face import Pose, TalkingFace

Waveform = NDArray[np.float64]

FRAME_RATE = 25  # frames per second
SEED = 20190602  # the first day of NAACL 2019


@dataclass(frozen=True)
class Expression:
    """What a face holds while it speaks, see `talking_face.Pose`."""

    smile: float
    brows: float


def poses(
    expression: Expression,
    waveform: Waveform,
    sample_rate: int,
    times: list[tuple[float, float]],
    *,
    frame_rate: int = FRAME_RATE,
    seed: int = SEED,
) -> Iterator[Pose]:
    """Yield the face of every frame.

    Parameters
    ----------
    expression : Expression
        Held, and stronger while speaking.
    waveform : ndarray, shape (n,)
        The speech that the mouth follows.
    sample_rate : int
        Hz.
    times : list of (start, end)
        Seconds in which something is said.
    frame_rate : int
        Frames per second.
    seed : int
        Of sway and blinks.
    """
    random = np.random.default_rng(seed)
    hop = sample_rate // frame_rate
    count = len(waveform) // hop
    frames = waveform[: count * hop].reshape(count, hop)
    loudness = np.sqrt((frames**2).mean(axis=1))
    opening = np.clip(loudness / np.percentile(loudness, 96), 0, 1) ** 0.8
    spectrum = np.abs(np.fft.rfft(frames * np.hanning(hop), axis=1))
    frequency = np.fft.rfftfreq(hop, 1 / sample_rate)
    centroid = (spectrum * frequency).sum(axis=1) / (spectrum.sum(axis=1) + 1e-9)  # Hz; low for "oo", high for "s"
    rounding = np.clip((900 - centroid) / 600, 0, 1) * opening
    opening *= np.clip((4000 - centroid) / 2000, 0.25, 1)  # a hiss keeps the teeth together
    clock = np.arange(count) / frame_rate
    speaking = np.zeros(count)
    for start, end in times:
        speaking[(clock >= start - 0.2) & (clock <= end + 0.1)] = 1
    speaking = _smooth(speaking, seconds=0.5, frame_rate=frame_rate)
    blinks = np.zeros(count)
    moment = 1.1
    while moment < clock[-1]:
        blinks = np.maximum(blinks, np.clip(1.6 - np.abs(clock - moment) / 0.055, 0, 1))
        moment += random.uniform(2.2, 4.2)
    sway = [_smooth(random.normal(size=count + 1), seconds=0.9, frame_rate=frame_rate)[:count] for _ in range(3)]
    yaw, pitch, roll = (curve / np.abs(curve).max() for curve in sway)
    stress = _smooth(opening, seconds=0.3, frame_rate=frame_rate)
    for i in range(count):
        yield Pose(
            mouth_open=0.85 * opening[i],
            mouth_round=0.6 * rounding[i],
            smile=expression.smile * (0.55 + 0.45 * speaking[i]),
            brows=expression.brows * (0.45 + 0.35 * speaking[i] + 0.4 * stress[i]),
            blink=float(blinks[i]),
            yaw=5.0 * yaw[i],
            pitch=3.0 * pitch[i] + 2.0 * stress[i],
            roll=2.0 * roll[i],
        )


def _smooth(curve: Waveform, *, seconds: float, frame_rate: int) -> Waveform:
    length = max(3, round(seconds * frame_rate) | 1)
    window = np.hanning(length + 2)[1:-1]
    return np.convolve(curve, window / window.sum(), mode="same")


def write_clip(
    target: Path,
    *,
    face: TalkingFace,
    expression: Expression,
    waveform: Waveform,
    sample_rate: int,
    times: list[tuple[float, float]],
    mouth: Waveform | None = None,
    frame_rate: int = FRAME_RATE,
    preset: str = "slow",
    seed: int = SEED,
) -> None:
    """Write H.264 and AAC, the same bytes for the same arguments.

    Parameters
    ----------
    target : Path
        The clip.
    face : TalkingFace
        Whose.
    expression, times, frame_rate, seed
        See `poses`.
    waveform : ndarray, shape (n,)
        What is heard.
    sample_rate : int
        Hz.
    mouth : ndarray, shape (n,), optional
        What the mouth follows, where that is not what is heard.
    preset : str
        Of the H.264 encoder.

    Raises
    ------
    OSError
        If ffmpeg fails.
    """
    with tempfile.TemporaryDirectory() as temporary:
        sound = Path(temporary) / "speech.wav"
        soundfile.write(sound, waveform, sample_rate)
        command = [
            *(imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error"),
            *("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{face.width}x{face.height}", "-r", str(frame_rate)),
            *("-i", "-", "-i", str(sound), "-c:v", "libx264", "-crf", "23", "-preset", preset, "-pix_fmt", "yuv420p"),
            *("-c:a", "aac", "-b:a", "96k", "-movflags", "+faststart", "-bitexact", "-map_metadata", "-1"),
            str(target),
        ]  # fmt: skip
        with subprocess.Popen(command, stdin=subprocess.PIPE) as encoder:
            assert encoder.stdin is not None
            spoken = waveform if mouth is None else mouth
            for pose in poses(expression, spoken, sample_rate, times, frame_rate=frame_rate, seed=seed):
                encoder.stdin.write(face.draw(pose).tobytes())
            encoder.stdin.close()
            if encoder.wait() != 0:
                raise OSError(f"{target}: ffmpeg failed")
