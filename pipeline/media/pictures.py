"""Video frames of a media file one by one, rotated upright, with their presentation timestamps."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from mtmm_video.extractors.frame import Frame
from mtmm_video.foundation.errors import InputError, MediaError
from mtmm_video.pipeline.media.clock import Clock, Shifts, read_clock
from mtmm_video.pipeline.media.media_file import open_media, pictures_of, pixel_ratio, seconds, upright
from mtmm_video.pipeline.media.probing import probe

GRID_TOLERANCE_S = 1e-3  # time bases of 1 ms round a frame's time by up to half of this
ASSUMED_FRAME_RATE = 25.0  # frames per second, for raw streams without timestamps and frame rate


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
    clock = read_clock(path, audio=None if info.audio is None else info.audio.index, video=info.video.index)
    last, reached = -math.inf, -1.0
    with open_media(path) as container:
        stream = container.streams[info.video.index]
        assert isinstance(stream, av.VideoStream)
        ratio = pixel_ratio(stream)
        shifts = Shifts(clock, stream.index)
        wanted = None if rate is None else _on_grid(clock, stream, rate=rate)
        for frame in pictures_of(container, stream, note=shifts.note, wanted=wanted):
            time = seconds(frame.pts, frame.time_base, clock.start)
            if time is not None:
                time += shifts.of(frame)
            else:
                time = max(last + 1.0 / (info.frame_rate or ASSUMED_FRAME_RATE), 0.0)
            if time < 0.0 or time <= last:
                continue
            if rate is not None:
                interval = float(_intervals(time, rate=rate))
                if interval <= reached:
                    continue
                reached = interval
            last = time
            yield Frame(time=time, image=upright(frame, pixel_ratio=ratio, longest_side=longest_side))


def _intervals(times: float | NDArray[np.float64], *, rate: float) -> NDArray[np.float64]:
    """Return which interval of 1 / rate each time lies in: the first frame of each is yielded."""
    return np.asarray(np.floor((np.asarray(times) + GRID_TOLERANCE_S) * rate))


def _on_grid(clock: Clock, stream: av.VideoStream, *, rate: float) -> frozenset[int] | None:
    """Return the presentation timestamps of the frames that `read_frames` yields from an undamaged file.

    None where they do not follow from the packets alone: timestamps that are missing or were moved.
    """
    ticks = clock.shown.get(stream.index)
    if ticks is None or stream.index in clock.shifts or stream.time_base is None:
        return None
    times = ticks * stream.time_base.numerator / stream.time_base.denominator - clock.start
    ticks, times = ticks[times >= 0.0], times[times >= 0.0]
    return frozenset(ticks[np.diff(_intervals(times, rate=rate), prepend=-1.0) > 0].tolist())
