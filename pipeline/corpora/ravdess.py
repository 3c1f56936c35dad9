"""Acted voices: RAVDESS as an utterance table, with data augmentation.

RAVDESS has two sentences recorded in one studio. Each training clip is therefore augmented by cropping, reverberation,
spectral tilt and noise, so that a model trained on the columns of `extractors.acoustic.whisper_states` depends on
neither the words nor the room.
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

from mtmm_video.extractors.acoustic.columns import COVAREP_NAMES, COVAREP_VERSION
from mtmm_video.extractors.acoustic.covarep import covarep
from mtmm_video.extractors.speech.voice_activity import detect_speech
from mtmm_video.model.features import ModalityFeatures, hstack
from mtmm_video.model.table import UtteranceTable
from mtmm_video.pipeline.corpora.faces import single_utterances, stream_mean
from mtmm_video.pipeline.corpora.mosei_labels import read_csv
from mtmm_video.pipeline.voice_features import voice_features

CALM = "calm"
LEVEL = 0.05  # root mean square of the loudest half of the frames; about -26 dBFS, typical of video platforms
LOUDEST_GAIN = 100.0  # 40 dB, which some RAVDESS clips need
VARIANTS = 4  # augmented variants of each training clip
OFTEN = 0.5  # probability of each augmentation
SPAN = (0.35, 0.75)  # range of the cropped length, as a share of the clip
TILT = 0.6  # largest coefficient of the first-order filter: 12 dB between the two ends of the spectrum
REVERBERATION = (0.1, 0.5)  # range of the reverberation time (60 dB decay) in seconds
DIRECT_SOUND = (3.0, 12.0)  # range of the amplitude of the direct sound relative to the start of the reverberation
SIGNAL_TO_NOISE = (8.0, 30.0)  # dB
COLOUR = 0.95  # largest coefficient of the noise's first-order low-pass: white to nearly brown noise


def level(waveform: NDArray[np.float64], *, sample_rate: int) -> NDArray[np.float64]:
    """Normalise the loudness: the loudest half of the 25 ms frames gets a fixed power."""
    size = sample_rate // 40
    frames = waveform[: len(waveform) // size * size].reshape(-1, size)
    powers = np.sort((frames**2).mean(axis=1))
    loud = float(np.sqrt(powers[len(powers) // 2 :].mean())) if len(powers) else 0.0
    gain = min(LEVEL / loud, LOUDEST_GAIN) if loud > 0 else 1.0
    return np.clip(waveform * gain, -1.0, 1.0)


def spoken_part(waveform: NDArray[np.float64], *, sample_rate: int) -> NDArray[np.float64]:
    """Trim the silence before and after the speech, as inference averages only frames within words.

    Speech is detected in a copy of normalised loudness, since some clips are very quiet; the result keeps its loudness,
    which depends on the acted emotion.
    """
    speech = detect_speech(level(waveform, sample_rate=sample_rate).astype(np.float32), sample_rate=sample_rate)
    if len(speech) == 0:
        return waveform
    return waveform[int(speech[0, 0] * sample_rate) : int(np.ceil(speech[-1, 1] * sample_rate))]


def vary(waveform: NDArray[np.float64], *, sample_rate: int, generator: np.random.Generator) -> NDArray[np.float64]:
    """Augment a clip: cropping, spectral tilt, reverberation and noise, each with probability .5.

    Parameters
    ----------
    waveform : ndarray, shape (n,)
    sample_rate : int
        Hz.
    generator : numpy Generator
        Random number generator.
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


def acted_features(
    waveform: NDArray[np.float64], *, sample_rate: int, model: Path, variants: int = 0, seed: int = 0
) -> ModalityFeatures:
    """Compute the acoustic features of an acted clip, trimmed to its speech, as one utterance.

    Parameters
    ----------
    waveform : ndarray, shape (n,)
        Samples in [-1, 1].
    sample_rate : int
        16,000 Hz.
    model : Path
        Weights of whisper base.
    variants : int
        Number of augmented variants (`vary`).
    seed : int
        Of the augmentation.

    Returns
    -------
    ModalityFeatures
        1 + variants rows, the original clip first: its COVAREP means in all rows, then the voice columns of the row.
    """
    speech = spoken_part(waveform, sample_rate=sample_rate)
    generator = np.random.default_rng(seed)
    clips = [speech, *(vary(speech, sample_rate=sample_rate, generator=generator) for _ in range(variants))]
    voice = vstack(
        [
            voice_features(clip, sample_rate=sample_rate, spans=[(0.0, len(clip) / sample_rate)], model=model)
            for clip in clips
        ]
    )
    values, valid = stream_mean(covarep(speech, sample_rate=sample_rate))
    rows = np.zeros(len(clips), np.int64)
    return hstack([ModalityFeatures(values[None][rows], valid[None][rows], COVAREP_NAMES, COVAREP_VERSION), voice])


def vstack(parts: Sequence[ModalityFeatures]) -> ModalityFeatures:
    """Concatenate the rows of features of the same columns."""
    return replace(
        parts[0],
        values=np.concatenate([part.values for part in parts]),
        valid=np.concatenate([part.valid for part in parts]),
    )


def file_features(path: Path, *, model: Path, variants: int, seed: int) -> ModalityFeatures:
    """Compute the features of an audio file; arguments as in `acted_features`."""
    waveform, rate = soundfile.read(path, dtype="float64")
    return acted_features(waveform, sample_rate=rate, model=model, variants=variants, seed=seed)


def ravdess_table(folder: Path, *, valid_speakers: Sequence[str], model: Path) -> UtteranceTable:
    """Compute the features of RAVDESS with the extractors of inference, on all cores.

    The clips labelled calm are omitted: MOSEI has no such label, and as neutral they would teach that a soft voice is
    not sad.

    Parameters
    ----------
    folder : Path
        With ``index.csv`` (path, speaker, emotion).
    valid_speakers : sequence of str
        Speakers of the valid split, without variants; the others are in train.
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
            pool.submit(file_features, folder / path, model=model, variants=count, seed=row)
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
        features=vstack(clips),
    )
