"""How late a text may end: windows decoded again and words wrong, by how long after the sound whisper's times may lie.

Usage: python -m benchmarks.overrun [--shared ../shared] [--allowed 1 2]

Two videos of MOSEI begin at six places each, what was cut off follows after 1.5 s of silence, so that the same words
are cut into other windows; each also with noise 15 dB below the speech. Word errors as in `benchmarks/speech.py`.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.speech import best_edits, load_engine, mosei_truth
from numpy.typing import NDArray

from mtmm_video.extractors.sample_rate import SAMPLE_RATE
from mtmm_video.extractors.speech import ctranslate2_engine
from mtmm_video.extractors.speech.ctranslate2_engine import CTranslate2Engine
from mtmm_video.extractors.speech.recognition import transcribe
from mtmm_video.extractors.speech.voice_activity import detect_speech
from mtmm_video.extractors.speech.windows import Window
from mtmm_video.extractors.text.glove import tokenize
from mtmm_video.pipeline.media.reading import read_waveform

VIDEOS = {"-3nNcZdcdvU": "train", "-571d8cVauQ": "valid"}
BEGINNINGS = (0.0, 2.5, 5.0, 7.5, 10.0, 15.0)  # seconds
REPEATED, SILENCE = 3.0, 1.5  # seconds after the beginning that are heard twice, and before what was cut off
NOISE_DB, NOISE_SPAN = 15.0, 400  # below the speech; samples whose mean is taken from the noise: no drift


def recordings(waveform: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    """Yield a recording begun at several places, without and with noise."""
    for begin in BEGINNINGS:
        cut, repeated = round(begin * SAMPLE_RATE), round((begin + REPEATED) * SAMPLE_RATE)
        silence = np.zeros(round(SILENCE * SAMPLE_RATE), np.float32)
        turned = np.concatenate([waveform[cut:], silence, waveform[:repeated]]) if begin else waveform
        yield turned
        noise = np.random.default_rng(round(10 * begin)).standard_normal(len(turned)).cumsum()
        noise -= np.convolve(noise, np.full(NOISE_SPAN, 1 / NOISE_SPAN), "same")
        loudness = turned.std() * 10 ** (-NOISE_DB / 20)
        yield (turned + noise / noise.std() * loudness).astype(np.float32)


def count_windows(allowed: float) -> Counter[str]:
    """Allow texts to end so many seconds after the sound, and count the windows that are decoded once and again."""
    decode, generate = CTranslate2Engine._decode, CTranslate2Engine._generate
    counted: Counter[str] = Counter()
    first = True

    def decoding(*given: Any, **named: Any) -> Any:
        nonlocal first
        first = True
        return decode(*given, **named)

    def generating(engine: CTranslate2Engine, windows: Sequence[Window], *given: Any) -> Any:
        nonlocal first
        counted["once" if first else "again"] += len(windows)
        first = False
        return generate(engine, windows, *given)

    ctranslate2_engine.OVERRUN = allowed  # type: ignore[misc]
    CTranslate2Engine._decode, CTranslate2Engine._generate = decoding, generating  # type: ignore[method-assign]
    return counted


def main() -> None:
    """Print a row for each time that is allowed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--allowed", type=float, nargs="+", default=[1.0, 2.0], metavar="SECONDS")
    arguments = parser.parse_args()
    engine = load_engine("whisper-base", "ctranslate2")
    for allowed in arguments.allowed:
        counted = count_windows(allowed)
        wrong = said = 0
        for video, split in VIDEOS.items():
            texts = [list(tokenize(text)) for text in mosei_truth(arguments.shared, video, split)]
            waveform = read_waveform(arguments.shared / f"data/mosei/video/mosei_{video}.mp4")
            for recording in recordings(waveform):
                speech = detect_speech(recording, sample_rate=SAMPLE_RATE)
                words = transcribe(recording, sample_rate=SAMPLE_RATE, engine=engine, speech=speech).words
                heard = [token for word in words for token in tokenize(word.text)]
                wrong += sum(best_edits(text, heard) for text in texts)
                said += sum(map(len, texts))
        print(f"{allowed} s: {wrong} of {said} words wrong, {counted['again']} of {counted['once']} windows again")


if __name__ == "__main__":
    main()
