"""`StepRun`: one run of one step of an analysis, with what its function is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mtmm_video.pipeline.job import Job
from mtmm_video.pipeline.media.last_waveform import last_waveform
from mtmm_video.pipeline.media.reading import read_channels, read_waveform
from mtmm_video.pipeline.source import Source
from mtmm_video.pipeline.store.artefacts import load_source
from mtmm_video.pipeline.tracks import Tape


@dataclass(frozen=True)
class StepRun:
    """One run of one step: what its function is given.

    Attributes
    ----------
    job : Job
        The video and what is settled about it.
    inputs : mapping of str to Path
        The artefacts of the steps it needs, by name. A step that does not apply to the job has none.
    path : Path
        Where the artefact is written, whole or not at all.
    progress : callable
        Takes the share of the work that is done, in [0, 1].
    threads : int
        Processor threads that it may use.
    """

    job: Job
    inputs: Mapping[str, Path]
    path: Path
    progress: Callable[[float], None]
    threads: int

    def source(self) -> Source:
        """Return the facts about the file, under the job's name and path."""
        return load_source(self.inputs["media"], name=self.job.name, video=self.job.video)

    def tape(self) -> Tape:
        """Return where the tracks of the recording lie in `waveform`."""
        source = self.source()
        return Tape.of(tracks=source.tracks, duration=source.duration)

    def waveform(self) -> NDArray[np.float32]:
        """Return what the steps listen to: the mix of the channels, or the separate tracks one after the other.

        Read-only, because all steps share one array.
        """
        video, tape = self.job.video, self.tape()

        def read() -> NDArray[np.float32]:
            return read_waveform(video) if tape.tracks == 1 else tape.waveform(read_channels(video))

        return last_waveform.get((video, self.job.content, tape), read)
