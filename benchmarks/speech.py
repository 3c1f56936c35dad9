"""Speech recognition on the reference recordings: substitutions, insertions, deletions, time and memory.

Usage: nice -n 10 python benchmarks/speech.py [--shared ../shared] [--model whisper-base] [--engine NAME] [--show]

``--engine plain`` lets openai-whisper transcribe by itself, without voice activity, for comparison. The word error rate
is the least number of words to change, insert and leave out, over the number of words said (A. Morris et al., "From WER
and RIL to MER and WIL", INTERSPEECH 2004). Only the parts of the MOSEI videos that the corpus transcribes are counted.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import resource
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from mtmm_video.extractors.sample_rate import SAMPLE_RATE
from mtmm_video.extractors.speech.ctranslate2_engine import CTranslate2Engine
from mtmm_video.extractors.speech.openai_engine import OpenAIEngine
from mtmm_video.extractors.speech.recognition import transcribe
from mtmm_video.extractors.speech.voice_activity import detect_speech
from mtmm_video.extractors.speech.whisper_model import load_whisper
from mtmm_video.extractors.speech.windows import Engine
from mtmm_video.extractors.speech.words import Word
from mtmm_video.extractors.text.glove import tokenize
from mtmm_video.pipeline.media.reading import read_waveform
from mtmm_video.pipeline.segmentation import segment
from mtmm_video.pipeline.weights import resolution
from mtmm_video.pipeline.weights.ctranslate2_form import whisper_form

PLAIN = "plain"  # openai-whisper's own `transcribe`
TRUTH = {
    "clips/jfk.flac": "And so my fellow Americans ask not what your country can do for you, ask what you can do for "
    "your country.",
    "clips/obama_two_faces.mp4": "Today, after two years of negotiations, the United States, together with our "
    "international partners, has achieved some",
    "clips/edge/silent_audio.mp4": "",
    "clips/edge/vfr_hevc_face_appears.mov": "",
}
SENTENCE = {"DFA": "Don't forget a jacket"}  # CREMA-D
WITHOUT_TRUTH = ("clips/katie_hill.mp4", "clips/nasa_no_face_multi_stream.mp4")
TITLE = "Introduction Speaker: Dr. Erma Jean Sims, Sonoma State University "  # shown in -3nNcZdcdvU, not said
MOSEI = {"-3nNcZdcdvU": "train", "-571d8cVauQ": "valid", "-Eqdz5y4pEY": None}


def edits(said: Sequence[str], heard: Sequence[str]) -> int:
    """Return the Levenshtein distance between two sequences of words."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(said, 1):
        previous, row[0] = row[0], i
        for j, other in enumerate(heard, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (word != other))
    return row[-1]


def best_edits(said: Sequence[str], heard: Sequence[str]) -> int:
    """Return the distance to the part of `heard` that fits best: the corpus transcribes only part of a video."""
    row = [0] * (len(heard) + 1)
    for i, word in enumerate(said, 1):
        previous, row[0] = row[0], i
        for j, other in enumerate(heard, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (word != other))
    return min(row)


def recognise(path: Path, model: str, *, engine: str) -> tuple[Word, ...]:
    """Return the words of a recording, ours or those of whisper by itself."""
    waveform = read_waveform(path, sample_rate=SAMPLE_RATE)
    if engine == PLAIN:
        found = load_whisper(resolution.resolve(model)).transcribe(waveform, word_timestamps=True, fp16=False)
        entries = [word for part in found["segments"] for word in part["words"]]
        return tuple(
            Word(e["word"].strip(), float(e["start"]), float(e["end"]), float(e["probability"])) for e in entries
        )
    heard = detect_speech(waveform, sample_rate=SAMPLE_RATE)
    return transcribe(waveform, sample_rate=SAMPLE_RATE, engine=load_engine(model, engine), speech=heard).words


def load_engine(model: str, engine: str) -> Engine:
    """Read a model for an engine."""
    if engine == "openai-whisper":
        return OpenAIEngine.load(resolution.resolve(model))
    folder = whisper_form(model, device="cpu")
    return CTranslate2Engine.load(folder, threads=torch.get_num_threads())


def mosei_truth(shared: Path, video: str, split: str | None) -> list[str]:
    """Return the transcripts of a video's utterances in order."""
    if split is None:
        return []
    with gzip.open(shared / f"data/mosei/labels/{split}.csv.gz", "rt", encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["video_id"] == video]
    return [row["text"].removeprefix(TITLE) for row in sorted(rows, key=lambda row: int(row["order_by_text_start"]))]


def main() -> None:
    """Print one row per recording."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--model", default="whisper-base")
    parser.add_argument("--engine", default="ctranslate2", choices=("ctranslate2", "openai-whisper", PLAIN))
    parser.add_argument("--show", action="store_true", help="print the utterances as well")
    options = parser.parse_args()
    shared: Path = options.shared
    if options.engine != PLAIN:
        load_engine(options.model, options.engine)
    truths: dict[str, list[str]] = {name: [text] for name, text in TRUTH.items()}
    for clip in sorted((shared / "clips/emotion").glob("crema_*")):
        truths[str(clip.relative_to(shared))] = [SENTENCE[clip.name.split("_")[2]]]
    for video, split in MOSEI.items():
        truths[f"data/mosei/video/mosei_{video}.mp4"] = mosei_truth(shared, video, split)
    truths |= {name: [] for name in WITHOUT_TRUTH}
    print(f"{options.model}, {options.engine}, torch with {torch.get_num_threads()} threads")
    print("recording                                 seconds  CPU s  words said  wrong  low-confidence")
    said_total = wrong_total = 0
    for name, texts in truths.items():
        clock, cpu = time.perf_counter(), time.process_time()
        words = recognise(shared / name, options.model, engine=options.engine)
        cpu = time.process_time() - cpu
        seconds = len(read_waveform(shared / name, sample_rate=SAMPLE_RATE)) / SAMPLE_RATE
        heard = [token for word in words for token in tokenize(word.text)]
        said = [list(tokenize(text)) for text in texts]
        count = sum(map(len, said))
        partial = "mosei" in name
        wrong = sum(best_edits(text, heard) if partial else edits(text, heard) for text in said)
        said_total, wrong_total = said_total + count, wrong_total + wrong
        unsure = sum(1 for word in words if (word.probability or 0) < 0.5)
        figures = f"{count:10d}  {wrong:5d}" if texts else f"{'-':>10s}  {'-':>5s}"
        print(f"{name:41s} {seconds:7.1f} {cpu:6.1f}  {figures}  {unsure:6d} of {len(words)}", flush=True)
        if options.show:
            print(f"    ({time.perf_counter() - clock:.1f} s by the clock)")
            for each in segment(words):
                print(f"    {each.start:6.2f} - {each.end:6.2f}  {each.text}")
    print(f"word error rate: {wrong_total} of {said_total} = {wrong_total / said_total:.3f}")
    print(f"peak memory of the process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
