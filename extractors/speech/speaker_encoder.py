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
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from torch.nn.functional import avg_pool1d, conv1d, conv2d, normalize, relu

from mtmm_video.extractors.sample_rate import SAMPLE_RATE
from mtmm_video.foundation.errors import InputError, WeightsError
from mtmm_video.foundation.loading import keeping_one

DIMENSIONS = 192
SHORTEST_PIECE = 0.2  # seconds; shorter segments are padded with silence to this length

BANDS = 80
WINDOW_SAMPLES, HOP_SAMPLES, FFT_SAMPLES = 400, 160, 512  # 25 ms and 10 ms
LOWEST_BAND, HIGHEST_BAND = 20.0, 8000.0  # Hz
PRE_EMPHASIS = 0.97
POVEY_POWER = 0.85  # exponent of the Hann window in Kaldi
PCM_SCALE = 32_768.0  # Kaldi's features are those of 16-bit integers
LOWEST_POWER = float(np.finfo(np.float32).eps)  # Kaldi's floor below the logarithm

NORM_EPSILON = 1e-5  # added to a variance
GROWTH = 32  # channels that a dense layer adds
BLOCKS = ((12, 1), (24, 2), (16, 2))  # layers and dilation of the three dense blocks
CONTEXT_FRAMES = 100  # 2 s at the 20 ms of the dense layers
_OUTER_LAYERS = (("conv1", "bn1"), ("conv2", "bn2"))  # of the head, before and after its residual blocks
_RESIDUAL_BLOCKS = (("layer1.0", 2), ("layer1.1", 1), ("layer2.0", 2), ("layer2.1", 1))  # name, stride over frequency
_Layer = tuple[Tensor, Tensor]  # what multiplies and what is added


class SpeakerEncoder:
    """CAM++, its normalisations folded into the layers beside them or into a scale and a shift; one segment at a time.

    Parameters
    ----------
    state : mapping of str to Tensor
        Under the names of the published weights.

    Raises
    ------
    KeyError
        If a tensor is missing.
    """

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        self._head = [_folded(state, f"head.{convolution}", f"head.{norm}") for convolution, norm in _OUTER_LAYERS]
        self._residual = [_ResidualBlock.of(state, f"head.{name}", stride=stride) for name, stride in _RESIDUAL_BLOCKS]
        self._delay = _folded(state, "xvector.tdnn.linear", "xvector.tdnn.nonlinear.batchnorm")
        self._blocks = [
            [_DenseLayer.of(state, f"xvector.block{block}.tdnnd{layer}", dilation) for layer in range(1, layers + 1)]
            for block, (layers, dilation) in enumerate(BLOCKS, start=1)
        ]
        self._transits = [
            (
                _scale_and_shift(state, f"xvector.transit{block}.nonlinear.batchnorm"),
                state[f"xvector.transit{block}.linear.weight"][:, :, 0],
            )
            for block in range(1, len(BLOCKS) + 1)
        ]
        self._last = _scale_and_shift(state, "xvector.out_nonlinear.batchnorm")
        self._dense = _folded(state, "xvector.dense.linear", "xvector.dense.nonlinear.batchnorm")

    def __call__(self, bands: Tensor) -> Tensor:
        """Return the embedding, shape (192,), of log mel bands, shape (80, frames)."""
        (first, first_shift), (last, last_shift) = self._head
        image = relu(conv2d(bands[None, None], first, first_shift, padding=1))  # (1, 32, 80, T)
        for block in self._residual:
            image = block(image)  # (1, 32, 20, T) in the end
        image = relu(conv2d(image, last, last_shift, stride=(2, 1), padding=1))
        hidden = relu(conv1d(image[0].flatten(0, 1), *self._delay, stride=2, padding=2))  # (128, T / 2)
        for layers, (norm, transit) in zip(self._blocks, self._transits, strict=True):
            joined = hidden.new_empty(len(hidden) + len(layers) * GROWTH, hidden.shape[1])
            joined[: len(hidden)] = hidden
            for place, layer in enumerate(layers):
                known = len(hidden) + place * GROWTH
                joined[known : known + GROWTH] = layer(joined[:known])
            hidden = transit @ _normed_relu(joined, norm)
        hidden = _normed_relu(hidden, self._last)  # (512, T / 2)
        statistics = torch.cat([hidden.mean(-1), hidden.std(-1)])
        weight, shift = self._dense
        return weight[:, :, 0] @ statistics + shift


