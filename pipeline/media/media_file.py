"""Media files with PyAV: opening, demuxing and decoding with tolerance of damage, and rotation of frames."""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import av
import av.container
import av.error
import av.sidedata.sidedata
import av.stream
import numpy as np
from numpy.typing import NDArray

from mtmm_video.foundation.cores import available_cores
from mtmm_video.foundation.errors import MediaError

# Demuxers that read other files or the network: playlists, scripts, manifests, sessions, image sequences, devices.
REFERRING_FORMATS = frozenset(
    {"concat", "hls", "dash", "imf", "sdp", "rtsp", "rtp", "sap", "lavfi", "vobsub", "image2", "image2pipe"}
)
PLAYLIST = re.compile(rb"\s*(?:#EXTM3U|ffconcat|\[playlist\]|<\?xml[^>]*>\s*<MPD|<MPD|<asx|v=0\r?\no=)", re.IGNORECASE)
LARGEST_PICTURE = 1 << 26  # pixels: twice 8K. A file of 7 MB can hold pictures of 250 million pixels, 2 GB in memory
MOST_BOXES = 64  # outermost box types that are compared; files have about five
Packet: TypeAlias = "av.Packet[Any]"  # generic in PyAV's type stubs only
DecodedFrame = av.VideoFrame | av.AudioFrame


def address(path: Path) -> str:
    """Return the path in a form in which FFmpeg does not interpret a colon or a leading dash."""
    return f"file:{path}"


@functools.cache
def open_options() -> dict[str, str]:
    """Return the options of FFmpeg with which files are opened: nothing but the file itself can be read."""
    names = set()
    for name in av.formats_available:
        with contextlib.suppress(ValueError):  # only for writing
            names.add(av.ContainerFormat(name, "r").name)
    allowed = (name for name in sorted(names) if not REFERRING_FORMATS & set(name.split(",")))
    return {"protocol_whitelist": "file", "format_whitelist": ",".join(allowed)}


@contextmanager
def open_media(path: Path) -> Iterator[av.container.InputContainer]:
    """Open a file for reading and close it after the block.

    Raises
    ------
    MediaError
        If it is missing, a folder, empty, unreadable, or not a media file.
    """
    try:
        if path.is_dir():
            raise MediaError(f"{path}: is a folder, not a media file")
        if not path.exists():
            raise MediaError(f"{path}: there is no such file")
        if not path.is_file():
            raise MediaError(f"{path}: is not a regular file")
        if path.stat().st_size == 0:
            raise MediaError(f"{path}: is empty (zero bytes)")
        with path.open("rb"):
            pass
    except OSError as error:
        raise MediaError(f"{path}: cannot be opened ({error.strerror or error})") from error
    try:
        container = av.open(address(path), options=open_options(), metadata_errors="replace")
    except (av.error.FFmpegError, OSError, ValueError) as error:
        with path.open("rb") as file:
            beginning = file.read(256)
        if PLAYLIST.match(beginning):
            raise MediaError(f"{path}: is a playlist, which names other files; give the recording itself") from error
        if _lacks_index(path):
            raise MediaError(
                f"{path}: is an MP4 or MOV file without its index, which is written last: the recording or the copy "
                "broke off; copy it again, or repair it with the program that recorded it"
            ) from error
        reason = getattr(error, "strerror", None) or error
        raise MediaError(f"{path}: is not a media file that FFmpeg can read ({reason})") from error
    with container:
        for stream in container.streams.video:
            if stream.codec_context is not None:  # for pictures that are larger than the header says
                stream.codec_context.options = {"max_pixels": str(LARGEST_PICTURE)}
        yield container


def _lacks_index(path: Path) -> bool:
    """Tell whether a file is MP4 or MOV (ISO/IEC 14496-12) and has no ``moov`` box among its outer boxes."""
    boxes: set[bytes] = set()
    size = path.stat().st_size
    with path.open("rb") as file:
        position = 0
        while position + 8 <= size and len(boxes) < MOST_BOXES:
            file.seek(position)
            head = file.read(16)
            boxes.add(head[4:8])
            length = int.from_bytes(head[:4], "big")
            length = int.from_bytes(head[8:16], "big") if length == 1 else length
            if length < 8:  # up to the end of the file, or damage
                break
            position += length
    return b"ftyp" in boxes and b"moov" not in boxes


def start_of(container: av.container.InputContainer) -> float:
    """Return the container's start time in seconds, which players show as time 0."""
    return container.start_time / av.time_base if container.start_time is not None else 0.0


def packets_of(container: av.container.InputContainer, streams: Sequence[av.stream.Stream]) -> Iterator[Packet]:
    """Yield the packets of some streams in file order, up to the end or to the first unreadable one."""
    packets = container.demux(*streams)
    while True:
        try:
            packet = next(packets)
        except (StopIteration, av.error.FFmpegError):  # the packets of a truncated file before its end are valid
            return
        yield packet


