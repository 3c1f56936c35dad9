"""What a graphics processor gains for recognition, voice columns and training, and how far the results differ.

    python benchmarks/graphics_processor.py --recording talk.mp4 [--voice whisper-base.safetensors]
        [--recogniser whisper-base.safetensors] [--form CTRANSLATE2_FOLDER] [--table mosi.safetensors]

Each part is run where its file is named, after a first run that loads the model, on both; without a graphics processor
only on the processor. A recording can also be a ``.npy`` of samples at 16 kHz, for machines without a decoder.
`--form` is the folder of a whisper of CTranslate2, in ``ctranslate2`` of the cache folder.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mtmm_video.extractors.acoustic.whisper_states import voice_states
from mtmm_video.extractors.sample_rate import SAMPLE_RATE
from mtmm_video.extractors.speech.ctranslate2_engine import CTranslate2Engine
from mtmm_video.extractors.speech.openai_engine import OpenAIEngine
from mtmm_video.extractors.speech.recognition import transcribe
from mtmm_video.extractors.speech.voice_activity import detect_speech
from mtmm_video.extractors.speech.windows import Engine
from mtmm_video.extractors.speech.words import Word
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


def openai_engine(weights: Path, device: str) -> Engine:
    """Load openai-whisper."""
    return OpenAIEngine.load(weights, device=device)


def ctranslate2_engine(form: Path, device: str) -> Engine:
    """Load CTranslate2, whose wheel wants CUDA libraries of the version it was built for."""
    return CTranslate2Engine.load(form, threads=torch.get_num_threads(), device=device)


def compare_recognition(waveform: NDArray[np.float32], engines: dict[str, Engine]) -> None:
    """Print seconds of recognition on each device, and how far the words differ."""
    speech = detect_speech(waveform, sample_rate=SAMPLE_RATE)
    words: dict[str, Sequence[Word]] = {}
    for device, engine in engines.items():

        def recognise(engine: Engine = engine) -> Any:
            return transcribe(waveform, sample_rate=SAMPLE_RATE, engine=engine, speech=speech)

        seconds, transcript = seconds_of(recognise)
        words[device] = transcript.words
        name = type(engine).__name__
        print(f"{name}, {len(waveform) / SAMPLE_RATE:.0f} s, on {device}: {seconds:.2f} s, {len(words[device])} words")
    known = [word.text for word in words[CPU]]
    for each in words.values():
        texts = [word.text for word in each]
        equal = [block for block in SequenceMatcher(None, known, texts).get_matching_blocks() if block.size]
        moved = [
            abs(words[CPU][block.a + n].start - each[block.b + n].start) for block in equal for n in range(block.size)
        ]
        print(
            f"the same words: {len(moved)} of {len(known)}; their starts differ by {np.median(moved):.2f} s in the "
            f"median and {max(moved):.2f} s at most"
        )


def main() -> None:
    """Print seconds on both, and how far the results differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recording", type=Path)
    parser.add_argument("--voice", type=Path, metavar="WEIGHTS")
    parser.add_argument("--recogniser", type=Path, metavar="WEIGHTS")
    parser.add_argument("--form", type=Path, metavar="FOLDER")
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
    for path, make in ((arguments.recogniser, openai_engine), (arguments.form, ctranslate2_engine)):
        if path is not None:
            compare_recognition(waveform, {device: make(path, device) for device in devices})
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
