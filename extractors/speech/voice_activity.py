"""Voice activity detection: Silero VAD's network (v6, MIT), run on whole recordings at once.

Whisper hallucinates text for music and silence, so speech is detected first. The network is a 16 kHz short-time Fourier
magnitude, four convolutions and an LSTM, 0.3 million parameters. Its weights are those of the TorchScript file in
silero-vad 6.2.3 (licence in the same folder). The forward pass is reimplemented, because importing the package sets
torch to one thread for the whole process and its loop runs in Python 31 times per second of audio; a test compares the
probabilities of both. docs/utterances.md compares it with other detectors and describes how the weights were extracted.

Source: Silero Team, "Silero VAD: pre-trained enterprise-grade Voice Activity Detector", 2024.
"""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor, nn

from mtmm_video.extractors.sample_rate import SAMPLE_RATE
from mtmm_video.foundation.errors import InputError
from mtmm_video.foundation.mapped_array import stretches

FRAME_SAMPLES = 512  # 32 ms, one probability each
CONTEXT_SAMPLES = 64  # end of the previous frame, prepended to each frame
FFT_SAMPLES = 256  # 16 ms
HOP_SAMPLES = 128  # 8 ms
BINS = FFT_SAMPLES // 2 + 1  # 129
BLOCK_FRAMES = 2048  # 65.5 s of audio per forward pass: bounded memory on long recordings

ONSET = 0.5  # probability from which speech begins; Silero's default
OFFSET = 0.35  # probability below which it ends: lower than the onset, so that a soft syllable does not split a word
SHORTEST_SPEECH = 0.25  # seconds; clicks and breaths are shorter than any isolated word
SHORTEST_PAUSE = 0.1  # seconds; the closure of a stop consonant is silent for up to this long
MARGIN = 0.1  # seconds added on both sides: the network responds to vowels, later than an initial consonant
SILENCE_PEAK = 10 ** (-70 / 20)  # amplitude; a recording with a peak below -70 dBFS has no usable speech
LEVEL_PEAK = 0.5  # amplitude to which quiet recordings are amplified

_WEIGHTS = Path(__file__).with_name("silero_vad_16k.safetensors")


class SileroNetwork(nn.Module):
    """Speech probability per 32 ms frame.

    Source: architecture of silero-vad 6, 16 kHz branch.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stft = nn.Conv1d(1, 2 * BINS, FFT_SAMPLES, stride=HOP_SAMPLES, bias=False)
        self.conv1 = nn.Conv1d(BINS, 128, 3, padding=1)
        self.conv2 = nn.Conv1d(128, 64, 3, stride=2, padding=1)
        self.conv3 = nn.Conv1d(64, 64, 3, stride=2, padding=1)
        self.conv4 = nn.Conv1d(64, 128, 3, padding=1)
        self.lstm = nn.LSTM(128, 128, batch_first=True)
        self.head = nn.Conv1d(128, 1, 1)

    def forward(self, frames: Tensor, state: tuple[Tensor, Tensor] | None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Compute the speech probabilities of consecutive frames.

        Parameters
        ----------
        frames : Tensor, shape (frames, CONTEXT_SAMPLES + FRAME_SAMPLES)
            Consecutive frames, each preceded by the end of the one before.
        state : pair of Tensor or None
            Of the LSTM after the previous block; None at the start.

        Returns
        -------
        probabilities : Tensor, shape (frames,)
        state : pair of Tensor
            For the next block.
        """
        samples = nn.functional.pad(frames.unsqueeze(1), (0, CONTEXT_SAMPLES), mode="reflect")  # (F, 1, 640)
        spectrum = self.stft(samples)  # (F, 258, 4): real parts, then imaginary parts
        magnitude = torch.hypot(spectrum[:, :BINS], spectrum[:, BINS:])  # (F, 129, 4)
        hidden = torch.relu(self.conv1(magnitude))  # (F, 128, 4)
        hidden = torch.relu(self.conv2(hidden))  # (F, 64, 2)
        hidden = torch.relu(self.conv3(hidden))  # (F, 64, 1)
        hidden = torch.relu(self.conv4(hidden))  # (F, 128, 1)
        memory, state = self.lstm(hidden.transpose(0, 2).transpose(1, 2), state)  # (1, F, 128)
        logits = self.head(torch.relu(memory).transpose(1, 2))  # (1, 1, F)
        return torch.sigmoid(logits).flatten(), state


