"""CAM++ layer by layer, as it is trained: what `speaker_encoder` computes with its normalisations folded.

Source: H. Wang et al., "CAM++: A Fast and Efficient Network for Speaker Verification Using Context-Aware Masking",
INTERSPEECH 2023.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool1d, relu

from mtmm_video.extractors.speech.speaker_encoder import BANDS, BLOCKS, CONTEXT_FRAMES, DIMENSIONS, GROWTH

HEAD_CHANNELS = 32
FIRST_CHANNELS, BOTTLENECK = 128, 128
MASK_CHANNELS = 64


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


class CamPlusPlus(nn.Module):
    """The network as it is trained; module names are those of the published weights."""

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
