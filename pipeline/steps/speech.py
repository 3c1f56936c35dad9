"""The step `speech` of an analysis."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mtmm_video.extractors.sample_rate import SAMPLE_RATE
from mtmm_video.extractors.speech.channel_speakers import speech_of_channels
from mtmm_video.extractors.speech.voice_activity import detect_speech
from mtmm_video.pipeline.media.reading import read_channels
from mtmm_video.pipeline.part import intervals_inside
from mtmm_video.pipeline.step_run import StepRun
from mtmm_video.pipeline.store.artefacts import save_speech


def speech(run: StepRun) -> None:
    """Find the intervals in which somebody speaks, within the part that is analysed."""
    source, tape = run.source(), run.tape()
    found: list[NDArray[np.float64]] = [np.zeros((0, 2))]
    if tape.tracks > 1:
        found = list(speech_of_channels(read_channels(run.job.video))[: tape.tracks])
    elif source.has_audio:
        found = [detect_speech(run.waveform(), sample_rate=SAMPLE_RATE)]
    inside = [intervals_inside(each, run.job, duration=source.duration) for each in found]
    save_speech(run.path, np.concatenate([each + tape.start_of(track) for track, each in enumerate(inside)]))
