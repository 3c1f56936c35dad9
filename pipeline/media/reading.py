"""Media files: what is in them, their sound as one mono waveform, their pictures one by one with true times.

Time 0 is the start of the file as players and ffmpeg count it: the earliest start of its streams. Pictures and sound
share that clock, so a start offset between them is respected and nothing of either is cut.

Two readers, each for what it does best. Probing and pictures go through PyAV: every picture comes with its presentation
time and display matrix, without a second process and with one picture in memory. The waveform goes through the ffmpeg
program that imageio-ffmpeg ships (no system ffmpeg is needed): its `aresample` filter puts silence where the sound
starts late or packets are lost, so that sample n stays at n / rate seconds. PyAV's resampler joins what is left: in a
recording with gaps that moves the words by seconds, and it takes about the same time (``benchmarks/media.py``).

Files are opened with the protocol ``file`` only: a playlist that names network addresses opens no connection.
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

TEXT_ART = "ansi"  # FFmpeg draws text files as a picture of their letters; that is not a video
GRID_TOLERANCE_S = 1e-3  # time bases of 1 ms round a frame's time by up to half of this
ASSUMED_FRAME_RATE = 25.0  # pictures a second, for raw streams that carry no times and no rate
READ_BYTES = 1 << 20


@dataclass(frozen=True)
class AudioTrack:
    """One sound stream: its index in the file, codec, channels, sample rate in Hz, language, default mark."""

    index: int
    codec: str
    channels: int
    sample_rate: int
    language: str | None
    default: bool


@dataclass(frozen=True)
class VideoTrack:
    """One picture stream: its index in the file, codec, size in pixels as stored, mean frame rate, default mark."""

    index: int
    codec: str
    width: int
    height: int
    frame_rate: float | None
    default: bool


@dataclass(frozen=True)
class MediaInfo:
    """What a media file holds.

    Attributes
    ----------
    path : Path
        As given.
    container : str
        FFmpeg's name of the format.
    duration : float
        Seconds from time 0; measured by reading all packets where the container does not say.
    audio_tracks, video_tracks : tuple
        All streams of that kind in the order of the file. Cover art is not among the video tracks.
    audio, video : AudioTrack or None, VideoTrack or None
        The chosen ones: marked default before others, commentaries and audio descriptions last; of several such
        pictures the largest, of several such sounds the first; and at least one frame of it can be decoded.
    width, height : int or None
        Of the upright picture in square pixels.
    start : float
        The container's own time of time 0, in seconds.
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
        """Whether there is sound that can be decoded."""
        return self.audio is not None

    @property
    def has_video(self) -> bool:
        """Whether there is a moving picture that can be decoded."""
        return self.video is not None

    @property
    def frame_rate(self) -> float | None:
        """Mean frames per second of the chosen picture, where the container says."""
        return self.video.frame_rate if self.video else None


def probe(path: Path) -> MediaInfo:
    """Say what a media file holds, reading only as much of it as that needs.

    Parameters
    ----------
    path : Path
        Any file that FFmpeg reads.

    Returns
    -------
    MediaInfo
        The tracks, and which of them are used.

    Raises
    ------
    MediaError
        If the file is missing, a folder, empty, no media file, or holds neither sound nor picture.
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
            raise MediaError(f"{path}: holds neither sound nor a moving picture that can be decoded")
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
    """Read the sound of a file as one mono waveform on the file's clock.

    Parameters
    ----------
    path : Path
        The file; the track that `probe` chooses is read, all its channels mixed with weights that sum to 1.
    sample_rate : int
        In Hz.

    Returns
    -------
    ndarray of float32, shape (samples,)
        In [-1, 1]; sample n lies at n / sample_rate seconds. Silence before a late start, where packets
        are lost, and where a sample is no number.

    Raises
    ------
    MediaError
        If the file cannot be read or has no sound.
    """
    info = probe(path)
    if info.audio is None:
        raise MediaError(f"{path}: has no sound that can be decoded")
    source = ffmpeg.input(address(path), **OPEN_OPTIONS)[str(info.audio.index)]
    filtered = source.filter(
        "aresample",
        sample_rate,
        rematrix_maxval=1.0,  # without it float sound is mixed to mono louder than it was, and clips
        out_chlayout="mono",
        out_sample_fmt="flt",
        first_pts=0,  # silence up to the first packet
        **{"async": 1},  # silence where packets are missing; no stretching
    )
    output = filtered.output("pipe:", format="f32le", acodec="pcm_f32le", max_error_rate=1)
    command = ffmpeg.compile(output.global_args("-loglevel", "error"), cmd=imageio_ffmpeg.get_ffmpeg_exe())
    content, reason, code = _run(command)
    if code != 0 or not content:
        raise MediaError(f"{path}: its sound cannot be decoded ({reason or 'no samples'})")
    waveform: NDArray[np.float32] = np.frombuffer(content, dtype="<f4")
    np.nan_to_num(waveform, copy=False, nan=0.0, posinf=1.0, neginf=-1.0)  # floating-point files can hold anything
    np.clip(waveform, -1.0, 1.0, out=waveform)
    return waveform


def read_frames(path: Path, *, rate: float | None, longest_side: int | None = None) -> Iterator[Frame]:
    """Read the pictures of a file one by one, upright, with their true times.

    Parameters
    ----------
    path : Path
        The file; the track that `probe` chooses is read.
    rate : float or None
        Pictures a second to give at most: the first picture at or after each multiple of 1 / rate. None gives all. No
        picture is given twice, so a track with fewer pictures gives fewer.
    longest_side : int, optional
        Pictures larger than this are scaled down to it, in pixels.

    Yields
    ------
    Frame
        In order of time. Pictures that damage in the file has spoilt are left out.

    Raises
    ------
    InputError
        If `rate` is not positive.
    MediaError
        If the file cannot be read or has no picture.
    """
    if rate is not None and not rate > 0:
        raise InputError(f"rate {rate}: pictures a second must be positive; None gives all")
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
    """Sort key: programme before commentary, default before others, then the order of the file."""
    kinds = av.stream.Disposition
    aside = kinds.comment | kinds.descriptions | kinds.visual_impaired | kinds.hearing_impaired
    return bool(container.streams[track.index].disposition & aside), not track.default, track.index


def _first_frames(container: av.container.InputContainer, indices: set[int]) -> dict[int, DecodedFrame]:
    """Decode until every one of the streams has given a frame; those that never do are left out."""
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
    """Return where the last packet of the file ends, in seconds from time 0."""
    end = 0.0
    with open_media(path) as container:
        for packet in packets_of(container, [*container.streams.audio, *container.streams.video]):
            time = seconds(packet.pts, packet.time_base, start)
            if time is not None:
                end = max(end, time + (seconds(packet.duration, packet.time_base, 0.0) or 0.0))
    return end


def _run(command: list[str]) -> tuple[bytearray, str, int]:
    """Run ffmpeg without a shell; return what it wrote, its last complaint, and its exit code."""
    content = bytearray()
    with (
        tempfile.TemporaryFile() as complaints,
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=complaints) as process,
    ):
        assert process.stdout is not None
        try:
            while block := process.stdout.read(READ_BYTES):
                content += block
        except BaseException:
            process.kill()
            raise
        code = process.wait()
        complaints.seek(0)
        lines = complaints.read().decode("utf-8", errors="replace").strip().splitlines()
    return content, lines[-1].strip() if lines else "", code
