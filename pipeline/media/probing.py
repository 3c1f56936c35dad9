"""Probing of media files: their streams, which of them are selected, and the duration that the header specifies."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import av
import av.container
import av.stream

from mtmm_video.foundation.errors import MediaError
from mtmm_video.pipeline.media.announced_size import announced_size
from mtmm_video.pipeline.media.media_file import (
    LARGEST_PICTURE,
    DecodedFrame,
    frames_of,
    open_media,
    packets_of,
    pixel_ratio,
    seconds,
    start_of,
    upright_size,
)

TEXT_ART = "ansi"  # the codec with which FFmpeg renders text files as video
PICTURE_FORMATS = re.compile(r"\w+_pipe|image2|ico|tiff")  # FFmpeg's demuxers of still images
# A data reference (Apple, "QuickTime File Format", 2001) to another file: an alias whose flags do not say "this file".
EXTERNAL_REFERENCE = re.compile(rb"dref.{12}(?:alis|rsrc).{3}[\x00\x02]|rmra", re.DOTALL)
REFERENCE_SPAN = 1 << 20  # bytes
PICTURE_NAMES = {
    "mjpeg": "JPEG",
    "png": "PNG",
    "gif": "GIF",
    "webp": "WebP",
    "av1": "AVIF",
    "libdav1d": "AVIF",
    "hevc": "HEIC",
}
# Formats whose header has the duration, written when the file is closed. For others FFmpeg estimates it from the bit
# rate or reads it from the last packet, so it cannot exceed the content.
CLAIMING_FORMATS = frozenset({"mov", "matroska", "flv", "flac", "mp3", "aiff", "caf", "mxf"})
COUNTED_FROM_ZERO = frozenset({"matroska", "flv"})  # with a duration in the header that includes the start time
PER_TRACK_FORMATS = frozenset({"mov"})  # with a duration of each track in the header
MOST_CHANNELS = 64  # of FFmpeg's resampler
LOWEST_RATE = 2000  # Hz; telephones have 8000. Of a header with 1 Hz, a file of 32 KB would be hours of waveform


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
    claimed_duration : float or None
        Duration in the header in seconds, for formats in which it can exceed the content.
    claimed_lengths : mapping of int to float
        Duration of each track in the header in seconds from time 0, for formats that have it.
    empty_tracks : tuple of str
        "audio" or "video" if there are tracks of that type and none has a decodable frame.
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
    claimed_duration: float | None = None
    claimed_lengths: Mapping[int, float] = field(default_factory=dict)
    empty_tracks: tuple[str, ...] = ()

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
        If the file is missing, a folder, empty, not a media file, a still image, or has neither audio nor video; or
        if it has more channels, a larger picture or a lower sample rate than can be read.
    """
    with open_media(path) as container:
        name = str(container.format.name)
        if PICTURE_FORMATS.fullmatch(name):
            raise _picture_error(path, container)
        audio_tracks = tuple(_audio_track(stream) for stream in container.streams.audio if stream.codec_context)
        video_tracks = tuple(_video_track(stream) for stream in container.streams.video if _is_video(stream))
        _refuse_extremes(path, audio_tracks, video_tracks)
        first, more = _first_frames(container, {t.index for t in audio_tracks} | {t.index for t in video_tracks})
        audio = min((t for t in audio_tracks if t.index in first), key=lambda t: _rank(container, t), default=None)
        video = min(
            (t for t in video_tracks if t.index in first),
            key=lambda t: (*_rank(container, t)[:2], -t.width * t.height, t.index),
            default=None,
        )
        if audio is None and video is None:
            if _refers_elsewhere(path):
                raise MediaError(
                    f"{path}: is a QuickTime movie whose sound and picture are in other files, which are not read; "
                    "export it as a self-contained movie"
                )
            raise MediaError(f"{path}: has neither sound nor a moving picture that can be decoded")
        if not audio_tracks and not more:
            raise _picture_error(path, container)
        width = height = None
        if video is not None:
            frame = first[video.index]
            assert isinstance(frame, av.VideoFrame)
            stream = container.streams[video.index]
            assert isinstance(stream, av.VideoStream)
            width, height = upright_size(frame, pixel_ratio=pixel_ratio(stream))
        start = start_of(container)
        known = container.duration / av.time_base if container.duration else None
        duration = known if known is not None else _measured_duration(path, start)
        lengths = _claimed_lengths(container, start) if name.partition(",")[0] in PER_TRACK_FORMATS else {}
    return MediaInfo(
        path=path,
        container=name,
        duration=duration,
        audio_tracks=audio_tracks,
        video_tracks=video_tracks,
        audio=audio,
        video=video,
        width=width,
        height=height,
        start=start,
        claimed_duration=_claim(path, name, known, duration=duration, start=start),
        claimed_lengths=lengths,
        empty_tracks=tuple(
            medium
            for medium, tracks, chosen in (("audio", audio_tracks, audio), ("video", video_tracks, video))
            if tracks and chosen is None
        ),
    )