def frames_of(packet: Packet) -> list[DecodedFrame] | None:
    """Decode one packet; None for a damaged one, after which the decoder continues with the next."""
    try:
        return [frame for frame in packet.decode() if isinstance(frame, DecodedFrame)]
    except av.error.FFmpegError:
        return None


def pictures_of(
    container: av.container.InputContainer,
    stream: av.VideoStream,
    *,
    note: Callable[[Packet], None],
    wanted: frozenset[int] | None = None,
) -> Iterator[av.VideoFrame]:
    """Decode a video stream in order, without frames that depend on damaged data.

    `note` is called with every packet before it is decoded. `wanted` has the presentation timestamps, in the stream's
    time base, of the frames that are looked at: of the others those are left out from which no frame is predicted,
    where the decoder can tell (H.264, HEVC and MPEG can). None stands for all frames.

    Frames are coded as differences from earlier ones, and decoders conceal damage by interpolation. So after a damaged
    packet or a frame that the decoder marks as corrupt, all frames up to the next intact key frame are dropped.
    """
    stream.thread_type = "AUTO"
    stream.codec_context.thread_count = available_cores()
    sound = True
    for packet in packets_of(container, [stream]):
        note(packet)
        if wanted is not None:
            needed = packet.pts is None or packet.pts in wanted
            stream.codec_context.skip_frame = "DEFAULT" if needed else "NONREF"
        frames = frames_of(packet)
        if frames is None:
            sound = False
            continue
        for frame in frames:
            assert isinstance(frame, av.VideoFrame)
            sound = not frame.is_corrupt and (sound or frame.key_frame)
            if sound:
                yield frame


def seconds(ticks: int | None, time_base: Any, start: float) -> float | None:
    """Convert a time in units of `time_base` (a fraction of a second) to seconds after `start`; None stays None."""
    # Not float(ticks * time_base): the arithmetic of fractions would take longer than reading the packets.
    return None if ticks is None or time_base is None else ticks * time_base.numerator / time_base.denominator - start


def upright(frame: av.VideoFrame, *, pixel_ratio: float, longest_side: int | None) -> NDArray[np.uint8]:
    """Convert a decoded frame to RGB with square pixels, rotated by its display matrix.

    Parameters
    ----------
    frame : av.VideoFrame
        As decoded.
    pixel_ratio : float
        Width of a stored pixel over its height.
    longest_side : int or None
        Larger frames are scaled down to this many pixels.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
    """
    width, height = _square_size(frame, pixel_ratio)
    if longest_side is not None and max(width, height) > longest_side:
        scale = longest_side / max(width, height)
        width, height = max(round(width * scale), 1), max(round(height * scale), 1)
    # One thread: more would be started anew for every picture.
    image = frame.to_ndarray(format="rgb24", width=width, height=height, threads=1)
    a, b, c, d = _display_matrix(frame)
    if abs(b) > abs(a):  # a rotation by 90 or 270 degrees
        image = image.transpose(1, 0, 2)
        a, d = c, b
    if a < 0:
        image = image[:, ::-1]
    if d < 0:
        image = image[::-1]
    return np.ascontiguousarray(image)


def upright_size(frame: av.VideoFrame, *, pixel_ratio: float) -> tuple[int, int]:
    """Return (width, height) of the result of `upright` without scaling."""
    width, height = _square_size(frame, pixel_ratio)
    a, b, _, _ = _display_matrix(frame)
    return (height, width) if abs(b) > abs(a) else (width, height)


def pixel_ratio(stream: av.VideoStream) -> float:
    """Return width over height of a stored pixel (not 1 for anamorphic video); 1 if the file does not specify it."""
    return float(stream.sample_aspect_ratio or 1)


def _square_size(frame: av.VideoFrame, ratio: float) -> tuple[int, int]:
    return round(frame.width * ratio), frame.height


def _display_matrix(frame: av.VideoFrame) -> tuple[int, int, int, int]:
    """Return (a, b, c, d) of FFmpeg's display matrix: a stored point (x, y) is shown at (a x + c y, b x + d y)."""
    # Not `frame.side_data`: the frame would hold a container that holds the frame, and its picture would stay in memory
    # until such circles are searched for.
    make_container: Any = av.sidedata.sidedata.SideDataContainer  # PyAV's type stub has it without parameters
    container = make_container(frame)
    for index in range(len(container)):
        side_data = container[index]
        if side_data.type is av.sidedata.sidedata.Type.DISPLAYMATRIX:
            values = np.frombuffer(bytes(side_data), dtype=np.int32)
            return int(values[0]), int(values[1]), int(values[3]), int(values[4])
    return 1, 0, 0, 1
