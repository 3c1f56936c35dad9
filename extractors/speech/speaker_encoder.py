"""Text-independent speaker embeddings of 192 dimensions.

The network is CAM++ with the weights that 3D-Speaker trained on 200,000 speakers of Mandarin and English (Apache-2.0):
a two-dimensional convolution over time and frequency, then 52 densely connected time-delay layers, each with a
context-aware mask from the mean of 2 s and of the whole segment; mean and standard deviation over time; 7 million
parameters. The forward pass is reimplemented here.

Source: H. Wang, S. Zheng, Y. Chen, L. Cheng and Q. Chen, "CAM++: A Fast and Efficient Network for Speaker Verification
Using Context-Aware Masking", INTERSPEECH 2023.
"""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.functional import avg_pool1d, relu

from mtmm_video.extractors.sample_rate import SAMPLE_RATE
from mtmm_video.foundation.errors import InputError, WeightsError

DIMENSIONS = 192
SHORTEST_PIECE = 0.2  # seconds; shorter segments are padded with silence to this length

BANDS = 80
WINDOW_SAMPLES, HOP_SAMPLES, FFT_SAMPLES = 400, 160, 512  # 25 ms and 10 ms
LOWEST_BAND, HIGHEST_BAND = 20.0, 8000.0  # Hz
PRE_EMPHASIS = 0.97
POVEY_POWER = 0.85  # exponent of the Hann window in Kaldi
PCM_SCALE = 32_768.0  # Kaldi's features are those of 16-bit integers
LOWEST_POWER = float(np.finfo(np.float32).eps)  # Kaldi's floor below the logarithm

HEAD_CHANNELS = 32
FIRST_CHANNELS, GROWTH, BOTTLENECK = 128, 32, 128
MASK_CHANNELS = 64
BLOCKS = ((12, 1), (24, 2), (16, 2))  # layers and dilation of the three dense blocks
CONTEXT_FRAMES = 100  # 2 s at the 20 ms of the dense layers