@dataclass(frozen=True)
class _ResidualBlock:
    """Two convolutions over (frequency, time) with a shortcut; a stride of 2 halves the frequencies."""

    stride: int
    first: _Layer
    second: _Layer
    shortcut: _Layer | None

    @classmethod
    def of(cls, state: Mapping[str, Tensor], name: str, *, stride: int) -> _ResidualBlock:
        first, second = (_folded(state, f"{name}.conv{n}", f"{name}.bn{n}") for n in (1, 2))
        shortcut = _folded(state, f"{name}.shortcut.0", f"{name}.shortcut.1") if stride > 1 else None
        return cls(stride, first, second, shortcut)

    def __call__(self, image: Tensor) -> Tensor:
        hidden = relu(conv2d(image, *self.first, stride=(self.stride, 1), padding=1))
        if self.shortcut is not None:
            image = conv2d(image, *self.shortcut, stride=(self.stride, 1))
        return relu(conv2d(hidden, *self.second, padding=1) + image)


@dataclass(frozen=True)
class _DenseLayer:
    """A convolution with a channel mask from the mean of its input over 2 s and over the segment (section 2.2)."""

    dilation: int
    norm: _Layer
    bottleneck: _Layer
    local: Tensor
    mask: tuple[_Layer, _Layer]

    @classmethod
    def of(cls, state: Mapping[str, Tensor], name: str, dilation: int) -> _DenseLayer:
        weight, shift = _folded(state, f"{name}.linear1", f"{name}.nonlinear2.batchnorm")
        narrow, wide = (
            (state[f"{name}.cam_layer.linear{n}.weight"][:, :, 0], state[f"{name}.cam_layer.linear{n}.bias"][:, None])
            for n in (1, 2)
        )
        return cls(
            dilation,
            _scale_and_shift(state, f"{name}.nonlinear1.batchnorm"),
            (weight[:, :, 0], shift[:, None]),
            state[f"{name}.cam_layer.linear_local.weight"],
            (narrow, wide),
        )

    def __call__(self, hidden: Tensor) -> Tensor:
        hidden = _linear(self.bottleneck, _normed_relu(hidden, self.norm)).relu_()  # (128, T)
        around = avg_pool1d(hidden[None], CONTEXT_FRAMES, CONTEXT_FRAMES, ceil_mode=True)[0]  # (128, T / 100)
        narrow, wide = self.mask
        mask = torch.sigmoid(_linear(wide, _linear(narrow, around + hidden.mean(-1, keepdim=True)).relu_()))
        new = conv1d(hidden, self.local, padding=self.dilation, dilation=self.dilation)
        return new * mask.repeat_interleave(CONTEXT_FRAMES, -1)[:, : hidden.shape[1]]


def _scale_and_shift(state: Mapping[str, Tensor], norm: str) -> _Layer:
    """Return what a trained normalisation multiplies with and adds, shape (channels, 1) each."""
    mean, variance = state[f"{norm}.running_mean"], state[f"{norm}.running_var"]
    scale = torch.rsqrt(variance + NORM_EPSILON)
    if f"{norm}.weight" in state:
        scale = scale * state[f"{norm}.weight"]
    shift = -mean * scale
    if f"{norm}.bias" in state:
        shift = shift + state[f"{norm}.bias"]
    return scale[:, None], shift[:, None]


def _folded(state: Mapping[str, Tensor], layer: str, norm: str) -> _Layer:
    """Return weight and bias of a convolution with the normalisation that follows it."""
    weight, (scale, shift) = state[f"{layer}.weight"], _scale_and_shift(state, norm)
    return weight * scale.reshape(-1, *[1] * (weight.ndim - 1)), shift[:, 0]


def _normed_relu(hidden: Tensor, norm: _Layer) -> Tensor:
    scale, shift = norm
    return torch.addcmul(shift, hidden, scale).relu_()


def _linear(layer: _Layer, hidden: Tensor) -> Tensor:
    weight, bias = layer
    return torch.addmm(bias, weight, hidden)


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


@keeping_one
def _load(path: Path, _modified: int) -> SpeakerEncoder:
    try:
        return SpeakerEncoder(load_file(path))
    except (SafetensorError, KeyError, RuntimeError) as error:
        raise WeightsError(
            f"{path}: is not a speaker encoder ({error}); run `mtmm-video weights fetch` again"
        ) from error


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
            embeddings[index] = normalize(network(bands), dim=0).numpy()
    return embeddings
