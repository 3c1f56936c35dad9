"""Local speaker activity: the probability that each of up to three speakers is active, per frame of 17 ms.

A network classifies each frame of a 10 s window into the subsets of at most two of three speakers. Unlike embeddings of
single-speaker segments, it detects speaker changes and overlapping speech. Speaker indices are arbitrary within a
window. Windows overlap by half; the speakers of each window are permuted to match the window before, and overlapping
windows are averaged.

The network is pyannote's segmentation-3.0 (MIT): learned band-pass filters, two convolutions, four bidirectional LSTMs;
1.5 million parameters. The forward pass is reimplemented here.

Sources: A. Plaquet and H. Bredin, "Powerset multi-class cross entropy loss for neural speaker diarization",
INTERSPEECH 2023; H. Bredin, "pyannote.audio 2.1 speaker diarization pipeline", INTERSPEECH 2023, section 2.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, max_pool1d

from mtmm_video.extractors.sample_rate import SAMPLE_RATE
from mtmm_video.foundation.errors import InputError, WeightsError
from mtmm_video.foundation.loading import keeping_one

VOICES = 3  # speakers per window
CLASSES = ((), (0,), (1,), (2,), (0, 1), (0, 2), (1, 2))  # active speakers of each output class
FRAME_SAMPLES = 270  # 16.875 ms: strides of 10, 3, 3 and 3 samples
RECEPTIVE_SAMPLES = 991  # receptive field of one frame
WINDOW_SAMPLES = 160_000  # 10 s
WINDOW_FRAMES = 589  # (160,000 - 991) / 270 + 1
HOP_FRAMES = 296  # 4.995 s: half a window, in whole frames
BATCH_WINDOWS = 8  # per forward pass: bounds the memory on long recordings

FILTERS, FILTER_SAMPLES, FILTER_STRIDE = 80, 251, 10
CHANNELS = 60  # of the convolutions after the filters
KERNEL, POOL = 5, 3
LSTM_UNITS, LSTM_LAYERS, LINEAR_UNITS = 128, 4, 128


class SegmentationNetwork(nn.Module):
    """Probability of each of `CLASSES` per frame.

    Source: Bredin and Laurent, "End-to-end speaker segmentation for overlap-aware resegmentation", INTERSPEECH 2021,
    with the filters of Ravanelli and Bengio, "Speaker recognition from raw waveform with SincNet", SLT 2018.
    """

    def __init__(self) -> None:
        super().__init__()
        self.level = nn.InstanceNorm1d(1, affine=True)
        self.filters = nn.Conv1d(1, FILTERS, FILTER_SAMPLES, stride=FILTER_STRIDE, bias=False)
        self.convolutions = nn.ModuleList([nn.Conv1d(FILTERS, CHANNELS, KERNEL), nn.Conv1d(CHANNELS, CHANNELS, KERNEL)])
        self.norms = nn.ModuleList([nn.InstanceNorm1d(size, affine=True) for size in (FILTERS, CHANNELS, CHANNELS)])
        self.lstm = nn.LSTM(CHANNELS, LSTM_UNITS, num_layers=LSTM_LAYERS, bidirectional=True, batch_first=True)
        self.linears = nn.ModuleList([nn.Linear(2 * LSTM_UNITS, LINEAR_UNITS), nn.Linear(LINEAR_UNITS, LINEAR_UNITS)])
        self.head = nn.Linear(LINEAR_UNITS, len(CLASSES))

    def forward(self, waveform: Tensor) -> Tensor:
        """Return class probabilities, shape (batch, frames, classes), of waveforms, shape (batch, 1, samples)."""
        hidden = self.filters(self.level(waveform)).abs()  # (B, 80, 15975)
        hidden = leaky_relu(self.norms[0](max_pool1d(hidden, POOL)))  # (B, 80, 5325)
        for convolution, norm in zip(self.convolutions, self.norms[1:], strict=True):
            hidden = leaky_relu(norm(max_pool1d(convolution(hidden), POOL)))  # (B, 60, 589) in the end
        memory, _ = self.lstm(hidden.transpose(1, 2))  # (B, 589, 256)
        for linear in self.linears:
            memory = leaky_relu(linear(memory))  # (B, 589, 128)
        return torch.softmax(self.head(memory), dim=-1)  # (B, 589, 7)


@keeping_one
def _load(path: Path, _modified: int) -> SegmentationNetwork:
    network = SegmentationNetwork()
    try:
        network.load_state_dict(load_file(path))
    except (SafetensorError, RuntimeError) as error:
        raise WeightsError(
            f"{path}: is not a speaker segmentation network ({error}); run `mtmm-video weights fetch` again"
        ) from error
    return network.eval()


def speaker_activity(
    waveform: NDArray[np.floating], *, sample_rate: int, model: Path, speech: NDArray[np.floating]
) -> NDArray[np.float32]:
    """Return the probability that each of three speakers is active in each frame of a recording.

    Parameters
    ----------
    waveform : ndarray, shape (samples,)
        Mono, in [-1, 1).
    sample_rate : int
        Must be 16,000 Hz.
    model : Path
        Safetensors file with the state of `SegmentationNetwork`.
    speech : ndarray, shape (n, 2)
        Start and end of speech in seconds; windows without speech are not evaluated and have activity 0.

    Returns
    -------
    ndarray of float32, shape (frames, 3)
        In [0, 1]; `frame_time` returns the time of a frame. A column refers to the same speaker as long as that
        speaker is active at least every 5 s, not over the whole recording.

    Raises
    ------
    InputError
        If the waveform is not mono or has another sample rate.
    WeightsError
        If the model file is missing or damaged.
    """
    if sample_rate != SAMPLE_RATE or waveform.ndim != 1:
        raise InputError(
            f"waveform of shape {waveform.shape} at {sample_rate} Hz: speaker activity needs one channel, shape "
            f"(samples,), at {SAMPLE_RATE} Hz"
        )
    if not model.is_file():
        raise WeightsError(f"{model}: missing; run `mtmm-video weights fetch` to get the speaker segmentation network")
    network = _load(model.resolve(), model.stat().st_mtime_ns)
    hop = HOP_FRAMES * FRAME_SAMPLES
    count = 1 + max(0, -(-(len(waveform) - WINDOW_SAMPLES) // hop))
    starts = np.arange(count) * hop / SAMPLE_RATE
    spoken = [
        index
        for index, start in enumerate(starts)
        if ((speech[:, 0] < start + WINDOW_SAMPLES / SAMPLE_RATE) & (speech[:, 1] > start)).any()
    ]
    activity = np.zeros((count, WINDOW_FRAMES, VOICES), dtype=np.float32)
    voices = torch.tensor([[float(voice in members) for voice in range(VOICES)] for members in CLASSES])
    with torch.inference_mode():
        for first in range(0, len(spoken), BATCH_WINDOWS):
            batch = spoken[first : first + BATCH_WINDOWS]
            windows = np.zeros((len(batch), 1, WINDOW_SAMPLES), dtype=np.float32)
            for row, index in zip(windows[:, 0], batch, strict=True):
                samples = waveform[index * hop : index * hop + WINDOW_SAMPLES]
                row[: len(samples)] = samples
            activity[batch] = (network(torch.from_numpy(windows)) @ voices).numpy()
    return _joined(activity)[: max(0, 1 + (len(waveform) - 1) // FRAME_SAMPLES)]


def frame_time(frame: int | NDArray[np.integer]) -> float | NDArray[np.float64]:
    """Return the start of a frame of `speaker_activity` in seconds; it ends at the start of the next."""
    return (frame * FRAME_SAMPLES + (RECEPTIVE_SAMPLES - FRAME_SAMPLES) / 2) / SAMPLE_RATE


def _joined(activity: NDArray[np.float32]) -> NDArray[np.float32]:
    """Average overlapping windows with triangular weights, speakers permuted to match the window before.

    `activity` has shape (windows, frames, voices); its windows are permuted in place.
    """
    for earlier, later in itertools.pairwise(activity):
        together = earlier[HOP_FRAMES:].T @ later[: WINDOW_FRAMES - HOP_FRAMES]  # (voices before, voices after)
        order = max(itertools.permutations(range(VOICES)), key=lambda order: together[range(VOICES), order].sum())
        later[:] = later[:, order]
    ramp = np.minimum(np.arange(1, WINDOW_FRAMES + 1), np.arange(WINDOW_FRAMES, 0, -1)).astype(np.float32)[:, None]
    length = (len(activity) - 1) * HOP_FRAMES + WINDOW_FRAMES
    total, weight = np.zeros((length, VOICES), np.float32), np.zeros((length, 1), np.float32)
    for index, window in enumerate(activity):
        place = slice(index * HOP_FRAMES, index * HOP_FRAMES + WINDOW_FRAMES)
        total[place] += ramp * window
        weight[place] += ramp
    return total / weight
