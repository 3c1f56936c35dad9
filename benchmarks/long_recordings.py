"""Long recordings with many utterances: processor time and peak memory against length.

    python benchmarks/long_recordings.py ../shared/clips/jfk.flac --minutes 5 20 60
    python benchmarks/long_recordings.py ../shared/clips/jfk.flac --minutes 60 --model paper --silent

The recording of speech is repeated up to each length (`--silent`: once, then quiet noise), with a transcript of fifty
utterances a minute, so that no recogniser is needed. Each analysis is a process of its own with an empty store. Prints
a Markdown table: processor seconds and peak resident memory, the same of each further minute, and the processor
seconds of the steps that take longest.

    python benchmarks/long_recordings.py ../shared/clips/jfk.flac --minutes 20 60 180 --no-encoders

replaces the acoustic columns by noise and encodes each of the 97 different sentences once: these take most of the time,
and are linear in the length. So it measures all other steps.

    python benchmarks/long_recordings.py ../shared/data/mosei/video/mosei_-571d8cVauQ.mp4 --minutes 1 5 20 60 --whole

repeats a video without a change, and analyses it as people do: words recognised, speakers, faces, everything.

    python benchmarks/long_recordings.py --predict 9000

labels noise of so many utterances, and prints processor seconds and peak resident memory of that step alone.

    python benchmarks/long_recordings.py ../shared/clips/katie_hill.mp4 --large-picture 4

scales a video up to 3840 x 2160 pixels at 60 frames per second for that many seconds, and measures its analysis.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import soundfile
from numpy.typing import NDArray
from tree_memory import TreeMemory

from mtmm_video.extractors.sample_rate import SAMPLE_RATE
from mtmm_video.foundation.folders import cache_folder
from mtmm_video.pipeline.media.reading import read_waveform

UTTERANCES_A_MINUTE = 50
WORDS = 6  # in each utterance
QUIET = 1e-4  # standard deviation of the noise where nobody speaks
PAUSE = 0.1  # seconds between two utterances


def make_recording(path: Path, speech: Path, *, minutes: float, silent: bool) -> None:
    """Write the sound and, beside it, a transcript with the suffix ``.json``."""
    voice = read_waveform(speech)
    length = round(60 * minutes * SAMPLE_RATE)
    noise = QUIET * np.random.default_rng(0).standard_normal(length).astype(np.float32)
    times = len(voice) if silent else length
    noise[:times] += np.resize(voice, times)
    soundfile.write(path, noise, SAMPLE_RATE)
    period = 60 / UTTERANCES_A_MINUTE
    step = (period - PAUSE) / WORDS
    segments = []
    for number in range(round(minutes * UTTERANCES_A_MINUTE)):
        start = number * period
        words = [
            {"word": f"word{number % 97}", "start": start + place * step, "end": start + (place + 1) * step}
            for place in range(WORDS)
        ]
        text = " ".join(str(word["word"]) for word in words) + "."
        words[-1]["word"] = f"{words[-1]['word']}."
        segments.append({"start": start, "end": start + WORDS * step, "text": text, "words": words})
    path.with_suffix(".json").write_text(json.dumps({"segments": segments}))


def without_encoders() -> None:
    """Replace the two acoustic steps of the pipeline by noise of the same shape, and encode equal sentences once."""
    from mtmm_video.extractors.acoustic.columns import COVAREP_NAMES, COVAREP_VERSION  # noqa: PLC0415
    from mtmm_video.extractors.stream import FeatureStream  # noqa: PLC0415
    from mtmm_video.extractors.text.sentence_encoder import SentenceEmbeddings, SentenceEncoder  # noqa: PLC0415
    from mtmm_video.pipeline.steps import acoustic, voice  # noqa: PLC0415
    from mtmm_video.pipeline.voice_features import no_voice  # noqa: PLC0415

    random = np.random.default_rng(0)

    def covarep(waveform: NDArray[np.floating], *, sample_rate: int) -> FeatureStream:
        times = np.arange(0.005, len(waveform) / sample_rate, 0.01)
        values = random.standard_normal((len(times), len(COVAREP_NAMES)), dtype=np.float32)
        return FeatureStream(times, values, COVAREP_NAMES, np.ones(values.shape, dtype=bool), COVAREP_VERSION)

    encode_all = SentenceEncoder.encode

    def encode(encoder: SentenceEncoder, texts: Sequence[str]) -> SentenceEmbeddings:
        different, places = np.unique(list(texts), return_inverse=True)
        once = encode_all(encoder, different.tolist())
        return replace(once, values=once.values[places], valid=once.valid[places])

    SentenceEncoder.encode = encode  # type: ignore[method-assign]
    vars(acoustic)["covarep"] = covarep
    vars(voice)["voice_features"] = lambda _waveform, *, spans, **_: no_voice(len(spans))


def measure(path: Path, *, transcript: bool, model: str, encoders: bool) -> tuple[float, float, dict[str, float], int]:
    """Analyse in this process; return processor seconds, peak memory in MB, seconds of steps, number of utterances."""
    import mtmm_video  # noqa: PLC0415 (its imports belong to the measurement)

    if not encoders:
        without_encoders()

    options = mtmm_video.AnalyzeOptions(
        transcript=path.with_suffix(".json") if transcript else None,
        speakers="none" if transcript else "auto",
        model=model,
        formats=("csv", "html", "json"),
    )
    with TreeMemory(os.getpid()) as memory:
        analysis = mtmm_video.analyze(path, out=path.parent / "out", options=options)
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    steps = {step.name: step.seconds or 0.0 for step in analysis.provenance.steps}
    seconds = sum(each.ru_utime + each.ru_stime for each in used)
    return seconds, memory.peak, steps, len(analysis.utterances)


def measure_prediction(count: int, *, model: str) -> None:
    """Label noise of `count` utterances as an analysis does; print processor seconds and peak memory in MB."""
    from mtmm_video.model.checkpoint import load_checkpoint  # noqa: PLC0415 (its imports belong to the measurement)
    from mtmm_video.model.checkpoint_file import resolve_checkpoint  # noqa: PLC0415
    from mtmm_video.model.features import ModalityFeatures, VideoFeatures  # noqa: PLC0415
    from mtmm_video.model.prediction import predict  # noqa: PLC0415

    checkpoint = load_checkpoint(resolve_checkpoint(model))
    random = np.random.default_rng(0)
    modalities = {}
    for name, columns in checkpoint.specification.columns.items():
        values = random.standard_normal((count, len(columns.names)), dtype=np.float32)
        valid = np.ones(values.shape, dtype=bool)
        modalities[name] = ModalityFeatures(values, valid, columns.names, columns.version)
    predict(checkpoint, VideoFeatures("noise", modalities), whole_attention=False)
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(f"{count} utterances: {used.ru_utime + used.ru_stime:.0f} processor s, peak {used.ru_maxrss / 1000:.0f} MB")


def measured(path: Path, *, transcript: bool, model: str, encoders: bool) -> tuple[float, float, dict[str, float], int]:
    """Do the same in a process of its own, with an empty store."""
    cache = path.parent / "cache"
    cache.mkdir(exist_ok=True)
    for name in ("weights", "ctranslate2"):
        if not (cache / name).exists():
            (cache / name).symlink_to(cache_folder() / name)
    command = [sys.executable, __file__, str(path), "--measure", "--model", model]
    command += ["--transcript"] if transcript else []
    command += [] if encoders else ["--no-encoders"]
    done = subprocess.run(
        command, env={**os.environ, "MTMM_CACHE_DIR": str(cache)}, stdout=subprocess.PIPE, check=True, text=True
    )
    seconds, memory, steps, utterances = json.loads(done.stdout.splitlines()[-1])
    return seconds, memory, steps, utterances


def main() -> None:
    """Make the recordings, measure, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recording", type=Path, nargs="?")
    parser.add_argument("--predict", type=int, metavar="UTTERANCES")
    parser.add_argument("--minutes", type=float, nargs="+", default=[])
    parser.add_argument("--whole", action="store_true", help="a video, without a transcript")
    parser.add_argument("--silent", action="store_true", help="speech at the beginning only")
    parser.add_argument("--model", default="plus")
    parser.add_argument("--no-encoders", dest="encoders", action="store_false", help="noise for the voice")
    parser.add_argument("--large-picture", type=float, metavar="SECONDS")
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--transcript", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.predict is not None:
        measure_prediction(arguments.predict, model=arguments.model)
        return
    if arguments.recording is None:
        parser.error("name a recording, or --predict UTTERANCES")
    if arguments.measure:
        found = measure(
            arguments.recording,
            transcript=arguments.transcript,
            model=arguments.model,
            encoders=arguments.encoders,
        )
        print(json.dumps(found))
        return
    print(
        "| recording | utterances | processor s | peak MB | s per further minute | MB per further minute | steps (s) |"
    )
    print("|---|---|---|---|---|---|---|")
    before: tuple[float, float, float] | None = None
    with tempfile.TemporaryDirectory() as folder:
        kinds: list[tuple[str, Path, float]] = []
        for minutes in arguments.minutes:
            suffix = "mp4" if arguments.whole else "wav"
            kinds.append((f"{minutes:g} min", Path(folder, f"{minutes:g}.{suffix}"), minutes))
        if arguments.large_picture is not None:
            kinds.append((f"3840 x 2160, 60 fps, {arguments.large_picture:g} s", Path(folder, "large.mp4"), 0.0))
        for name, path, minutes in kinds:
            if minutes and arguments.whole:
                command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-stream_loop", "-1"]
                command += ["-i", str(arguments.recording), "-t", str(60 * minutes), "-c", "copy", str(path)]
                subprocess.run(command, check=True)
            elif minutes:
                make_recording(path, arguments.recording, minutes=minutes, silent=arguments.silent)
            else:
                command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(arguments.recording)]
                command += ["-t", str(arguments.large_picture), "-vf", "scale=3840:2160,fps=60"]
                subprocess.run([*command, "-preset", "ultrafast", "-c:a", "copy", str(path)], check=True)
            seconds, memory, steps, utterances = measured(
                path,
                transcript=bool(minutes) and not arguments.whole,
                model=arguments.model,
                encoders=arguments.encoders,
            )
            slope = ("", "")
            if before is not None and minutes:
                more = minutes - before[0]
                slope = (f"{(seconds - before[1]) / more:.2f}", f"{(memory - before[2]) / more:.1f}")
            longest = sorted(steps.items(), key=lambda step: -step[1])[:3]
            text = ", ".join(f"{step} {time:.0f}" for step, time in longest)
            print(
                f"| {name} | {utterances} | {seconds:.0f} | {memory:.0f} | {slope[0]} | {slope[1]} | {text} |",
                flush=True,
            )
            before = (minutes, seconds, memory)
            path.unlink()


if __name__ == "__main__":
    main()
