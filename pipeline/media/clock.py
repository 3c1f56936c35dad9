"""The common time base of a file's audio and video: packet timestamps through gaps, restarts and overlaps.

Timestamps usually increase from the start of a file to its end. Lost signal leaves a gap, concatenated recordings
restart, and a cut without re-encoding can leave packets before the cut with timestamps of their own. The rules:

* gaps are preserved: after a gap of 20 s everything is 20 s later;
* where timestamps restart, the following packets of audio and video are placed after the previous ones;
* where they go back by up to `LONGEST_OVERLAP` and then exceed the previous ones, the file has an interval twice, and
  the first version is used;
* a jump forward by more than `LONGEST_GAP` is a restart, not a gap;
* a single packet whose timestamp fits neither its predecessor nor its successor has a damaged timestamp.
"""

from __future__ import annotations

import functools
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mtmm_video.pipeline.media.media_file import DecodedFrame, Packet, open_media, packets_of, seconds, start_of

STEP_BACK = 0.5  # seconds by which decoding timestamps may decrease without a restart; in intact files they never do
LONGEST_GAP = 3600.0  # seconds; an hour of zeros takes 230 MB of waveform
LONGEST_OVERLAP = 10.0  # seconds; the threshold above which the ffmpeg program, too, assumes a discontinuity
RESTART = 1.0  # seconds around the first timestamp of the file; a decrease to there is a restart however small it is
SAME_JUMP = 5.0  # seconds between the timestamps of audio and video after the same jump
SHORTEST_SHIFT = 1e-6  # seconds; smaller shifts are rounding
SHORTEST_GAP = 0.5  # seconds; gaps of single lost packets are shorter and not reported
LONG_PACKET = 4.0  # times the usual duration of an audio packet; within a stream they hardly differ but for the last
MOST_DELAYED = 64  # packets of decoder delay; H.264 and HEVC have up to 16
ASSUMED_STEP = 0.04  # seconds between packets without duration: 25 frames per second


@dataclass(frozen=True)
class Clock:
    """Mapping of packet timestamps to seconds from the start of the file.

    Attributes
    ----------
    start : float
        The container's start time, which is time 0, in seconds.
    shifts : mapping of int to ndarray, shape (packets,)
        Per stream index: seconds to add to a packet's timestamp minus `start`, in file order. Streams without a
        restart are not in it.
    end : float
        End of the last packet in seconds.
    sound_end : float or None
        End of the last audio packet in seconds; None if its duration is unknown.
    gaps : tuple of (float, float)
        Start and end in seconds of gaps between audio packets.
    restarts : tuple of float
        Times in seconds at which timestamps restart.
    overlaps : tuple of (float, float)
        Start and end in seconds of intervals that the file has twice.
    ends : mapping of int to float
        Per stream index, of all streams: end of the last packet in seconds, without shifts.
    shown : mapping of int to ndarray of int64, shape (packets,)
        Per stream index: presentation timestamps in the stream's time base, ascending. Streams with packets without
        one are not in it.
    """

    start: float
    shifts: dict[int, NDArray[np.float64]]
    end: float
    sound_end: float | None
    gaps: tuple[tuple[float, float], ...]
    restarts: tuple[float, ...]
    overlaps: tuple[tuple[float, float], ...]
    ends: dict[int, float] = field(default_factory=dict)
    shown: dict[int, NDArray[np.int64]] = field(default_factory=dict)

    def shift(self, stream: int, packet: int) -> float:
        """Return the shift in seconds of the n-th packet of a stream."""
        shifts = self.shifts.get(stream)
        return 0.0 if shifts is None else float(shifts[min(packet, len(shifts) - 1)])


def read_clock(path: Path, *, audio: int | None, video: int | None) -> Clock:
    """Read the time base of a file from all its packets, without decoding them.

    Parameters
    ----------
    path : Path
    audio, video : int or None
        Indices of the selected streams.

    Raises
    ------
    MediaError
        If the file cannot be read.
    """
    status = path.stat()
    return _read_clock(path, audio, video, (status.st_size, status.st_mtime_ns))


