"""The flow behind `mtmm-video analyze`: a handful of tasks per video, each one step of the sentence.

The tasks return paths. What they made lies in the content-addressed store, so Prefect is not asked to keep results: a
step whose artefact exists is not run again, in this run or any later one, on any machine that shares the store.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.tasks import Task

from mtmm_video.flows.gpu import gpu_slot
from mtmm_video.flows.observing import ObservedRun, show_analysis
from mtmm_video.foundation.errors import MtmmError
from mtmm_video.pipeline import steps
from mtmm_video.pipeline.analysis import Analysis
from mtmm_video.pipeline.job import Hook, Job, StepResult, no_hook
from mtmm_video.pipeline.options import DEFAULT_FORMATS, DEFAULT_MODEL, AnalyzeOptions
from mtmm_video.pipeline.run import assemble, report
from mtmm_video.pipeline.store.local import Store

RETRIES = 2
RETRY_DELAYS = [2.0, 10.0]  # seconds: a file server that hiccups is back by then, one that is down is not
PASSING_ERRORS = {errno.EIO, errno.EAGAIN, errno.ETIMEDOUT, errno.ESTALE, errno.ENOMEM, errno.EBUSY}

# The progress display of the process; a parameter of the flow would be sent to the Prefect API.
HOOK: ContextVar[Hook] = ContextVar("hook", default=no_hook)
OBSERVED: ContextVar[ObservedRun] = ContextVar("observed")


def worth_retrying(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """Tell whether a failed task may succeed when it is tried again: hiccups of the machine, never bad input."""
    error = state.result(raise_on_failure=False)
    if isinstance(error, MtmmError):
        return False
    if isinstance(error, OSError):
        return error.errno in PASSING_ERRORS or isinstance(error, TimeoutError)
    return isinstance(error, MemoryError)


def step_task(step: Callable[..., StepResult]) -> Task[..., StepResult]:
    """Make a Prefect task of a step of `pipeline.steps`."""

    def run(job: Job, *artefacts: StepResult | None, **named: StepResult | None) -> StepResult:
        hook = HOOK.get()
        hook(step.__name__)
        with gpu_slot(step.__name__):
            result = step(job, *artefacts, hook=hook, **named)
        hook(step.__name__, result.path)
        OBSERVED.get().finished(step.__name__)
        return result

    run.__doc__ = step.__doc__
    return task(
        name=step.__name__,
        retries=RETRIES,
        retry_delay_seconds=RETRY_DELAYS,
        retry_condition_fn=worth_retrying,
        cache_policy=NO_CACHE,
        persist_result=False,
    )(run)


media = step_task(steps.media)
transcript = step_task(steps.transcript)
utterances = step_task(steps.utterances)
acoustic = step_task(steps.acoustic)
voice = step_task(steps.voice)
visual = step_task(steps.visual)
text = step_task(steps.text)
features = step_task(steps.features)
prediction = step_task(steps.prediction)


@task(cache_policy=NO_CACHE, persist_result=False)
def reports(job: Job, results: dict[str, StepResult], out: Path) -> Analysis:
    """Put the artefacts together and write the reports."""
    HOOK.get()("reports")
    analysis = assemble(job, results)
    show_analysis(analysis, report(job, analysis, out=out))
    return analysis


@flow(name="analyze", flow_run_name="{video}", persist_result=False)
def analyze_video(
    video: str,
    *,
    out: str = "out",
    asr: str = "base",
    language: str | None = None,
    transcript_file: str | None = None,
    model: str = DEFAULT_MODEL,
    visual_backend: str = "mediapipe",
    formats: tuple[str, ...] = DEFAULT_FORMATS,
    embed: bool = False,
    plain: bool = False,
    reuse: bool = True,
    content: str | None = None,
    name: str | None = None,
) -> Analysis:
    """Turn one video into labelled utterances.

    Plain parameters, so that a run can be started from the Prefect UI; `pipeline.options.AnalyzeOptions` explains them.

    Parameters
    ----------
    video : str
        Path of the file, as the machine that runs the flow sees it.
    out : str
        Folder for the reports.
    asr, language, transcript_file, model, visual_backend, formats, embed, plain, reuse
        See `AnalyzeOptions`.
    content : str, optional
        SHA-256 of the file, where the caller has just computed it.
    name : str, optional
        What the reports are called; the file name without its last suffix where not given.
    """
    options = AnalyzeOptions(
        asr=asr,
        language=language,
        transcript=None if transcript_file is None else Path(transcript_file),
        model=model,
        visual=visual_backend,
        formats=tuple(formats),
        embed=embed,
        plain=plain,
        reuse=reuse,
    )
    job = Job.prepare(Path(video), options=options, store=Store.default(), content=content, name=name)
    OBSERVED.set(ObservedRun(content=job.content, name=job.name))
    with job.store.locked(job.content):
        of_media = media(job)
        words = None if options.transcript else transcript(job, of_media)
        spoken = utterances(job, words)
        sound = acoustic(job, of_media)
        tone = voice(job, of_media, spoken)
        faces = None if options.visual == "none" else visual(job, of_media)
        said = text(job, spoken)
        means = features(job, media=of_media, utterances=spoken, acoustic=sound, voice=tone, visual=faces, text=said)
        labels = prediction(job, means)
        results = [of_media, words, spoken, sound, tone, faces, said, means, labels]
        return reports(job, {result.record.name: result for result in results if result}, Path(out))
