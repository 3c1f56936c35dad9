"""How well speakers are told apart, and what it costs.

    python -m benchmarks.speakers ../shared                      # tables: recordings, and 40 dialogues of kept speakers
    python -m benchmarks.speakers ../shared --half tuned         # the dialogues of the speakers that were tuned on
    python -m benchmarks.speakers ../shared --monologues         # one acting speaker at a time

Diarisation error with a collar of .25 s, overlap left out (`benchmarks/diarization_error.py`); the cost is processor
time over the length of the sound.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from benchmarks.dialogues import KEPT, TUNED, compose
from benchmarks.diarization_error import DiarizationError, Turn, diarization_error
from numpy.typing import NDArray

from mtmm_video.extractors.sample_rate import SAMPLE_RATE
from mtmm_video.extractors.speech.diarization import VoicePieces, cut_by_voice, group_pieces
from mtmm_video.extractors.speech.speaker_turns import Diarization
from mtmm_video.extractors.speech.voice_activity import detect_speech
from mtmm_video.pipeline.media.reading import read_waveform
from mtmm_video.pipeline.weights.resolution import resolve

FIRST_SEED = {"tuned": 1000, "kept": 2000}
RECORDINGS = {  # and how many people speak in them
    "cases/audio/sample.wav": 2,
    "cases/audio/katiesteve.wav": 2,
    "cases/audio/japanese35s_then_english.wav": 2,
    "clips/jfk.flac": 1,
    "clips/katie_hill.mp4": 1,
    "clips/obama_two_faces.mp4": 1,
    "clips/nasa_no_face_multi_stream.mp4": 1,
    "cases/faces/frozen_face.mp4": 1,
    "cases/faces/two_right_speaks.mp4": 1,
    "data/mosei/video/mosei_-3nNcZdcdvU.mp4": 1,
    "data/mosei/video/mosei_-571d8cVauQ.mp4": 1,
    "data/mosei/video/mosei_-6rXp3zJ3kc.mp4": 1,
    "data/mosei/video/mosei_-Eqdz5y4pEY.mp4": 1,
}


def cut(waveform: NDArray[np.float32]) -> tuple[VoicePieces, float]:
    """Return the pieces of a recording, and the processor seconds it took."""
    networks = resolve("speaker-networks")
    speech = detect_speech(waveform, sample_rate=SAMPLE_RATE)
    start = time.process_time()
    pieces = cut_by_voice(
        waveform,
        sample_rate=SAMPLE_RATE,
        activity_model=networks / "activity.safetensors",
        encoder_model=networks / "encoder.safetensors",
        speech=speech,
    )
    return pieces, time.process_time() - start


def turns_of(found: Diarization) -> tuple[Turn, ...]:
    """Return the turns as the error rate takes them."""
    return tuple((turn.start, turn.end, str(turn.speaker)) for turn in found.turns)


def read_rttm(path: Path) -> tuple[Turn, ...]:
    """Read the turns of an RTTM file."""
    lines = [line.split() for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("SPEAKER")]
    return tuple((float(line[3]), float(line[3]) + float(line[4]), line[7]) for line in lines)


def recordings(shared: Path) -> None:
    """Print how many speakers are found in each recording, and the error where the truth is known."""
    print("| recording | speakers | found | error | processor time / length |\n|---|---|---|---|---|", flush=True)
    for name, speakers in RECORDINGS.items():
        waveform = read_waveform(shared / name)
        pieces, seconds = cut(waveform)
        found = group_pieces(pieces)
        truth = (shared / name).with_suffix(".rttm")
        error = f"{diarization_error(read_rttm(truth), turns_of(found)).rate:.3f}" if truth.is_file() else ""
        count = len({turn.speaker for turn in found.turns})
        print(
            f"| {name} | {speakers} | {count} | {error} | {seconds / (len(waveform) / SAMPLE_RATE):.3f} |", flush=True
        )


def dialogues(shared: Path, *, half: str, count: int) -> None:
    """Print the error over composed dialogues, without and with the number of speakers."""
    cast = {"tuned": TUNED, "kept": KEPT}[half]
    errors: dict[str, list[DiarizationError]] = {"not given": [], "given": []}
    seconds = length = 0.0
    for seed in range(FIRST_SEED[half], FIRST_SEED[half] + count):
        dialogue = compose(shared, seed=seed, speakers=cast)
        pieces, spent = cut(dialogue.waveform)
        seconds, length = seconds + spent, length + len(dialogue.waveform) / SAMPLE_RATE
        for kind, speakers in (("not given", None), ("given", len({name for *_, name in dialogue.turns}))):
            found = group_pieces(pieces, speakers=speakers)
            errors[kind].append(diarization_error(dialogue.turns, turns_of(found)))
        last, told = errors["not given"][-1], errors["given"][-1]
        print(f"{seed}: {last.rate:.3f}, {last.speakers} speakers, {last.found} found; {told.rate:.3f}", flush=True)
    print(f"\n| {count} dialogues, {half} speakers | error | missed | invented | confused | number right |")
    print("|---|---|---|---|---|---|")
    for kind, found_errors in errors.items():
        spoken = sum(error.spoken for error in found_errors)
        parts = [sum(getattr(e, part) for e in found_errors) / spoken for part in ("missed", "invented", "confused")]
        right = np.mean([error.speakers == error.found for error in found_errors])
        cells = " | ".join(f"{100 * share:.1f} %" for share in (sum(parts), *parts, float(right)))
        print(f"| number {kind} | {cells} |")
    print(f"\nprocessor time / length: {seconds / length:.3f}")


def monologues(shared: Path) -> None:
    """Print how many speakers are found where one person acts emotion after emotion."""
    for seed, speaker in enumerate((*TUNED[:-1], *KEPT[:-1])):
        dialogue = compose(shared, seed=seed, speakers=(speaker,), count=1)
        found = group_pieces(cut(dialogue.waveform)[0])
        print(f"{speaker}: {len({turn.speaker for turn in found.turns})}", flush=True)


def main() -> None:
    """Read the command line and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared", type=Path)
    parser.add_argument("--half", choices=("kept", "tuned"), default="kept")
    parser.add_argument("--dialogues", type=int, default=40)
    parser.add_argument("--monologues", action="store_true")
    arguments = parser.parse_args()
    if arguments.monologues:
        monologues(arguments.shared)
        return
    recordings(arguments.shared)
    dialogues(arguments.shared, half=arguments.half, count=arguments.dialogues)


if __name__ == "__main__":
    main()