def _refuse_extremes(path: Path, audio: tuple[AudioTrack, ...], video: tuple[VideoTrack, ...]) -> None:
    for sound in audio:
        if sound.channels > MOST_CHANNELS:
            raise MediaError(f"{path}: has {sound.channels} channels; mix them down to {MOST_CHANNELS} or fewer")
        if 0 < sound.sample_rate < LOWEST_RATE:
            raise MediaError(
                f"{path}: has sound at {sound.sample_rate} Hz, which carries no speech; the header may be damaged"
            )
    for picture in video:
        if picture.width * picture.height > LARGEST_PICTURE:
            raise MediaError(
                f"{path}: has a picture of {picture.width} x {picture.height} pixels; scale it down to 8K or less"
            )


def _refers_elsewhere(path: Path) -> bool:
    """Return whether the data references of a QuickTime file name other files, in its first or last mebibyte."""
    with path.open("rb") as file:
        beginning = file.read(REFERENCE_SPAN)
        file.seek(max(0, path.stat().st_size - REFERENCE_SPAN))
        return any(EXTERNAL_REFERENCE.search(part) for part in (beginning, file.read(REFERENCE_SPAN)))


def _picture_error(path: Path, container: av.container.InputContainer) -> MediaError:
    codec = container.streams.video[0].codec_context if container.streams.video else None
    codec_name = PICTURE_NAMES.get(codec.name, codec.name) if codec is not None else "image"
    return MediaError(f"{path}: is a still image ({codec_name}), not a recording; give a video or an audio file")


def _claim(path: Path, name: str, known: float | None, *, duration: float, start: float) -> float | None:
    """Return the duration in the header in seconds from time 0, if it can exceed the content."""
    family = name.partition(",")[0]
    if known is not None and family in COUNTED_FROM_ZERO:
        return known - max(start, 0.0)
    if family in CLAIMING_FORMATS:
        return known
    announced, there = announced_size(path), path.stat().st_size  # of these, FFmpeg gives the duration of the content
    return duration * announced / there if announced is not None and announced > there else None


def _claimed_lengths(container: av.container.InputContainer, start: float) -> dict[int, float]:
    lengths = {}
    for stream in (*container.streams.audio, *container.streams.video):
        length = seconds(stream.duration, stream.time_base, 0.0)
        if length is not None:
            lengths[stream.index] = length + (seconds(stream.start_time, stream.time_base, start) or 0.0)
    return lengths


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


def _first_frames(container: av.container.InputContainer, indices: set[int]) -> tuple[dict[int, DecodedFrame], bool]:
    """Decode the first frame of each stream; streams without a decodable frame are omitted.

    The second value is whether there is more than one frame in all.
    """
    first: dict[int, DecodedFrame] = {}
    count = 0
    streams = [container.streams[index] for index in sorted(indices)]
    for packet in packets_of(container, streams) if streams else ():
        if packet.stream.index not in first or count < 2:
            for frame in frames_of(packet) or ():
                first.setdefault(packet.stream.index, frame)
                count += 1
        if len(first) == len(streams) and count > 1:
            break
    return first, count > 1


def _measured_duration(path: Path, start: float) -> float:
    """Return the end of the last packet of the file, in seconds from time 0."""
    end = 0.0
    with open_media(path) as container:
        for packet in packets_of(container, [*container.streams.audio, *container.streams.video]):
            time = seconds(packet.pts, packet.time_base, start)
            if time is not None:
                end = max(end, time + (seconds(packet.duration, packet.time_base, 0.0) or 0.0))
    return end
