"""Completeness of a media file: the duration of its content, against what its header specifies.

Interrupted downloads and recordings leave files whose header still has the full duration. Their content is analysed,
and the report states what is missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mtmm_video.pipeline.media.announced_size import announced_size
from mtmm_video.pipeline.media.clock import read_clock
from mtmm_video.pipeline.media.probing import MediaInfo

CLAIM_TOLERANCE = 0.5  # seconds by which header and content may differ: the last packet's duration is often rounded
CLAIM_SHARE = 0.001  # of the duration, by which they may differ: coarse time bases accumulate rounding

MOST_GAPS = 5  # that are listed


@dataclass(frozen=True)
class Presence:
    """Completeness of a media file.

    Attributes
    ----------
    duration : float
        Seconds from time 0 to the end of the last packet.
    claimed_duration : float or None
        Duration in the header in seconds, if it exceeds the content, or the one that corresponds to the size in bytes
        that the file announces; None if it is complete.
    gaps : tuple of (float, float)
        Start and end in seconds of gaps in the audio.
    remarks : tuple of str
        Sentences for the report: missing content, gaps, restarts, overlaps.
    """

    duration: float
    claimed_duration: float | None
    gaps: tuple[tuple[float, float], ...]
    remarks: tuple[str, ...]


def find_presence(path: Path, info: MediaInfo) -> Presence:
    """Compare the header of a file with its content, reading all its packets.

    Parameters
    ----------
    path : Path
    info : MediaInfo
        Of `probing.probe`.

    Raises
    ------
    MediaError
        If the file cannot be read.
    """
    audio = None if info.audio is None else info.audio.index
    video = None if info.video is None else info.video.index
    clock = read_clock(path, audio=audio, video=video)
    whole = max(clock.ends.values(), default=0.0)
    remarks = []
    claimed_duration = None
    if info.claimed_duration is not None and info.claimed_duration - whole > _tolerance(info.claimed_duration):
        claimed_duration = info.claimed_duration
        remarks.append(
            f"The file is incomplete: it ends at {whole:.1f} s, its header specifies {claimed_duration:.1f} s."
        )
    missing = (announced_size(path) or 0) - path.stat().st_size
    if claimed_duration is None and info.container.startswith("mov") and missing > 0:  # fragments, of unknown number
        claimed_duration = whole * (1 + missing / path.stat().st_size)
        remarks.append(
            f"The file is incomplete: it breaks off at {whole:.1f} s, inside a part that lacks {missing} bytes."
        )
    for index, track in ((audio, "audio"), (video, "video")):
        if index is None:
            continue
        claimed, there = info.claimed_lengths.get(index, 0.0), clock.ends.get(index, 0.0)
        if claimed - there > _tolerance(claimed) and whole - there > _tolerance(claimed):
            remarks.append(
                f"The {track} is incomplete: it ends at {there:.1f} s, its header specifies {claimed:.1f} s."
            )
            claimed_duration = max(claimed_duration or 0.0, claimed)
    remarks += [f"The {track} track of the file has no decodable content." for track in info.empty_tracks]
    remarks += [f"The audio has a gap from {start:.1f} to {end:.1f} s." for start, end in clock.gaps[:MOST_GAPS]]
    if len(clock.gaps) > MOST_GAPS:
        remarks.append(f"The audio has {len(clock.gaps) - MOST_GAPS} more gaps.")
    remarks += [
        f"The timestamps of the file restart; the rest was placed after {time:.1f} s." for time in clock.restarts
    ]
    remarks += [
        f"The file has {start:.1f} to {end:.1f} s twice; the first version was used." for start, end in clock.overlaps
    ]
    kept = claimed_duration is None and abs(info.duration - clock.end) <= _tolerance(info.duration)
    return Presence(
        duration=info.duration if kept else clock.end,
        claimed_duration=claimed_duration,
        gaps=clock.gaps,
        remarks=tuple(remarks),
    )


def _tolerance(length: float) -> float:
    return max(CLAIM_TOLERANCE, CLAIM_SHARE * length)
