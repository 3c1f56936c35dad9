"""The step `acoustic` of an analysis."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mtmm_video.extractors.acoustic.columns import COVAREP_NAMES, COVAREP_VERSION
from mtmm_video.extractors.acoustic.covarep import covarep
from mtmm_video.extractors.sample_rate import SAMPLE_RATE
from mtmm_video.extractors.stream import FeatureStream
from mtmm_video.pipeline.part import waveform_inside
from mtmm_video.pipeline.step_run import StepRun
from mtmm_video.pipeline.store.artefacts import save_stream


def acoustic(run: StepRun) -> None:
    """Measure the 74 COVAREP columns over the recording, or the part of it that is analysed."""
    stream = FeatureStream.empty(COVAREP_NAMES, version=COVAREP_VERSION)
    if run.source().has_audio:
        waveform, start = run.waveform(), 0.0
        if run.tape().tracks == 1:
            waveform, start = waveform_inside(waveform, run.job, sample_rate=SAMPLE_RATE)
        stream = covarep(waveform, sample_rate=SAMPLE_RATE, dtype=np.float32)  # the store's precision
        stream = replace(stream, times=stream.times + start)
    save_stream(run.path, stream)