@functools.cache
def _network() -> SileroNetwork:
    network = SileroNetwork()
    network.load_state_dict(load_file(_WEIGHTS))
    return network.eval()


def speech_probability(waveform: NDArray[np.floating], *, sample_rate: int, gain: float = 1.0) -> NDArray[np.float32]:
    """Compute the probability of speech in each 32 ms of a recording.

    Parameters
    ----------
    waveform : ndarray, shape (samples,)
        Mono, in [-1, 1).
    sample_rate : int
        Must be 16,000 Hz.
    gain : float
        Factor on the samples.

    Returns
    -------
    ndarray of float32, shape (ceil(samples / 512),)
        Frame i covers seconds [0.032 i, 0.032 (i + 1)).

    Raises
    ------
    InputError
        If the waveform is not mono, not finite, or has another sample rate.
    """
    if sample_rate != SAMPLE_RATE:
        raise InputError(f"sample_rate {sample_rate}: voice activity needs {SAMPLE_RATE} Hz; resample the waveform")
    if waveform.ndim != 1:
        raise InputError(f"waveform of shape {waveform.shape}: voice activity needs one channel, shape (samples,)")
    count = -(-len(waveform) // FRAME_SAMPLES)
    probabilities = np.zeros(count, dtype=np.float32)
    state: tuple[Tensor, Tensor] | None = None
    with torch.inference_mode():
        for first in range(0, count, BLOCK_FRAMES):
            last = min(first + BLOCK_FRAMES, count)
            start, end = first * FRAME_SAMPLES - CONTEXT_SAMPLES, last * FRAME_SAMPLES
            known = waveform[max(start, 0) : end]
            if not np.isfinite(known).all():
                raise InputError("waveform holds NaN or Inf; decode the recording again")
            padded = np.zeros(end - start, dtype=np.float32)  # also before the first sample and after the last
            padded[max(-start, 0) :][: len(known)] = known * gain
            frames = torch.from_numpy(padded).unfold(0, CONTEXT_SAMPLES + FRAME_SAMPLES, FRAME_SAMPLES)
            found, state = _network()(frames, state)
            probabilities[first:last] = found.numpy()
    return probabilities


def detect_speech(waveform: NDArray[np.floating], *, sample_rate: int) -> NDArray[np.float64]:
    """Detect the intervals of speech.

    Parameters
    ----------
    waveform : ndarray, shape (samples,)
        Mono, in [-1, 1).
    sample_rate : int
        Must be 16,000 Hz.

    Returns
    -------
    ndarray, shape (n, 2)
        Start and end in seconds, in order, disjoint, within the recording; n = 0 without speech.

    Raises
    ------
    InputError
        If the waveform is not mono, not finite, or has another sample rate.
    """
    peak = max((float(np.abs(waveform[part]).max()) for part in stretches(len(waveform))), default=0.0)
    if peak < SILENCE_PEAK:
        return np.zeros((0, 2))
    gain = max(1.0, LEVEL_PEAK / peak)
    probabilities = speech_probability(waveform, sample_rate=sample_rate, gain=gain)
    return intervals(probabilities, duration=len(waveform) / sample_rate)


def intervals(probabilities: NDArray[np.floating], *, duration: float) -> NDArray[np.float64]:
    """Convert speech probabilities to intervals by hysteresis, minimum durations and a margin.

    Parameters
    ----------
    probabilities : ndarray, shape (frames,)
        One per 32 ms.
    duration : float
        Of the recording, in seconds.

    Returns
    -------
    ndarray, shape (n, 2)
        Start and end in seconds.
    """
    frame = FRAME_SAMPLES / SAMPLE_RATE
    runs: list[list[float]] = []
    speaking = False
    for index, probability in enumerate(probabilities):
        if not speaking and probability >= ONSET:
            speaking = True
            start = index * frame
            if runs and start - runs[-1][1] < SHORTEST_PAUSE:
                runs[-1][1] = duration
            else:
                runs.append([start, duration])
        elif speaking and probability < OFFSET:
            speaking = False
            runs[-1][1] = index * frame
    spoken = [[start - MARGIN, end + MARGIN] for start, end in runs if end - start >= SHORTEST_SPEECH]
    merged: list[list[float]] = []
    for start, end in spoken:
        if merged and start <= merged[-1][1]:
            merged[-1][1] = end
        else:
            merged.append([start, end])
    return np.clip(np.array(merged, dtype=np.float64).reshape(-1, 2), 0.0, duration)
