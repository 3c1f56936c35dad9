"""Dialogues of which it is known who speaks when: clips of RAVDESS and CREMA-D speakers, one after the other.

Two to four speakers, turns of 2 to 8 s, pauses of .1 to .7 s between them. Emotions change from clip to clip, as it
comes, which is harder than a conversation: nobody changes his voice so much from sentence to sentence. The speakers are
in two halves: `TUNED` were looked at when the constants of `extractors.speech` were chosen, `KEPT` were not.
"""

from __future__ import annotations

import csv
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from benchmarks.diarization_error import Turn
from numpy.typing import NDArray

from mtmm_video.extractors.sample_rate import SAMPLE_RATE
from mtmm_video.extractors.speech.voice_activity import MARGIN, detect_speech

TUNED = (*(f"R{number:02d}" for number in range(1, 13)), "1001")
KEPT = (*(f"R{number:02d}" for number in range(13, 25)), "1002")
LEVEL = 10 ** (-23 / 20)  # RMS to which clips are brought
PEAK = 0.99


@dataclass(frozen=True)
class Dialogue:
    """A waveform at 16 kHz, and its turns."""

    waveform: NDArray[np.float32]
    turns: tuple[Turn, ...]


@cache
def clips(shared: Path) -> dict[str, tuple[Path, ...]]:
    """Return the clips of every speaker."""
    found: dict[str, list[Path]] = {}
    folder = shared / "data" / "ravdess"
    with (folder / "index.csv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            found.setdefault(row["speaker"], []).append(folder / row["path"])
    for path in sorted((shared / "clips" / "emotion").glob("crema_*")):
        found.setdefault(path.name.split("_")[1], []).append(path)
    return {speaker: tuple(paths) for speaker, paths in found.items()}


@cache
def speech_of(path: Path) -> NDArray[np.float32]:
    """Return a clip without the silence around it, at `LEVEL`."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-i", str(path), "-ac", "1"]
    command += ["-ar", str(SAMPLE_RATE), "-f", "f32le", "-"]
    waveform = np.frombuffer(subprocess.run(command, capture_output=True, check=True).stdout, dtype="<f4")
    speech = detect_speech(waveform, sample_rate=SAMPLE_RATE)
    if not len(speech):
        return np.zeros(0, np.float32)
    first, last = speech[0, 0] + MARGIN, speech[-1, 1] - MARGIN
    piece = waveform[round(first * SAMPLE_RATE) : round(last * SAMPLE_RATE)]
    gain = LEVEL / max(float(np.sqrt(np.square(piece).mean())), 1e-6)
    return np.asarray(piece * min(gain, PEAK / float(np.abs(piece).max())), dtype=np.float32)


def compose(shared: Path, *, seed: int, speakers: tuple[str, ...], count: int | None = None) -> Dialogue:
    """Compose a dialogue.

    Parameters
    ----------
    shared : Path
        Folder with ``data/ravdess`` and ``clips/emotion``.
    seed : int
        Decides everything that is left to chance.
    speakers : tuple of str
        To draw from.
    count : int, optional
        How many speak; two to four where not given.
    """
    random = np.random.default_rng(seed)
    count = count or int(random.integers(2, 5))
    cast = [str(name) for name in random.choice(speakers, count, replace=False)]
    turns = max(1, int(random.integers(4 * count, 6 * count + 1)))
    order: list[str] = []
    for _ in range(turns):
        choice = [name for name in cast if count == 1 or not order or name != order[-1]]
        weights = np.array([1.0 / (1 + order.count(name)) for name in choice])
        order.append(str(random.choice(choice, p=weights / weights.sum())))
    decks: dict[str, list[Path]] = {name: [] for name in cast}
    tape: list[NDArray[np.float32]] = [_silence(random.uniform(0.2, 1.0))]
    position = len(tape[0])
    truth: list[Turn] = []
    for name in order:
        wanted, start = random.uniform(2.0, 8.0) * SAMPLE_RATE, position
        while position - start < wanted - 0.8 * SAMPLE_RATE:
            if not decks[name]:
                paths = clips(shared)[name]
                decks[name] = [paths[place] for place in random.permutation(len(paths))]
            piece = speech_of(decks[name].pop())
            if position > start and position - start + len(piece) > wanted:
                break
            gap = _silence(random.uniform(0.05, 0.35) if position > start else 0.0)
            tape += [gap, piece]
            position += len(gap) + len(piece)
        truth.append((start / SAMPLE_RATE, position / SAMPLE_RATE, name))
        tape.append(_silence(random.uniform(0.1, 0.7)))
        position += len(tape[-1])
    return Dialogue(np.concatenate(tape), tuple(truth))


def _silence(seconds: float) -> NDArray[np.float32]:
    return np.zeros(round(seconds * SAMPLE_RATE), dtype=np.float32)
