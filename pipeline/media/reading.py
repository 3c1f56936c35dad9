"""Reading of media files: probing, the audio as one mono waveform, video frames with presentation timestamps.

Time 0 is the start of the file as in players and ffmpeg: the earliest start of its streams. Audio and video have the
same time base, so an offset between their starts is preserved and nothing of either is cut.

Probing and frames use PyAV: every frame has its presentation timestamp and display matrix, without a second process and
with one frame in memory. The waveform is decoded by the ffmpeg program of imageio-ffmpeg (no system ffmpeg is needed):
its `aresample` filter inserts silence where the audio starts late or packets are lost, so that sample n is at n / rate
seconds. PyAV's resampler closes such gaps, which shifts the words of a recording with gaps by seconds, and takes about
the same time (``benchmarks/media.py``).

Files are opened with the protocol ``file`` only: a playlist with network addresses opens no connection.
"""

from __future__ import annotations

import math
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import av.container
import av.stream
import ffmpeg
import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray

from mtmm_video.extractors.frame import Frame
from mtmm_video.extractors.sample_rate import SAMPLE_RATE
from mtmm_video.foundation.errors import InputError, MediaError
from mtmm_video.pipeline.media.media_file import (
    OPEN_OPTIONS,
    DecodedFrame,
    address,
    frames_of,
    open_media,
    packets_of,
    pictures_of,
    pixel_ratio,
    seconds,
    start_of,
    upright,
    upright_size,
)

TEXT_ART = "ansi"  # the codec with which FFmpeg renders text files as video
GRID_TOLERANCE_S = 1e-3  # time bases of 1 ms round a frame's time by up to half of this
ASSUMED_FRAME_RATE = 25.0  # frames per second, for raw streams without timestamps and frame rate
READ_BYTES = 1 << 20


@dataclass(frozen=True)
class AudioTrack:
    """One audio stream: its index in the file, codec, channels, sample rate in Hz, language, default disposition."""

    index: int
    codec: str
    channels: int
    sample_rate: int
    language: str | None
    default: bool


@dataclass(frozen=True)
class VideoTrack:
    """One video stream: its index in the file, codec, stored size in pixels, mean frame rate, default disposition."""

    index: int
    codec: str
    width: int
    height: int
    frame_rate: float | None
    default: bool


@dataclass(frozen=True)
class MediaInfo:
    """Content of a media file.

    Attributes
    ----------
    path : Path
        As given.
    container : str
        FFmpeg's name of the format.
    duration : float
        Seconds from time 0; measured by reading all packets if the container does not specify it.
    audio_tracks, video_tracks : tuple
        All streams of that type in file order. Cover art does not count as video.
    audio, video : AudioTrack or None, VideoTrack or None
        The selected tracks: of those with a decodable frame, default ones before others, commentaries and audio
        descriptions last; then the largest video, the first audio.
    width, height : int or None
        Of the rotated frame in square pixels.
    start : float
        The container's start time, which is time 0, in seconds.
    """

    path: Path
    container: str
    duration: float
    audio_tracks: tuple[AudioTrack, ...]
    video_tracks: tuple[VideoTrack, ...]
    audio: AudioTrack | None
    video: VideoTrack | None
    width: int | None
    height: int | None
    start: float

    @property
    def has_audio(self) -> bool:
        """Whether there is decodable audio."""
        return self.audio is not None

    @property
    def has_video(self) -> bool:
        """Whether there is decodable video."""
        return self.video is not None

    @property
    def frame_rate(self) -> float | None:
        """Mean frames per second of the selected video, if the container specifies it."""
        return self.video.frame_rate if self.video else None


