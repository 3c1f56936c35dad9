"""Acted voices: RAVDESS as an utterance table, every clip as it is and as it would sound elsewhere.

RAVDESS has two sentences in one studio. Each training clip is therefore also measured in parts, with reverberation,
with a tilted spectrum and with noise, so that the columns of `extractors.acoustic.whisper_states` teach neither these
words nor that room.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray
from scipy.signal import fftconvolve, lfilter

from mtmm_video.extractors.acoustic import COVAREP_NAMES, COVAREP_VERSION, covarep
from mtmm_video.extractors.speech.voice_activity import detect_speech
from mtmm_video.model.features import ModalityFeatures, hstack
from mtmm_video.model.table import UtteranceTable
from mtmm_video.pipeline.corpora.faces import single_utterances, stream_mean
from mtmm_video.pipeline.corpora.mosei_labels import read_csv
from mtmm_video.pipeline.voice_features import voice_features

CALM = "calm"
LEVEL = 0.05  # root mean square of the loudest half of the frames; about -26 dBFS, as speech on video platforms is
LOUDEST_GAIN = 100.0  # 40 dB: some RAVDESS clips lie that far down
VARIANTS = 4  # of each training clip, beside the clip itself
OFTEN = 0.5  # probability of each change
SPAN = (0.35, 0.75)  # share of the clip that a part of it has
TILT = 0.6  # largest coefficient of the first-order filter: 12 dB between the two ends of the spectrum
REVERBERATION = (0.1, 0.5)  # seconds until the room's echo has fallen by 60 dB
DIRECT_SOUND = (3.0, 12.0)  # amplitude of what comes straight from the mouth, the echo beginning with about 1
SIGNAL_TO_NOISE = (8.0, 30.0)  # dB
COLOUR = 0.95  # largest coefficient of the noise's first-order low-pass: from white to nearly brown


def level(waveform: NDArray[np.float64], *, sample_rate: int) -> NDArray[np.float64]:
    """Bring quiet and loud recordings to one loudness: the loudest half of the 25 ms frames gets the same power."""
    size = sample_rate // 40
    frames = waveform[: len(waveform) // size * size].reshape(-1, size)
    powers = np.sort((frames**2).mean(axis=1))
    loud = float(np.sqrt(powers[len(powers) // 2 :].mean())) if len(powers) else 0.0
    gain = min(LEVEL / loud, LOUDEST_GAIN) if loud > 0 else 1.0
    return np.clip(waveform * gain, -1.0, 1.0)


def spoken_part(waveform: NDArray[np.float64], *, sample_rate: int) -> NDArray[np.float64]:
    """Cut the silence before and after the speech: in use, only what lies within words is averaged.

    The speech is looked for in a levelled copy, since some clips are very quiet; what is returned keeps its loudness,
    which is part of how a speaker acts.
    """
    speech = detect_speech(level(waveform, sample_rate=sample_rate).astype(np.float32), sample_rate=sample_rate)
    if len(speech) == 0:
        return waveform
    return waveform[int(speech[0, 0] * sample_rate) : int(np.ceil(speech[-1, 1] * sample_rate))]


def vary(waveform: NDArray[np.float64], *, sample_rate: int, generator: np.random.Generator) -> NDArray[np.float64]:
    """Return a clip as it might sound elsewhere: a part of it, tilted, in a room, in noise, each with probability .5.

    Parameters
    ----------
    waveform : ndarray, shape (n,)
    sample_rate : int
        Hz.
    generator : numpy Generator
        Source of chance.
    """
    if generator.random() < OFTEN:
        length = int(len(waveform) * generator.uniform(*SPAN))
        start = int(generator.integers(0, len(waveform) - length + 1))
        waveform = waveform[start : start + length]
    if generator.random() < OFTEN:
        coefficient = generator.uniform(-TILT, TILT)
        waveform = lfilter([1.0, -coefficient], [1.0], waveform)
    if generator.random() < OFTEN:
        count = int(generator.uniform(*REVERBERATION) * sample_rate)
        echo = generator.standard_normal(count) * 10 ** (-3 * np.arange(count) / count)  # -60 dB at the end
        echo[0] = generator.uniform(*DIRECT_SOUND)
        waveform = fftconvolve(waveform, echo)[: len(waveform)]
    if generator.random() < OFTEN:
        noise = lfilter([1.0], [1.0, -generator.uniform(0, COLOUR)], generator.standard_normal(len(waveform)))
        power = np.mean(waveform**2) / 10 ** (generator.uniform(*SIGNAL_TO_NOISE) / 10)
        waveform = waveform + noise * np.sqrt(power / np.mean(noise**2))
    return waveform


def measure(
    waveform: NDArray[np.float64], *, sample_rate: int, model: Path, variants: int = 0, seed: int = 0
) -> ModalityFeatures:
    """Measure an acted clip, cut to its speech, as an utterance of its own.

    Parameters
    ----------
    waveform : ndarray, shape (n,)
        Samples in [-1, 1].
    sample_rate : int
        16,000 Hz.
    model : Path
        Weights of whisper base.
    variants : int
        How many variants to hear (`vary`).
    seed : int
        Of the variants.

    Returns
    -------
    ModalityFeatures
        1 + variants rows, the clip itself first: its COVAREP means in all of them, then what the voice columns are.
    """
    speech = spoken_part(waveform, sample_rate=sample_rate)
    generator = np.random.default_rng(seed)
    heard = [speech, *(vary(speech, sample_rate=sample_rate, generator=generator) for _ in range(variants))]
    voice = stacked(
        [
            voice_features(each, sample_rate=sample_rate, spans=[(0.0, len(each) / sample_rate)], model=model)
            for each in heard
        ]
    )
    values, valid = stream_mean(covarep(speech, sample_rate=sample_rate))
    rows = np.zeros(len(heard), np.int64)
    return hstack([ModalityFeatures(values[None][rows], valid[None][rows], COVAREP_NAMES, COVAREP_VERSION), voice])


def stacked(parts: Sequence[ModalityFeatures]) -> ModalityFeatures:
    """Put the rows of features of the same columns one below the other."""
    return replace(
        parts[0],
        values=np.concatenate([part.values for part in parts]),
        valid=np.concatenate([part.valid for part in parts]),
    )


def measure_file(path: Path, *, model: Path, variants: int, seed: int) -> ModalityFeatures:
    """Measure a recording as `measure` does."""
    waveform, rate = soundfile.read(path, dtype="float64")
    return measure(waveform, sample_rate=rate, model=model, variants=variants, seed=seed)


def ravdess_table(folder: Path, *, valid_speakers: Sequence[str], model: Path) -> UtteranceTable:
    """Measure RAVDESS with our own extractors, on all cores.

    Its calm clips are left out. MOSEI knows no calm, and called neutral they teach that a soft voice is not a sad one.

    Parameters
    ----------
    folder : Path
        With ``index.csv`` (path, speaker, emotion).
    valid_speakers : sequence of str
        Speakers that go into the valid split, without variants; the others go into train.
    model : Path
        Weights of whisper base.

    Returns
    -------
    UtteranceTable
        Acoustic only; corpora ``ravdess/EMOTION``; videos ``SPEAKER/CLIP``, and ``SPEAKER/CLIP#n`` for variants, which
        have the COVAREP means of the whole clip.

    Raises
    ------
    DataError
        If the index is missing or lacks a column.
    """
    index = read_csv(folder / "index.csv", columns=("path", "speaker", "emotion"))
    index = index[index["emotion"] != CALM]
    speakers, paths = [str(name) for name in index["speaker"]], [Path(path) for path in index["path"]]
    variants = [0 if speaker in valid_speakers else VARIANTS for speaker in speakers]
    with ProcessPoolExecutor(
        os.cpu_count(), mp_context=get_context("spawn"), initializer=torch.set_num_threads, initargs=(1,)
    ) as pool:
        tasks = [
            pool.submit(measure_file, folder / path, model=model, variants=count, seed=row)
            for row, path, count in zip(index.index, paths, variants, strict=True)
        ]
        clips = [task.result() for task in tasks]
    rows = [(row, number) for row, count in enumerate(variants) for number in range(1 + count)]
    emotions = [str(emotion) for emotion in index["emotion"]]
    return single_utterances(
        [f"{speakers[row]}/{paths[row].stem}" + (f"#{number}" if number else "") for row, number in rows],
        corpus="ravdess",
        emotions=[emotions[row] for row, _ in rows],
        splits=["train" if variants[row] else "valid" for row, _ in rows],
        modality="acoustic",
        features=stacked(clips),
    )
