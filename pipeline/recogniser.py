"""Which engine recognises the words of a job, with its model read."""

from __future__ import annotations

from mtmm_video.extractors.speech.windows import Engine
from mtmm_video.foundation.graphics import torch_device
from mtmm_video.pipeline.job import Job
from mtmm_video.pipeline.weights.ctranslate2_form import whisper_form


def recognition_device(job: Job) -> str:
    """Return where the engine of a job computes: "cuda" or "cpu"."""
    if job.options.recogniser() == "openai-whisper":
        return torch_device()
    from mtmm_video.extractors.speech.ctranslate2_engine import device  # noqa: PLC0415 (only where it is asked for)

    return device()


def recognition_engine(job: Job, *, threads: int) -> Engine:
    """Return the engine that a job's options ask for.

    Parameters
    ----------
    job : Job
    threads : int
        Processor threads that it may use.

    Raises
    ------
    WeightsError
        If the model is damaged, or its other form cannot be written to the cache.
    """
    name, translate, place = f"whisper-{job.options.asr}", job.options.translate, recognition_device(job)
    if job.options.recogniser() == "openai-whisper":
        from mtmm_video.extractors.speech.openai_engine import OpenAIEngine  # noqa: PLC0415 (only where it is asked for)

        return OpenAIEngine.load(job.weights[name], translate=translate, device=place)
    from mtmm_video.extractors.speech.ctranslate2_engine import CTranslate2Engine  # noqa: PLC0415

    form = whisper_form(name, device=place)
    return CTranslate2Engine.load(form, threads=threads, device=place, translate=translate)
