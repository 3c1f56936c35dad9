"""Audio of a media file as one mono waveform that starts at time 0.

Every contiguous run of decoded frames is placed at its presentation timestamp (`clock`), so that sample n is at
n / rate seconds: zeros before a late start and in gaps, and no sample twice where recordings overlap. Within a run the
samples are counted, because containers round timestamps, some to a millisecond.
"""

from __future__ import annotations

import math
from pathlib import Path

import av
import av.error
import numpy as np
from numpy.typing import NDArray

from mtmm_video.extractors.sample_rate import SAMPLE_RATE
from mtmm_video.foundation.errors import MediaError
from mtmm_video.foundation.mapped_array import stretches
from mtmm_video.pipeline.media.clock import Shifts, read_clock
from mtmm_video.pipeline.media.media_file import frames_of, open_media, packets_of, seconds
from mtmm_video.pipeline.media.mixing import mix_to_mono
from mtmm_video.pipeline.media.probing import probe
from mtmm_video.pipeline.media.silence import silence

# Seconds of difference between counted samples and timestamps above which a new run starts: more than the rounding of
# any container, less than a syllable.
TOLERANCE = 0.04
LONGEST_RECORDING = 24 * 3600.0  # seconds; 5.5 GB of waveform. Damaged timestamps can amount to years
ROOM_AT_THE_END = 1.0  # seconds of samples after the last packet, if its duration is unknown


def read_waveform(path: Path, *, sample_rate: int = SAMPLE_RATE) -> NDArray[np.float32]:
    """Read the audio of a file as one mono waveform that starts at time 0.

    Parameters
    ----------
    path : Path
        The file; the track selected by `probe` is read, its channels mixed by `mix_to_mono`.
    sample_rate : int
        In Hz.

    Returns
    -------
    ndarray of float32, shape (samples,)
        In [-1, 1]; sample n is at n / sample_rate seconds. 0 before a late start, where packets are lost, and for NaN
        samples.

    Raises
    ------
    MediaError
        If the file cannot be read, has no audio, or is longer than a day.
    """
    channels, names = _read(path, sample_rate)
    return mix_to_mono(channels, names=names)


def read_channels(path: Path, *, sample_rate: int = SAMPLE_RATE) -> tuple[NDArray[np.float32], ...]:
    """Read the audio of a file channel by channel, otherwise as `read_waveform`.

    Returns
    -------
    tuple of ndarray of float32, each of shape (samples,)
    """
    return tuple(_read(path, sample_rate)[0])


def _read(path: Path, sample_rate: int) -> tuple[list[NDArray[np.float32]], tuple[str, ...]]:
    info = probe(path)
    if info.audio is None:
        raise MediaError(f"{path}: has no sound that can be decoded")
    clock = read_clock(path, audio=info.audio.index, video=None if info.video is None else info.video.index)
    if clock.end > LONGEST_RECORDING:
        raise MediaError(f"{path}: has timestamps up to {clock.end / 3600:.0f} hours; cut it into parts of a few hours")
    # Encoders pad the last packet; its duration in the container is without the padding.
    tape = _Tape(sample_rate, clock.end + ROOM_AT_THE_END if clock.sound_end is None else clock.sound_end)
    with open_media(path) as container:
        stream = container.streams[info.audio.index]
        assert isinstance(stream, av.AudioStream)
        shifts = Shifts(clock, stream.index)
        for packet in packets_of(container, [stream]):
            shifts.note(packet)
            for frame in frames_of(packet) or ():
                assert isinstance(frame, av.AudioFrame)
                time = seconds(frame.pts, frame.time_base, clock.start)
                tape.record(frame, None if time is None else time + shifts.of(frame))
    channels = tape.channels()
    if not channels or not len(channels[0]):
        raise MediaError(f"{path}: its sound cannot be decoded (no samples)")
    for channel in channels:
        for part in (channel[stretch] for stretch in stretches(len(channel))):
            if not np.isfinite(part).all():  # files of float samples can have these
                np.nan_to_num(part, copy=False, nan=0.0, posinf=1.0, neginf=-1.0)
            np.clip(part, -1.0, 1.0, out=part)
    return channels, tape.names


class _Tape:
    """Samples of a recording, to which decoded frames are resampled and written at their times."""

    def __init__(self, sample_rate: int, length: float) -> None:
        self._rate = sample_rate
        self._size = math.ceil(max(length, 0.0) * sample_rate)
        self._tracks: list[NDArray[np.float32]] = []
        self._written = 0  # samples that are final: none is written twice
        self._position = 0  # index at which the next sample is written
        self._heard = 0.0  # end of the previous frame in seconds
        self._resampler: av.AudioResampler | None = None
        self._format: tuple[str, str, int] | None = None
        self.names: tuple[str, ...] = ()

    def record(self, frame: av.AudioFrame, time: float | None) -> None:
        """Resample a frame and write it at its time in seconds; after the previous one if it has none."""
        if not frame.samples or not frame.sample_rate:
            return
        audio_format = (frame.format.name, frame.layout.name, frame.sample_rate)
        time = self._heard if time is None else time
        if self._resampler is None or audio_format != self._format or abs(time - self._heard) > TOLERANCE:
            self._finish()
            self._start(frame, audio_format, time)
        assert self._resampler is not None
        self._heard += frame.samples / frame.sample_rate
        frame.pts = None  # the resampler then counts samples
        self._write(self._resampler.resample(frame))

    def channels(self) -> list[NDArray[np.float32]]:
        """Return the channels up to the last sample."""
        self._finish()
        return [track[: self._written] for track in self._tracks]

    def _start(self, frame: av.AudioFrame, audio_format: tuple[str, str, int], time: float) -> None:
        self._resampler = av.AudioResampler(format="flt", layout=frame.layout, rate=self._rate)
        self._format = audio_format
        self._heard = time
        self._position = round(time * self._rate)
        if len(self._tracks) < len(frame.layout.channels):
            missing = len(frame.layout.channels) - len(self._tracks)
            self._tracks.extend(silence(self._size) for _ in range(missing))
            self.names = tuple(channel.name for channel in frame.layout.channels)

    def _finish(self) -> None:
        if self._resampler is not None:
            self._write(self._resampler.resample(None))
        self._resampler = None

    def _write(self, frames: list[av.AudioFrame]) -> None:
        for frame in frames:
            # Not planar: PyAV 18 reads beyond the pointers of a planar frame of more than eight channels.
            interleaved = np.asarray(frame.to_ndarray(), dtype=np.float32)
            block = interleaved.reshape(frame.samples, -1).T  # (channels, samples)
            skipped = min(max(self._written - self._position, 0), block.shape[1])
            first, last = self._position + skipped, min(self._position + block.shape[1], self._size)
            self._position += block.shape[1]
            if last > first:
                for track, channel in zip(self._tracks, block, strict=False):
                    track[first:last] = channel[skipped : skipped + last - first]
                self._written = max(self._written, last)
