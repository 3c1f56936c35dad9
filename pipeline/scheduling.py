"""Steps beside each other: what is ready runs, on as many cores as there are, the longest way to the goal first.

Nothing here knows what a step does or who runs it: the plain pipeline calls the step, the flow calls a task.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from pathlib import Path

from mtmm_video.foundation.cores import one_blas_thread
from mtmm_video.pipeline.graph import Step
from mtmm_video.pipeline.job import Hook, StepResult

# Takes a step, the results so far, the threads it may use, and the hook to report to.
StartStep = Callable[[Step, Mapping[str, StepResult], int, Hook], StepResult]


class StepStoppedError(Exception):
    """A step was given up because another one failed."""


def run_graph(steps: Sequence[Step], start: StartStep, *, cores: int, hook: Hook) -> dict[str, StepResult]:
    """Run steps, each as soon as all that it needs has its result and a core is free.

    Parameters
    ----------
    steps : sequence of Step
        In topological order. A needed step that is not among them does not apply.
    start : callable
        Runs a step and returns its result; called from several threads, in a copy of the caller's context.
    cores : int
        Processor cores to share; 1 runs the steps one after another in the calling thread.
    hook : Hook
        Handed on to `start`. When a step fails, the others learn it from the hook at their next report.

    Returns
    -------
    dict of str to StepResult
        By name, in the order of `steps`.

    Raises
    ------
    Exception
        The first failure, after the steps beside it have ended.
    """
    if cores == 1:
        results: dict[str, StepResult] = {}
        with one_blas_thread():
            for step in steps:
                results[step.name] = start(step, results, 1, hook)
        return results
    stopped = threading.Event()

    def report(step: str, artefact: Path | None = None, *, share: float | None = None) -> None:
        if stopped.is_set() and artefact is None:
            raise StepStoppedError(step)
        hook(step, artefact, share=share)

    found: dict[str, StepResult] = {}
    running: dict[Future[StepResult], tuple[Step, int]] = {}
    waiting = list(steps)
    ranks = path_lengths(steps)
    with one_blas_thread(), ThreadPoolExecutor(cores, thread_name_prefix="step") as pool:
        try:
            while waiting or running:
                pending = {step.name for step in waiting} | {step.name for step, _ in running.values()}
                ready = [step for step in waiting if pending.isdisjoint(step.needs)]
                ready.sort(key=lambda step: -ranks[step.name])
                free = cores - sum(threads for _, threads in running.values())
                for step, threads in allot(ready, cores=free).items():
                    future = pool.submit(copy_context().run, start, step, dict(found), threads, report)
                    running[future] = (step, threads)
                    waiting.remove(step)
                finished, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    step, _ = running.pop(future)
                    found[step.name] = future.result()
        except BaseException:
            stopped.set()
            raise
    return {step.name: found[step.name] for step in steps}


def path_lengths(steps: Sequence[Step]) -> dict[str, float]:
    """Return for each step the time from its start to the end of all that waits for it, as a share of an analysis."""
    lengths: dict[str, float] = {}
    for step in reversed(steps):
        after = [lengths[later.name] for later in steps if step.name in later.needs]
        lengths[step.name] = step.share + max(after, default=0.0)
    return lengths


def allot(ready: Sequence[Step], *, cores: int) -> dict[Step, int]:
    """Return which steps start and with how many threads: a core each, then what is left to those that can use it.

    Parameters
    ----------
    ready : sequence of Step
        The most urgent first.
    cores : int
        That are free.
    """
    given = dict.fromkeys(ready[: max(cores, 0)], 1)
    spare = cores - len(given)
    for step in given:
        more = min(spare, step.threads - 1)
        given[step] += more
        spare -= more
    return given
