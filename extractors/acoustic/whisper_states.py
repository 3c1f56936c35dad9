"""How something is said, as whisper's encoder hears it: one vector per utterance from a lower layer.

A recogniser that was trained to write down any voice in any room must hear past both. Its lower layers still hold how
the words were spoken; the upper ones keep little but the words (layer-wise probes: Pasad et al., ASRU 2021, for wav2vec
2.0; docs/plus.md for this one and acted emotions). So the states after the third of base's six layers are
averaged over the utterance. The network is the one that recognises the words: no other weights are needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from whisper.audio import N_SAMPLES, SAMPLE_RATE, log_mel_spectrogram
from whisper.model import AudioEncoder

from mtmm_video.extractors.speech.recognition import load_whisper
from mtmm_video.foundation.errors import InputError, WeightsError

WIDTH: Final = 512  # of whisper base
LAYERS: Final = 3  # of six; chosen on unseen speakers and an unseen sentence (benchmarks/voice_layers.py)
VOICE_NAMES: Final = tuple(f"voice_{index}" for index in range(WIDTH))
VOICE_VERSION: Final = f"whisper-base-layer-{LAYERS}/1"
SHORTEST: Final = 0.1  # seconds; four of the encoder's 20 ms frames
PEAK: Final = 0.5  # of full scale; every utterance is brought there, so that how far the microphone is says nothing


def voice_states(
    waveform: NDArray[np.floating], *, sample_rate: int, spans: Sequence[tuple[float, float]], model: Path
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return the mean state of the encoder in each span.

    Each span is heard alone, without the silence that whisper pads with when it recognises words. One that is longer
    than whisper's window of 30 s is heard in equal parts.

    Parameters
    ----------
    waveform : ndarray, shape (n,)
        Samples in [-1, 1].
    sample_rate : int
        Must be 16,000 Hz.
    spans : sequence of (float, float), length u
        Start and end in seconds.
    model : Path
        Weights of whisper base, as `extractors.speech.recognition.load_whisper` takes them.

    Returns
    -------
    values : ndarray of float32, shape (u, 512)
        Zero where nothing could be heard.
    valid : ndarray of bool, shape (u,)
        False for spans shorter than 0.1 s and for digital silence.

    Raises
    ------
    InputError
        If the sample rate is another.
    WeightsError
        If the weights are missing, damaged, or those of another model.
    """
    if sample_rate != SAMPLE_RATE:
        raise InputError(f"sample_rate {sample_rate}: whisper hears {SAMPLE_RATE} Hz; resample the waveform first")
    encoder = load_whisper(model).encoder
    if encoder.positional_embedding.shape[1] != WIDTH or len(encoder.blocks) < LAYERS:
        raise WeightsError(f"{model}: is not whisper base, whose encoder the voice columns come from")
    values = np.zeros((len(spans), WIDTH), np.float32)
    valid = np.zeros(len(spans), np.bool_)
    for row, (start, end) in enumerate(spans):
        samples = waveform[max(round(start * SAMPLE_RATE), 0) : max(round(end * SAMPLE_RATE), 0)]
        peak = float(np.abs(samples).max()) if len(samples) else 0.0
        if len(samples) < SHORTEST * SAMPLE_RATE or peak == 0:
            continue
        parts = np.array_split(samples * (PEAK / peak), -(-len(samples) // N_SAMPLES))
        states = torch.cat([layer_states(encoder, torch.from_numpy(part.astype(np.float32)))[-1] for part in parts])
        values[row], valid[row] = states.mean(dim=0).numpy(), True
    return values, valid


@torch.inference_mode()
def layer_states(encoder: AudioEncoder, samples: Tensor, *, layers: int = LAYERS) -> list[Tensor]:
    """Run whisper's encoder up to a layer.

    Parameters
    ----------
    encoder : AudioEncoder
        Of a whisper model.
    samples : Tensor of float32, shape (n,)
        At most 30 s.
    layers : int
        How many layers to run.

    Returns
    -------
    list of Tensor, length 1 + layers, each of shape (f, D)
        What goes into the first layer, then what comes out of each; one row per 20 ms.
    """
    mel = log_mel_spectrogram(samples, n_mels=encoder.conv1.in_channels)[None]  # (1, 80, 2 f)
    x = functional.gelu(encoder.conv1(mel))
    x = functional.gelu(encoder.conv2(x)).transpose(1, 2)  # (1, f, D)
    x = x + encoder.positional_embedding[: x.shape[1]]
    states = [x[0]]
    for block in encoder.blocks[:layers]:
        x = block(x)
        states.append(x[0])
    return states
