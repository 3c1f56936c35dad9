"""Prosodic features from whisper's encoder: the states of a lower layer, averaged per utterance.

A speech recogniser is trained to be invariant to speaker and room. Its lower layers still represent how the words are
spoken; the upper layers represent little but the words (layer-wise probes: Pasad et al., ASRU 2021, for wav2vec 2.0;
docs/plus.md for whisper and acted emotions). The states after the third of base's six layers are used. The network is
the one used for speech recognition, so no other weights are needed.
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
from whisper.audio import N_SAMPLES, log_mel_spectrogram
from whisper.model import AudioEncoder

from mtmm_video.extractors.acoustic.columns import VOICE_LAYERS, VOICE_NAMES
from mtmm_video.extractors.sample_rate import SAMPLE_RATE
from mtmm_video.extractors.speech.whisper_model import load_audio_encoder
from mtmm_video.foundation.errors import InputError, WeightsError
from mtmm_video.foundation.graphics import CPU
from mtmm_video.foundation.loading import cached_by_file

SHORTEST: Final = 0.1  # seconds; five of the encoder's 20 ms frames
PEAK: Final = 0.5  # of full scale; every utterance is normalised to it, so that the recording level has no effect


@cached_by_file
def _load_lower_layers(path: Path) -> AudioEncoder:
    return load_audio_encoder(path, layers=VOICE_LAYERS)


def voice_states(
    waveform: NDArray[np.floating],
    *,
    sample_rate: int,
    spans: Sequence[tuple[float, float]],
    model: Path,
    device: str = CPU,
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Compute the mean encoder state of each span.

    Each span is encoded by itself, without the zero padding used in speech recognition. A span longer than whisper's
    window of 30 s is encoded in equal parts.

    Parameters
    ----------
    waveform : ndarray, shape (n,)
        Samples in [-1, 1].
    sample_rate : int
        Must be 16,000 Hz.
    spans : sequence of (float, float), length u
        Start and end in seconds.
    model : Path
        Weights of whisper base, in the format of `extractors.speech.whisper_model.load_whisper`.
    device : str
        Where the encoder computes, as `torch.device` takes it.

    Returns
    -------
    values : ndarray of float32, shape (u, 512)
        Zero where `valid` is False.
    valid : ndarray of bool, shape (u,)
        False for spans shorter than 0.1 s and for digital silence.

    Raises
    ------
    InputError
        If the sample rate is not 16,000 Hz.
    WeightsError
        If the weights are missing, damaged, or those of another model.
    """
    if sample_rate != SAMPLE_RATE:
        raise InputError(f"sample_rate {sample_rate}: whisper needs {SAMPLE_RATE} Hz; resample the waveform first")
    encoder = _load_lower_layers(model).to(device)
    if encoder.positional_embedding.shape[1] != len(VOICE_NAMES):
        raise WeightsError(f"{model}: is not whisper base, which the voice columns are computed with")
    values = np.zeros((len(spans), len(VOICE_NAMES)), np.float32)
    valid = np.zeros(len(spans), np.bool_)
    for row, (start, end) in enumerate(spans):
        samples = waveform[max(round(start * SAMPLE_RATE), 0) : max(round(end * SAMPLE_RATE), 0)]
        peak = float(np.abs(samples).max()) if len(samples) else 0.0
        if len(samples) < SHORTEST * SAMPLE_RATE or peak == 0:
            continue
        parts = np.array_split(samples * (PEAK / peak), -(-len(samples) // N_SAMPLES))
        sounds = [torch.from_numpy(part.astype(np.float32)).to(device) for part in parts]
        states = torch.cat([layer_states(encoder, sound)[-1] for sound in sounds])
        values[row], valid[row] = states.mean(dim=0).cpu().numpy(), True
    return values, valid


@torch.inference_mode()
def layer_states(encoder: AudioEncoder, samples: Tensor, *, layers: int = VOICE_LAYERS) -> list[Tensor]:
    """Run the first layers of whisper's encoder.

    Parameters
    ----------
    encoder : AudioEncoder
        The encoder of a whisper model.
    samples : Tensor of float32, shape (n,)
        At most 30 s.
    layers : int
        Number of layers to run.

    Returns
    -------
    list of Tensor, length 1 + layers, each of shape (f, D)
        Input of the first layer, then the output of each layer; one row per 20 ms.
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
