"""The step `voice` of an analysis."""

from __future__ import annotations

from mtmm_video.extractors.sample_rate import SAMPLE_RATE
from mtmm_video.pipeline.job import VOICE_WEIGHTS
from mtmm_video.pipeline.step_run import StepRun
from mtmm_video.pipeline.store.artefacts import load_utterances, save_modality
from mtmm_video.pipeline.voice_features import no_voice, voice_features


def voice(run: StepRun) -> None:
    """Compute whisper's states of each utterance, where the checkpoint was trained on them."""
    spoken = load_utterances(run.inputs["utterances"])
    columns = no_voice(len(spoken))
    if spoken and run.source().has_audio:
        columns = voice_features(
            run.waveform(),
            sample_rate=SAMPLE_RATE,
            spans=[(each.start, each.end) for each in map(run.tape().on_tape, spoken)],
            model=run.job.weights[VOICE_WEIGHTS],
        )
    save_modality(run.path, columns)