def probe(path: Path) -> MediaInfo:
    """Determine the content of a media file, reading only as much of it as necessary.

    Parameters
    ----------
    path : Path
        Any file that FFmpeg reads.

    Returns
    -------
    MediaInfo
        All tracks, and the selected ones.

    Raises
    ------
    MediaError
        If the file is missing, a folder, empty, not a media file, or has neither audio nor video.
    """
    with open_media(path) as container:
        audio_tracks = tuple(_audio_track(stream) for stream in container.streams.audio if stream.codec_context)
        video_tracks = tuple(_video_track(stream) for stream in container.streams.video if _is_video(stream))
        first = _first_frames(container, {t.index for t in audio_tracks} | {t.index for t in video_tracks})
        audio = min((t for t in audio_tracks if t.index in first), key=lambda t: _rank(container, t), default=None)
        video = min(
            (t for t in video_tracks if t.index in first),
            key=lambda t: (*_rank(container, t)[:2], -t.width * t.height, t.index),
            default=None,
        )
        if audio is None and video is None:
            raise MediaError(f"{path}: has neither sound nor a moving picture that can be decoded")
        width = height = None
        if video is not None:
            frame = first[video.index]
            assert isinstance(frame, av.VideoFrame)
            stream = container.streams[video.index]
            assert isinstance(stream, av.VideoStream)
            width, height = upright_size(frame, pixel_ratio=pixel_ratio(stream))
        start, name = start_of(container), container.format.name
        known = container.duration / av.time_base if container.duration else None
    return MediaInfo(
        path=path,
        container=name,
        duration=known if known is not None else _measured_duration(path, start),
        audio_tracks=audio_tracks,
        video_tracks=video_tracks,
        audio=audio,
        video=video,
        width=width,
        height=height,
        start=start,
    )


def read_waveform(path: Path, *, sample_rate: int = SAMPLE_RATE) -> NDArray[np.float32]:
    """Read the audio of a file as one mono waveform that starts at time 0.

    Parameters
    ----------
    path : Path
        The file; the track selected by `probe` is read, its channels mixed with weights that sum to 1.
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
        If the file cannot be read or has no audio.
    """
    info = probe(path)
    if info.audio is None:
        raise MediaError(f"{path}: has no sound that can be decoded")
    source = ffmpeg.input(address(path), **OPEN_OPTIONS)[str(info.audio.index)]
    filtered = source.filter(
        "aresample",
        sample_rate,
        rematrix_maxval=1.0,  # otherwise the mono mix of float audio is louder and clips
        out_chlayout="mono",
        out_sample_fmt="flt",
        first_pts=0,  # silence up to the first packet
        **{"async": 1},  # silence for missing packets, without time stretching
    )
    output = filtered.output("pipe:", format="f32le", acodec="pcm_f32le", max_error_rate=1)
    command = ffmpeg.compile(output.global_args("-loglevel", "error"), cmd=imageio_ffmpeg.get_ffmpeg_exe())
    content, reason, code = _run(command)
    if code != 0 or not content:
        raise MediaError(f"{path}: its sound cannot be decoded ({reason or 'no samples'})")
    waveform: NDArray[np.float32] = np.frombuffer(content, dtype="<f4")
    np.nan_to_num(waveform, copy=False, nan=0.0, posinf=1.0, neginf=-1.0)  # files of float samples can have these
    np.clip(waveform, -1.0, 1.0, out=waveform)
    return waveform


