"""The flow of one video: a handful of tasks, each one step of the sentence.

The tasks return paths into the content-addressed store, so Prefect keeps no results: a step whose artefact exists is
not run again, in this run or any later one, on any machine that shares the store.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.tasks import Task

from mtmm_video.flows.gpu import gpu_slot
from mtmm_video.flows.observing import ObservedRun, show_analysis
from mtmm_video.foundation.cores import available_cores
from mtmm_video.pipeline.analysis import Analysis
from mtmm_video.pipeline.graph import STEPS, Step
from mtmm_video.pipeline.job import Hook, Job, StepResult, no_hook
from mtmm_video.pipeline.options import AnalyzeOptions
from mtmm_video.pipeline.retrying import RETRY_DELAYS, may_pass
from mtmm_video.pipeline.run import assemble, report, run_step, steps_of
from mtmm_video.pipeline.scheduling import run_graph
from mtmm_video.pipeline.store.local import Store

DEFAULTS = AnalyzeOptions()

# The progress display of the process; a parameter of the flow would be sent to the Prefect API.
HOOK: ContextVar[Hook] = ContextVar("hook", default=no_hook)
OBSERVED: ContextVar[ObservedRun] = ContextVar("observed")


def worth_retrying(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """Tell whether a failed task may succeed when it is tried again: hiccups of the machine, never bad input."""
    return may_pass(state.result(raise_on_failure=False))


def step_task(step: Step) -> Task[..., StepResult]:
    """Make a Prefect task of a step of the graph."""

    def run(job: Job, results: dict[str, StepResult], threads: int) -> StepResult:
        with gpu_slot(step):
            result = run_step(step, job, results, hook=HOOK.get(), threads=threads, shared=available_cores() > 1)
        OBSERVED.get().finished(step.name)
        return result

    run.__doc__ = step.description
    return task(
        name=step.name,
        retries=len(RETRY_DELAYS),
        retry_delay_seconds=list(RETRY_DELAYS),
        retry_condition_fn=worth_retrying,
        cache_policy=NO_CACHE,
        persist_result=False,
    )(run)


STEP_TASKS = {step.name: step_task(step) for step in STEPS}


def _start_task(job: Job, step: Step, results: Mapping[str, StepResult], threads: int, hook: Hook) -> StepResult:
    HOOK.set(hook)  # in this thread's copy of the context
    return STEP_TASKS[step.name](job, dict(results), threads)


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
    options: AnalyzeOptions = DEFAULTS,
    content: str | None = None,
    name: str | None = None,
) -> Analysis:
    """Turn one video into labelled utterances.

    Parameters
    ----------
    video : str
        Path of the file, as the machine that runs the flow sees it.
    out : str
        Folder for the reports.
    options : AnalyzeOptions
        What to measure and write. In the Prefect UI and in deployments, a mapping with the same names.
    content : str, optional
        SHA-256 of the file, where the caller has just computed it.
    name : str, optional
        What the reports are called; the file name without its last suffix where not given.
    """
    job = Job.prepare(Path(video), options=options, store=Store.default(), content=content, name=name)
    OBSERVED.set(ObservedRun(content=job.content, name=job.name))
    with job.store.locked(job.content):
        results = run_graph(steps_of(job), partial(_start_task, job), cores=available_cores(), hook=HOOK.get())
        return reports(job, results, Path(out))
