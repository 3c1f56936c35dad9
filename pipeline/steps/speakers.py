"""The step `speakers` of an analysis."""

from __future__ import annotations

from mtmm_video.extractors.sample_rate import SAMPLE_RATE
from mtmm_video.extractors.speech.diarization import diarize
from mtmm_video.extractors.speech.speaker_turns import Diarization
from mtmm_video.pipeline.job import SPEAKER_WEIGHTS
from mtmm_video.pipeline.step_run import StepRun
from mtmm_video.pipeline.store.artefacts import load_speech, save_diarization


def speakers(run: StepRun) -> None:
    """Find out who speaks when."""
    spoken, tape = load_speech(run.inputs["speech"]), run.tape()
    found = Diarization.empty()
    if tape.tracks > 1:
        found = tape.diarization(spoken)
    elif len(spoken):
        networks = run.job.weights[SPEAKER_WEIGHTS]
        found = diarize(
            run.waveform(),
            sample_rate=SAMPLE_RATE,
            activity_model=networks / "activity.safetensors",
            encoder_model=networks / "encoder.safetensors",
            speech=spoken,
            speakers=run.job.options.speaker_count,
        )
    save_diarization(run.path, found)