def read_frames(path: Path, *, rate: float | None, longest_side: int | None = None) -> Iterator[Frame]:
    """Read the video frames of a file one by one, rotated upright, with their presentation timestamps.

    Parameters
    ----------
    path : Path
        The file; the track selected by `probe` is read.
    rate : float or None
        Maximum frames per second: the first frame at or after each multiple of 1 / rate is yielded, each at most once.
        None yields all frames.
    longest_side : int, optional
        Larger frames are scaled down to this, in pixels.

    Yields
    ------
    Frame
        In order of time, without frames that depend on damaged data.

    Raises
    ------
    InputError
        If `rate` is not positive.
    MediaError
        If the file cannot be read or has no video.
    """
    if rate is not None and not rate > 0:
        raise InputError(f"rate {rate}: frames per second must be positive; None gives all")
    info = probe(path)
    if info.video is None:
        raise MediaError(f"{path}: has no moving picture that can be decoded")
    due = last = -math.inf
    with open_media(path) as container:
        stream = container.streams[info.video.index]
        assert isinstance(stream, av.VideoStream)
        ratio = pixel_ratio(stream)
        for frame in pictures_of(container, stream):
            time = seconds(frame.pts, frame.time_base, info.start)
            if time is None:
                time = max(last + 1.0 / (info.frame_rate or ASSUMED_FRAME_RATE), 0.0)
            if time < 0.0 or time <= last or time < due - GRID_TOLERANCE_S:
                continue
            last = time
            if rate is not None:
                due = (math.floor((time + GRID_TOLERANCE_S) * rate) + 1) / rate
            yield Frame(time=time, image=upright(frame, pixel_ratio=ratio, longest_side=longest_side))


def _is_video(stream: av.VideoStream) -> bool:
    context = stream.codec_context
    still = av.stream.Disposition.attached_pic | av.stream.Disposition.still_image
    return context is not None and context.name != TEXT_ART and not stream.disposition & still


def _audio_track(stream: av.AudioStream) -> AudioTrack:
    return AudioTrack(
        index=stream.index,
        codec=stream.codec_context.name,
        channels=stream.codec_context.channels,
        sample_rate=stream.codec_context.sample_rate,
        language=stream.language,
        default=bool(stream.disposition & av.stream.Disposition.default),
    )


def _video_track(stream: av.VideoStream) -> VideoTrack:
    return VideoTrack(
        index=stream.index,
        codec=stream.codec_context.name,
        width=stream.codec_context.width,
        height=stream.codec_context.height,
        frame_rate=float(stream.average_rate) if stream.average_rate else None,
        default=bool(stream.disposition & av.stream.Disposition.default),
    )


def _rank(container: av.container.InputContainer, track: AudioTrack | VideoTrack) -> tuple[bool, bool, int]:
    """Return the sort key: programme before commentary, default before others, then the order of the file."""
    flags = av.stream.Disposition
    aside = flags.comment | flags.descriptions | flags.visual_impaired | flags.hearing_impaired
    return bool(container.streams[track.index].disposition & aside), not track.default, track.index


def _first_frames(container: av.container.InputContainer, indices: set[int]) -> dict[int, DecodedFrame]:
    """Decode the first frame of each stream; streams without a decodable frame are omitted."""
    first: dict[int, DecodedFrame] = {}
    streams = [container.streams[index] for index in sorted(indices)]
    for packet in packets_of(container, streams) if streams else ():
        if packet.stream.index not in first:
            for frame in frames_of(packet) or ():
                first.setdefault(packet.stream.index, frame)
        if len(first) == len(streams):
            break
    return first


def _measured_duration(path: Path, start: float) -> float:
    """Return the end of the last packet of the file, in seconds from time 0."""
    end = 0.0
    with open_media(path) as container:
        for packet in packets_of(container, [*container.streams.audio, *container.streams.video]):
            time = seconds(packet.pts, packet.time_base, start)
            if time is not None:
                end = max(end, time + (seconds(packet.duration, packet.time_base, 0.0) or 0.0))
    return end


def _run(command: list[str]) -> tuple[bytearray, str, int]:
    """Run ffmpeg without a shell; return its output, the last line of its error output, and its exit code."""
    content = bytearray()
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors) as process,
    ):
        assert process.stdout is not None
        try:
            while block := process.stdout.read(READ_BYTES):
                content += block
        except BaseException:
            process.kill()
            raise
        code = process.wait()
        errors.seek(0)
        lines = errors.read().decode("utf-8", errors="replace").strip().splitlines()
    return content, lines[-1].strip() if lines else "", code