@functools.lru_cache(maxsize=8)  # audio and video are read separately
def _read_clock(path: Path, audio: int | None, video: int | None, _stamp: tuple[int, int]) -> Clock:
    used = [index for index in (audio, video) if index is not None]
    order: list[int] = []
    times: dict[int, list[float]] = {index: [] for index in used}
    lengths: dict[int, list[float]] = {index: [] for index in used}
    reordered: dict[int, list[float]] = {index: [] for index in used}
    shown_at: dict[int, list[int | None]] = {index: [] for index in used}
    ends: dict[int, float] = {}
    with open_media(path) as container:
        start = start_of(container)
        bases = {stream.index: stream.time_base for stream in container.streams}
        for packet in packets_of(container, tuple(container.streams)):
            if packet.size == 0:  # the end of a stream
                continue
            index, pts, dts = packet.stream_index, packet.pts, packet.dts
            length = seconds(packet.duration, bases[index], 0.0) or 0.0
            shown = seconds(pts, bases[index], start)
            if shown is not None and shown + length > ends.get(index, 0.0):
                ends[index] = shown + length
            if index in times:
                time = shown if dts is None else seconds(dts, bases[index], start)
                order.append(index)
                times[index].append(np.nan if time is None else time)
                lengths[index].append(length)
                shown_at[index].append(pts)
                reordered[index].append(0.0 if time is None or shown is None else shown - time)
    clock = build_clock(order, times, lengths, reordered, start=start, audio=audio)
    complete = {index: np.sort(np.array(ticks, np.int64)) for index, ticks in shown_at.items() if None not in ticks}
    return replace(clock, ends=ends, shown=complete)


def build_clock(
    order: Sequence[int],
    times: dict[int, list[float]],
    lengths: dict[int, list[float]],
    reordered: dict[int, list[float]] | None = None,
    *,
    start: float,
    audio: int | None,
) -> Clock:
    """Compute the time base from packet timestamps.

    Parameters
    ----------
    order : sequence of int
        Stream index of every packet, in file order.
    times, lengths : mapping of int to list of float
        Per stream index: decoding timestamps and durations of its packets in seconds; NaN for missing timestamps.
    reordered : mapping of int to list of float, optional
        Per stream index: presentation minus decoding timestamp in seconds.
    start : float
        The container's start time in seconds; subtracted from all timestamps.
    audio : int or None
        Index of the audio stream, in which gaps are detected.
    """
    if audio is not None and audio in lengths:
        lengths = {**lengths, audio: _sounding(lengths[audio])}
    filled = {index: _repaired(np.array(times[index]), np.array(lengths[index])) for index in times}
    sections, numbers = _sections(order, filled, lengths)
    ends = {index: filled[index] + np.array(lengths[index]) for index in filled}
    moved, restarts, overlaps = _moved(sections, numbers, ends)
    shifts: dict[int, NDArray[np.float64]] = {}
    end = 0.0
    sound_end = None
    gaps: list[tuple[float, float]] = []
    for index, raw in filled.items():
        if not len(raw):
            continue
        placed = raw + moved[numbers[index]]
        until = placed + np.array(lengths[index])
        later = np.array(reordered[index]) if reordered is not None else 0.0
        end = max(end, float((until + later).max()))
        written = np.array(times[index])
        shift = placed - np.where(np.isfinite(written), written, raw)
        if np.abs(shift).max() > SHORTEST_SHIFT:
            shifts[index] = shift
        if index == audio:
            sound_end = float(until.max()) if lengths[index][int(until.argmax())] > 0.0 else None
            reached = np.maximum.accumulate(until)[:-1]
            found = np.flatnonzero(placed[1:] - reached > SHORTEST_GAP)
            gaps = [(float(reached[place]), float(placed[place + 1])) for place in found]
    return Clock(start, shifts, end, sound_end, tuple(gaps), tuple(restarts), tuple(overlaps))


def _sounding(lengths: list[float]) -> list[float]:
    """Replace durations of audio packets that last until the packet after a gap, as in MP4, by the usual one."""
    usual = statistics.median(lengths) if lengths else 0.0
    return [usual if length > max(SHORTEST_GAP, LONG_PACKET * usual) else length for length in lengths]