class _ResidualBlock(nn.Module):
    """Two convolutions over (frequency, time) with a shortcut; a `stride` of 2 halves the frequencies."""

    def __init__(self, stride: int) -> None:
        super().__init__()
        size = HEAD_CHANNELS
        self.conv1 = nn.Conv2d(size, size, 3, stride=(stride, 1), padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(size)
        self.conv2 = nn.Conv2d(size, size, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(size)
        self.shortcut = nn.Sequential()
        if stride > 1:
            self.shortcut = nn.Sequential(
                nn.Conv2d(size, size, 1, stride=(stride, 1), bias=False), nn.BatchNorm2d(size)
            )

    def forward(self, image: Tensor) -> Tensor:
        hidden = relu(self.bn1(self.conv1(image)))
        return relu(self.bn2(self.conv2(hidden)) + self.shortcut(image))


class _Head(nn.Module):
    """Two-dimensional convolutions over frequency and time, before the one-dimensional layers over time."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, HEAD_CHANNELS, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(HEAD_CHANNELS)
        self.layer1 = nn.Sequential(_ResidualBlock(2), _ResidualBlock(1))
        self.layer2 = nn.Sequential(_ResidualBlock(2), _ResidualBlock(1))
        self.conv2 = nn.Conv2d(HEAD_CHANNELS, HEAD_CHANNELS, 3, stride=(2, 1), padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(HEAD_CHANNELS)

    def forward(self, bands: Tensor) -> Tensor:
        hidden = relu(self.bn1(self.conv1(bands.unsqueeze(1))))  # (B, 32, 80, T)
        hidden = self.layer2(self.layer1(hidden))  # (B, 32, 20, T)
        return relu(self.bn2(self.conv2(hidden))).flatten(1, 2)  # (B, 320, T)


class _NormRelu(nn.Sequential):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.add_module("batchnorm", nn.BatchNorm1d(channels))
        self.add_module("relu", nn.ReLU())


class _MaskedConvolution(nn.Module):
    """A convolution with a channel mask from the mean of its input over 2 s and over the segment (section 2.2)."""

    def __init__(self, dilation: int) -> None:
        super().__init__()
        self.linear_local = nn.Conv1d(BOTTLENECK, GROWTH, 3, padding=dilation, dilation=dilation, bias=False)
        self.linear1 = nn.Conv1d(BOTTLENECK, MASK_CHANNELS, 1)
        self.linear2 = nn.Conv1d(MASK_CHANNELS, GROWTH, 1)

    def forward(self, hidden: Tensor) -> Tensor:
        around = avg_pool1d(hidden, CONTEXT_FRAMES, CONTEXT_FRAMES, ceil_mode=True)  # (B, 128, T / 100)
        mask = torch.sigmoid(self.linear2(relu(self.linear1(around + hidden.mean(-1, keepdim=True)))))
        frames = hidden.shape[-1]
        masked: Tensor = self.linear_local(hidden) * mask.repeat_interleave(CONTEXT_FRAMES, -1)[..., :frames]
        return masked


class _DenseLayer(nn.Module):
    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.nonlinear1 = _NormRelu(channels)
        self.linear1 = nn.Conv1d(channels, BOTTLENECK, 1, bias=False)
        self.nonlinear2 = _NormRelu(BOTTLENECK)
        self.cam_layer = _MaskedConvolution(dilation)

    def forward(self, hidden: Tensor) -> Tensor:
        new = self.cam_layer(self.nonlinear2(self.linear1(self.nonlinear1(hidden))))
        return torch.cat([hidden, new], dim=1)


class _TimeDelay(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        height = HEAD_CHANNELS * BANDS // 8
        self.linear = nn.Conv1d(height, FIRST_CHANNELS, 5, stride=2, padding=2, bias=False)
        self.nonlinear = _NormRelu(FIRST_CHANNELS)

    def forward(self, hidden: Tensor) -> Tensor:
        return self.nonlinear(self.linear(hidden))  # type: ignore[no-any-return]


class _Transit(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.nonlinear = _NormRelu(channels)
        self.linear = nn.Conv1d(channels, channels // 2, 1, bias=False)

    def forward(self, hidden: Tensor) -> Tensor:
        return self.linear(self.nonlinear(hidden))  # type: ignore[no-any-return]


class _Statistics(nn.Module):
    """Mean and standard deviation over time."""

    def forward(self, hidden: Tensor) -> Tensor:
        return torch.cat([hidden.mean(-1), hidden.std(-1)], dim=1).unsqueeze(-1)  # (B, 1024, 1)


class _Dense(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.linear = nn.Conv1d(channels, DIMENSIONS, 1, bias=False)
        self.nonlinear = nn.Sequential()
        self.nonlinear.add_module("batchnorm", nn.BatchNorm1d(DIMENSIONS, affine=False))

    def forward(self, statistics: Tensor) -> Tensor:
        return self.nonlinear(self.linear(statistics)).squeeze(-1)  # type: ignore[no-any-return]


class SpeakerEncoder(nn.Module):
    """CAM++; module names are those of the published weights."""

    def __init__(self) -> None:
        super().__init__()
        self.head = _Head()
        self.xvector = nn.Sequential()
        self.xvector.add_module("tdnn", _TimeDelay())
        channels = FIRST_CHANNELS
        for number, (layers, dilation) in enumerate(BLOCKS, start=1):
            block = nn.Sequential()
            for layer in range(layers):
                block.add_module(f"tdnnd{layer + 1}", _DenseLayer(channels + layer * GROWTH, dilation))
            channels += layers * GROWTH
            self.xvector.add_module(f"block{number}", block)
            self.xvector.add_module(f"transit{number}", _Transit(channels))
            channels //= 2
        self.xvector.add_module("out_nonlinear", _NormRelu(channels))
        self.xvector.add_module("stats", _Statistics())
        self.xvector.add_module("dense", _Dense(2 * channels))

    def forward(self, bands: Tensor) -> Tensor:
        """Return embeddings, shape (batch, 192), of log mel bands, shape (batch, 80, frames)."""
        return self.xvector(self.head(bands))  # type: ignore[no-any-return]


@functools.cache
def _filter_bank() -> Tensor:
    """Return Kaldi's filters, triangular on the mel scale, shape (80, 257)."""
    import librosa  # noqa: PLC0415 (half a second; only diarisation needs it)

    # HTK's mel scale differs from Kaldi's by a factor of 1.00001, of which the triangles are independent.
    low, high = librosa.hz_to_mel(np.array([LOWEST_BAND, HIGHEST_BAND]), htk=True)
    edges = np.linspace(low, high, BANDS + 2)[:, None]
    bins = librosa.hz_to_mel(np.arange(FFT_SAMPLES // 2 + 1) * SAMPLE_RATE / FFT_SAMPLES, htk=True)
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    return torch.from_numpy(np.clip(np.minimum(rising, falling), 0.0, None)).float()


@functools.cache
def _povey_window() -> Tensor:
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW_SAMPLES) / (WINDOW_SAMPLES - 1))
    return torch.from_numpy(hann**POVEY_POWER).float()


def log_mel_bands(waveform: NDArray[np.floating]) -> Tensor:
    """Return the logarithm of 80 mel bands, shape (80, frames), as Kaldi computes them without dither.

    Parameters
    ----------
    waveform : ndarray, shape (samples,)
        Mono, in [-1, 1), 16 kHz, at least 25 ms.
    """
    samples = torch.from_numpy(np.asarray(waveform, dtype=np.float32) * np.float32(PCM_SCALE))
    frames = samples.unfold(0, WINDOW_SAMPLES, HOP_SAMPLES)  # (T, 400)
    frames = frames - frames.mean(dim=1, keepdim=True)
    frames = frames - PRE_EMPHASIS * torch.cat([frames[:, :1], frames[:, :-1]], dim=1)
    power = torch.fft.rfft(frames * _povey_window(), FFT_SAMPLES).abs().square()  # (T, 257)
    bands: Tensor = (power @ _filter_bank().T).clamp(min=LOWEST_POWER).log().T
    return bands


@functools.lru_cache(maxsize=1)
def _load(path: Path, _modified: int) -> SpeakerEncoder:
    network = SpeakerEncoder()
    try:
        network.load_state_dict(load_file(path))
    except (SafetensorError, RuntimeError) as error:
        raise WeightsError(
            f"{path}: is not a speaker encoder ({error}); run `mtmm-video weights fetch` again"
        ) from error
    return network.eval()


def embed_speaker(
    waveform: NDArray[np.floating], *, sample_rate: int, model: Path, pieces: NDArray[np.floating]
) -> NDArray[np.float32]:
    """Return an embedding of unit norm for each segment of a recording.

    Parameters
    ----------
    waveform : ndarray, shape (samples,)
        Mono, in [-1, 1).
    sample_rate : int
        Must be 16,000 Hz.
    model : Path
        Safetensors file with the state of `SpeakerEncoder`.
    pieces : ndarray, shape (n, 2)
        Start and end in seconds, with one speaker each.

    Returns
    -------
    ndarray of float32, shape (n, 192)
        Inner products of them are cosine similarities.

    Raises
    ------
    InputError
        If the waveform is not mono or has another sample rate.
    WeightsError
        If the model file is missing or damaged.
    """
    if sample_rate != SAMPLE_RATE or waveform.ndim != 1:
        raise InputError(
            f"waveform of shape {waveform.shape} at {sample_rate} Hz: the speaker encoder needs one channel, shape "
            f"(samples,), at {SAMPLE_RATE} Hz"
        )
    if not model.is_file():
        raise WeightsError(f"{model}: missing; run `mtmm-video weights fetch` to get the speaker encoder")
    network = _load(model.resolve(), model.stat().st_mtime_ns)
    embeddings = np.zeros((len(pieces), DIMENSIONS), dtype=np.float32)
    with torch.inference_mode():
        for index, (start, end) in enumerate(pieces):
            samples = waveform[round(float(start) * SAMPLE_RATE) : round(float(end) * SAMPLE_RATE)]
            short = round(SHORTEST_PIECE * SAMPLE_RATE) - len(samples)
            bands = log_mel_bands(np.pad(samples, (0, short)) if short > 0 else samples)
            bands = bands - bands.mean(dim=1, keepdim=True)
            embedding = network(bands.unsqueeze(0))[0]
            embeddings[index] = nn.functional.normalize(embedding, dim=0).numpy()
    return embeddings
