"""What a graphics processor gains for voice columns, openai-whisper and training, and how far the results differ.

    python benchmarks/graphics_processor.py --recording talk.mp4 [--voice whisper-base.safetensors]
        [--recogniser whisper-base.safetensors] [--table mosi.safetensors]

Each part is run where its file is named, after a first run that loads the model, on both; without a graphics processor
only on the processor. A recording can also be a ``.npy`` of samples at 16 kHz, for machines without a decoder.
CTranslate2 and the CUDA libraries it was built for are another matter: this is torch alone.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mtmm_video.extractors.acoustic.whisper_states import voice_states
from mtmm_video.extractors.sample_rate import SAMPLE_RATE
from mtmm_video.extractors.speech.openai_engine import OpenAIEngine
from mtmm_video.extractors.speech.recognition import transcribe
from mtmm_video.extractors.speech.voice_activity import detect_speech
from mtmm_video.foundation.graphics import CPU, graphics_processor, torch_device
from mtmm_video.model.recipes import PAPER
from mtmm_video.model.table import UtteranceTable
from mtmm_video.model.training import fit_network

SPAN = 5.0  # seconds of an utterance
EPOCHS = 3


def seconds_of(run: Callable[[], Any]) -> tuple[float, Any]:
    """Run twice; return the wall-clock time of the second run and its result."""
    run()
    start = time.perf_counter()
    found = run()
    return time.perf_counter() - start, found


def main() -> None:
    """Print seconds on both, and how far the results differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recording", type=Path)
    parser.add_argument("--voice", type=Path, metavar="WEIGHTS")
    parser.add_argument("--recogniser", type=Path, metavar="WEIGHTS")
    parser.add_argument("--table", type=Path)
    arguments = parser.parse_args()
    devices = [CPU] if torch_device() == CPU else [CPU, torch_device()]
    processor = graphics_processor() or "no graphics processor"
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads; {processor}")
    waveform = np.zeros(0, np.float32)
    if arguments.recording is not None and arguments.recording.suffix == ".npy":
        waveform = np.load(arguments.recording, allow_pickle=False)
    elif arguments.recording is not None:
        from mtmm_video.pipeline.media.reading import read_waveform  # noqa: PLC0415 (needs a decoder)

        waveform = read_waveform(arguments.recording)
    duration = len(waveform) / SAMPLE_RATE
    if arguments.voice is not None:
        spans = [(start, min(start + SPAN, duration)) for start in np.arange(0.0, duration, SPAN).tolist()]
        states = {}
        for device in devices:

            def voice(device: str = device) -> Any:
                return voice_states(
                    waveform, sample_rate=SAMPLE_RATE, spans=spans, model=arguments.voice, device=device
                )

            seconds, (states[device], _) = seconds_of(voice)
            print(f"voice columns of {duration:.0f} s on {device}: {seconds:.2f} s")
        furthest = max(np.abs(values - states[CPU]).max() for values in states.values())
        print(f"largest difference {furthest:.1e}, standard deviation of the columns {states[CPU].std():.2f}")
    if arguments.recogniser is not None:
        speech = detect_speech(waveform, sample_rate=SAMPLE_RATE)
        words = {}
        for device in devices:
            engine = OpenAIEngine.load(arguments.recogniser, device=device)

            def recognise(engine: OpenAIEngine = engine) -> Any:
                return transcribe(waveform, sample_rate=SAMPLE_RATE, engine=engine, speech=speech)

            seconds, transcript = seconds_of(recognise)
            words[device] = transcript.words
            print(f"openai-whisper, {duration:.0f} s, on {device}: {seconds:.2f} s, {len(words[device])} words")
        texts = [" ".join(word.text for word in each) for each in words.values()]
        print("the same words" if len(set(texts)) == 1 else f"other words: {texts}")
        moved = [abs(a.start - b.start) for each in words.values() for a, b in zip(each, words[CPU], strict=False)]
        print(f"largest difference of word starts {max(moved):.2f} s")
    if arguments.table is not None:
        table = UtteranceTable.load(arguments.table)
        recipe = replace(PAPER, modalities=tuple(table.modalities), epochs=EPOCHS)
        for device in devices:

            def train(device: str = device) -> Any:
                return fit_network(table, recipe=recipe, device=torch.device(device))

            seconds, fitted = seconds_of(train)
            print(
                f"training on {len(table)} utterances, {', '.join(recipe.modalities)}, {EPOCHS} epochs on {device}: "
                f"{seconds:.2f} s, score {fitted.score:.4f}"
            )


if __name__ == "__main__":
    main()