def _sections(
    order: Sequence[int], times: dict[int, NDArray[np.float64]], lengths: dict[int, list[float]]
) -> tuple[list[float], dict[int, NDArray[np.intp]]]:
    """Return the first timestamp of every section without a jump, and the section of each packet.

    The same jump in two streams, at slightly different positions in the file, starts one section.
    """
    begins: list[float] = []
    numbers = {index: np.zeros(len(times[index]), dtype=np.intp) for index in times}
    current: dict[int, int] = {}
    last: dict[int, tuple[float, float]] = {}
    position = dict.fromkeys(times, 0)
    for index in order:
        packet = position[index]
        position[index] += 1
        time = float(times[index][packet])
        if index not in last:
            near = [number for number, begin in enumerate(begins) if abs(begin - time) <= SAME_JUMP]
            current[index] = near[-1] if near else 0
            if not begins:
                begins.append(time)
        elif time < last[index][0] - STEP_BACK or time > last[index][1] + LONGEST_GAP:
            later = range(current[index] + 1, len(begins))
            current[index] = next((n for n in later if abs(begins[n] - time) <= SAME_JUMP), len(begins))
            if current[index] == len(begins):
                begins.append(time)
        begins[current[index]] = min(begins[current[index]], time)
        last[index] = (time, time + lengths[index][packet])
        numbers[index][packet] = current[index]
    return begins, numbers


def _moved(
    begins: Sequence[float], numbers: dict[int, NDArray[np.intp]], ends: dict[int, NDArray[np.float64]]
) -> tuple[NDArray[np.float64], list[float], list[tuple[float, float]]]:
    """Return the shift of each section, the restarts and the overlaps."""
    moved = np.zeros(len(begins))
    restarts: list[float] = []
    overlaps: list[tuple[float, float]] = []
    reached = 0.0
    for number, begin in enumerate(begins):
        if number:
            moved[number] = moved[number - 1]
            back = reached - (begin + moved[number])
            again = abs(begin - begins[0]) <= RESTART
            if not again and 0.0 <= back <= LONGEST_OVERLAP:
                overlaps.append((reached - back, reached))
            elif back >= 0.0 or -back > LONGEST_GAP:
                restarts.append(reached)
                moved[number] = reached - begin
        inside = [float(ends[index][numbers[index] == number].max(initial=-np.inf)) for index in numbers]
        reached = max([reached, *(end + float(moved[number]) for end in inside)])
    return moved, restarts, overlaps


def _repaired(times: NDArray[np.float64], lengths: NDArray[np.float64]) -> NDArray[np.float64]:
    """Replace missing timestamps and those that fit neither neighbour by the end of the previous packet."""
    filled = times.copy()
    reached = 0.0
    for packet, time in enumerate(times):
        following = times[packet + 1] if packet + 1 < len(times) else np.nan
        fits = np.isfinite(time) and (
            packet == 0
            or not np.isfinite(following)
            or abs(time - reached) <= STEP_BACK
            or abs(following - time) < abs(following - reached)
        )
        if not fits:
            filled[packet] = reached
        reached = filled[packet] + (lengths[packet] or ASSUMED_STEP)
    return filled


class Shifts:
    """Shifts of decoded frames: a decoder returns a frame up to `MOST_DELAYED` packets after its own."""

    def __init__(self, clock: Clock, stream: int) -> None:
        self._clock, self._stream = clock, stream
        self._packets = 0
        self._latest = 0.0
        self._waiting: dict[int, float] = {}

    def note(self, packet: Packet) -> None:
        """Register a packet before it is decoded; all packets of the stream, in file order."""
        if packet.size == 0:
            return
        self._latest = self._clock.shift(self._stream, self._packets)
        self._packets += 1
        if packet.pts is not None and self._stream in self._clock.shifts:
            self._waiting[packet.pts] = self._latest
            if len(self._waiting) > MOST_DELAYED:
                del self._waiting[next(iter(self._waiting))]

    def of(self, frame: DecodedFrame) -> float:
        """Return the shift of a decoded frame in seconds."""
        return self._latest if frame.pts is None else self._waiting.get(frame.pts, self._latest)
