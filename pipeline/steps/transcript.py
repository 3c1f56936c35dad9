"""The step `transcript` of an analysis."""

from __future__ import annotations

from mtmm_video.extractors.sample_rate import SAMPLE_RATE
from mtmm_video.extractors.speech.recognition import transcribe
from mtmm_video.extractors.speech.transcript import Transcript
from mtmm_video.pipeline.recogniser import recognition_engine
from mtmm_video.pipeline.step_run import StepRun
from mtmm_video.pipeline.store.artefacts import load_speech, save_transcript


def transcript(run: StepRun) -> None:
    """Recognise the words, where the user gave no transcript."""
    options = run.job.options
    spoken = load_speech(run.inputs["speech"])
    heard = Transcript(words=(), language=options.language or "")
    if len(spoken):
        heard = transcribe(
            run.waveform(),
            sample_rate=SAMPLE_RATE,
            engine=recognition_engine(run.job, threads=run.threads),
            language=options.language,
            speech=spoken,
            hook=run.progress,
        )
    save_transcript(run.path, heard)
