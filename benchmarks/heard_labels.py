"""How far labels depend on the recogniser: those of what whisper hears against those of what was said, words alone.

    python benchmarks/heard_labels.py --shared ../shared [--checkpoint plus]

The utterances are those of CMU-MOSEI's transcribed videos, with the corpus's own times, and the Kennedy and Obama
recordings; the heard words of an utterance are those between its times. Pink noise is added to see what more errors do.
"""

from __future__ import annotations

import argparse
import csv
import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from benchmarks.plus_text import plus_text
from benchmarks.speech import MOSEI, TITLE, TRUTH, best_edits, load_engine
from numpy.typing import NDArray

from mtmm_video.extractors.sample_rate import SAMPLE_RATE
from mtmm_video.extractors.speech.recognition import transcribe
from mtmm_video.extractors.speech.voice_activity import detect_speech
from mtmm_video.extractors.text.glove import tokenize
from mtmm_video.model.checkpoint import Checkpoint, load_checkpoint
from mtmm_video.model.checkpoint_file import resolve_checkpoint
from mtmm_video.model.features import VideoFeatures
from mtmm_video.model.prediction import predict
from mtmm_video.model.prediction_types import UtterancePrediction
from mtmm_video.pipeline.media.reading import read_waveform

LEVELS = (None, 20.0, 10.0, 5.0, 0.0)  # dB of the recording above the noise
VIDEOS = {**{video: split for video, split in MOSEI.items() if split}, "-6rXp3zJ3kc": "test"}
MARGIN = 0.3  # seconds by which the corpus's times may be late or early


@dataclass(frozen=True)
class Said:
    """One utterance: when, and the words."""

    start: float
    end: float
    text: str


def utterances(shared: Path) -> dict[Path, list[Said]]:
    """Return the utterances whose words are known, by recording."""
    found: dict[Path, list[Said]] = {
        shared / name: [Said(0.0, np.inf, TRUTH[name])] for name in ("clips/jfk.flac", "clips/obama_two_faces.mp4")
    }
    for video, split in VIDEOS.items():
        with gzip.open(shared / f"data/mosei/labels/{split}.csv.gz", "rt", encoding="utf-8", newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["video_id"] == video]
        found[shared / f"data/mosei/video/mosei_{video}.mp4"] = [
            Said(float(row["start"]), float(row["end"]), row["text"].removeprefix(TITLE)) for row in rows
        ]
    return found


def noisy(waveform: NDArray[np.float32], level: float | None) -> NDArray[np.float32]:
    """Add pink noise `level` dB below the recording's mean power."""
    if level is None:
        return waveform
    spectrum = np.fft.rfft(np.random.default_rng(0).normal(size=len(waveform)))
    spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), 1))
    noise = np.fft.irfft(spectrum, len(waveform))
    noise *= np.sqrt(np.mean(waveform**2) / np.mean(noise**2)) * 10 ** (-level / 20)
    return (waveform + noise).astype(np.float32)


def labelled(texts: list[str], checkpoint: Checkpoint) -> tuple[UtterancePrediction, ...]:
    """Label utterances of one recording by their words alone."""
    columns = plus_text(texts)
    return predict(checkpoint, VideoFeatures(video_id="known", modalities={"text": columns})).utterances


def main() -> None:
    """Print a row per level of noise."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--checkpoint", default="plus")
    arguments = parser.parse_args()
    checkpoint = load_checkpoint(resolve_checkpoint(arguments.checkpoint))
    engine = load_engine("whisper-base", "ctranslate2")
    truth = utterances(arguments.shared)
    print("| noise | words wrong | sentiment label changed | mean change of P(positive) | emotion labels changed |")
    print("|---|---|---|---|---|")
    for level in LEVELS:
        wrong = words = changed = flips = count = 0
        moved: list[float] = []
        for path, known in truth.items():
            waveform = noisy(read_waveform(path, sample_rate=SAMPLE_RATE), level)
            speech = detect_speech(waveform, sample_rate=SAMPLE_RATE)
            heard = transcribe(waveform, sample_rate=SAMPLE_RATE, engine=engine, speech=speech, language="en").words
            texts = []
            for said in known:
                middles = [(word, (word.start + word.end) / 2) for word in heard]
                inside = [word.text for word, at in middles if said.start - MARGIN <= at <= said.end + MARGIN]
                texts.append(" ".join(inside))
                spoken = list(tokenize(said.text))
                wrong += best_edits(spoken, list(tokenize(texts[-1])))
                words += len(spoken)
            pairs = zip(labelled([said.text for said in known], checkpoint), labelled(texts, checkpoint), strict=True)
            for right, found in pairs:
                count += 1
                changed += right.sentiment != found.sentiment
                moved.append(abs(right.sentiment_probabilities["positive"] - found.sentiment_probabilities["positive"]))
                flips += len(set(right.emotions) ^ set(found.emotions))
        name = "none" if level is None else f"{level:g} dB below"
        print(
            f"| {name} | {wrong} of {words} | {changed} of {count} | {np.mean(moved):.2f} | {flips} of {6 * count} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
