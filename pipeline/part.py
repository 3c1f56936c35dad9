"""The part of a file that is analysed (``--from``, ``--to``): what each step leaves out. Times are the whole file's."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import takewhile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtmm_video.extractors.frame import Frame
from mtmm_video.foundation.errors import InputError
from mtmm_video.pipeline.job import Job
from mtmm_video.pipeline.utterance import Utterance


def part_parameters(job: Job) -> dict[str, Any]:
    """Return the parameter of steps that look at the chosen part alone; none where the whole file is analysed."""
    return {} if job.options.part is None else {"part": [job.options.start, job.options.end]}


def bounds(job: Job) -> tuple[float, float]:
    """Return start and end in seconds, of the whole file 0 and infinity."""
    return job.options.part or (0.0, math.inf)


def intervals_inside(intervals: NDArray[np.float64], job: Job, *, duration: float) -> NDArray[np.float64]:
    """Clip intervals of shape (n, 2), in seconds, to the part, and leave out those outside.

    Raises
    ------
    InputError
        If the part begins after the end of the file.
    """
    start, end = bounds(job)
    _refuse_beyond(start, job, duration=duration)
    clipped = np.clip(intervals, start, end)
    return clipped[clipped[:, 1] > clipped[:, 0]]


def _refuse_beyond(start: float, job: Job, *, duration: float) -> None:
    if start and start >= duration:
        raise InputError(f"{job.video}: --from {start:g} s lies beyond its end: it lasts {duration:.1f} s")


def waveform_inside(waveform: NDArray[np.float32], job: Job, *, sample_rate: int) -> tuple[NDArray[np.float32], float]:
    """Return the samples of the part, and when in seconds the first of them is heard.

    Raises
    ------
    InputError
        If the part begins after the end of the file. Steps run beside each other, so whichever is first says so.
    """
    start, end = bounds(job)
    _refuse_beyond(start, job, duration=len(waveform) / sample_rate)
    first = round(start * sample_rate)
    last = len(waveform) if math.isinf(end) else round(end * sample_rate)
    return waveform[first:last], first / sample_rate


def frames_inside(frames: Iterable[Frame], job: Job) -> Iterator[Frame]:
    """Yield the frames of the part; reading ends with it."""
    start, end = bounds(job)
    return (frame for frame in takewhile(lambda frame: frame.time < end, frames) if frame.time >= start)


def utterances_inside(utterances: Sequence[Utterance], job: Job) -> tuple[Utterance, ...]:
    """Return the utterances whose middle lies in the part, numbered anew."""
    start, end = bounds(job)
    inside = [each for each in utterances if start <= (each.start + each.end) / 2 < end]
    return tuple(replace(each, index=index) for index, each in enumerate(inside))
