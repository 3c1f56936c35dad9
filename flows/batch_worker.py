"""A process that analyses one video after another: models are loaded once, and a crash costs one video, not the batch.

``python -m mtmm_video.flows.batch_worker`` reads requests (a JSON object per line, see `WorkerPool.analyze`) from
standard input and writes events to standard output. It exits at once when its input closes, as when its parent was
killed: the store keeps what was finished.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from mtmm_video.flows.prefect_api import has_own_server
from mtmm_video.foundation.cores import available_cores
from mtmm_video.foundation.errors import MtmmError
from mtmm_video.foundation.garbage import collect_rarely
from mtmm_video.foundation.graphics import graphics_turn
from mtmm_video.foundation.json_process import Send, ask, requests_and_send, start_module
from mtmm_video.pipeline.options import AnalyzeOptions

if TYPE_CHECKING:
    from mtmm_video.pipeline.analysis import Analysis
    from mtmm_video.pipeline.graph import Step
    from mtmm_video.pipeline.job import Hook

OnStep = Callable[[str, float], None]


class WorkerFailedError(MtmmError):
    """A video could not be analysed; the message says which step and why."""


class WorkerPool:
    """As many worker processes as videos may be analysed at a time, started when they are first needed.

    The cores of this process are shared out evenly: libraries that each take all of them slow each other down.
    """

    def __init__(self, size: int) -> None:
        self._threads = max(1, available_cores() // size)
        self._idle: queue.LifoQueue[_Worker | None] = queue.LifoQueue()
        for _ in range(size):
            self._idle.put(None)
        self._workers: set[_Worker] = set()

    def analyze(self, request: Mapping[str, Any], *, on_step: OnStep) -> dict[str, Any]:
        """Analyse one video in a process of its own.

        Parameters
        ----------
        request : mapping
            Parameters of `flows.analyze_flow.analyze_video`, JSON-able; or, with ``segments``, of
            `pipeline.corpora.measuring.measure_file`: the file is measured and not labelled.
        on_step : callable
            Called with a step's name and the share of its work that is done.

        Returns
        -------
        dict
            ``utterances`` and ``duration`` of the video.

        Raises
        ------
        WorkerFailedError
            If the analysis failed or the process ended.
        """
        worker = self._idle.get()
        if worker is None:
            worker = _Worker(threads=self._threads)
            self._workers.add(worker)
        try:
            answer = worker.ask(request, on_step)
        except WorkerFailedError:
            if worker.alive:
                self._idle.put(worker)
            else:
                self._workers.discard(worker)
                self._idle.put(None)
            raise
        self._idle.put(worker)
        return answer

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._workers:
            worker.close()


class _Worker:
    def __init__(self, *, threads: int) -> None:
        self._process = start_module("mtmm_video.flows.batch_worker", threads=threads, quiet=True)

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, request: Mapping[str, Any], on_step: OnStep) -> dict[str, Any]:
        step = "start"
        run: str | None = None
        for event in ask(self._process, request):
            if "run" in event:
                run = event["run"]
            elif "step" in event:
                step = event["step"]
                on_step(step, event["share"])
            elif "error" in event:
                raise WorkerFailedError(event["error"] if event["expected"] else f"{step}: {event['error']}")
            else:
                return dict(event)
        code = self._process.wait()
        reason = f"signal {-code}" if code < 0 else f"exit code {code}"
        hint = "; perhaps out of memory: fewer --jobs or a larger --memory budget" if code == -9 else ""  # SIGKILL
        message = f"{step}: the process ended with {reason}{hint}"
        if run is not None and has_own_server():
            settle_crashed(run, message)
        raise WorkerFailedError(message)

    def close(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def settle_crashed(run: str, message: str) -> None:
    """Set the flow run of a killed process to Crashed; otherwise the server would show it as Running for ever."""
    from uuid import UUID  # noqa: PLC0415 (the server of the user's own alone needs it, as the next two)

    from prefect.client.orchestration import get_client  # noqa: PLC0415
    from prefect.states import Crashed  # noqa: PLC0415

    with get_client(sync_client=True) as client:
        client.set_flow_run_state(UUID(run), Crashed(message=message), force=True)


def main() -> None:
    """Answer requests until standard input closes."""
    collect_rarely()
    requests, send = requests_and_send()
    for request in requests:
        _answer(request, send)


def _answer(request: dict[str, Any], send: Send) -> None:
    # Slow to import; not for the parent that imports WorkerPool.
    from mtmm_video.flows.answer import answer_of  # noqa: PLC0415
    from mtmm_video.pipeline.corpora.measuring import Segment, measure_file  # noqa: PLC0415

    def hook(step: str, artefact: Path | None = None, *, share: float | None = None) -> None:
        send({"step": step, "share": 1.0 if artefact is not None else share or 0.0})

    try:
        options = AnalyzeOptions.from_content(request.pop("options", {}))
        if "segments" in request:
            segments = [Segment(**segment) for segment in request["segments"]]
            measured = measure_file(Path(request["video"]), segments, options=options, hook=hook)
            answer = {"utterances": len(measured.utterances), "duration": measured.duration}
        elif has_own_server():
            answer = answer_of(_observed(request, options=options, hook=hook, send=send))
        else:
            answer = answer_of(_unobserved(request, options=options, hook=hook))
    except MtmmError as error:
        send({"error": str(error), "expected": True})
    except Exception as error:
        send({"error": f"{type(error).__name__}: {error}", "expected": False})
    else:
        send(answer)


def _observed(request: Mapping[str, Any], *, options: AnalyzeOptions, hook: Hook, send: Send) -> Analysis:
    """Analyse a video as a flow, on the Prefect server of the user's own; send the identifier of the run."""
    from prefect.runtime import flow_run  # noqa: PLC0415

    from mtmm_video.flows.analyze_flow import HOOK, analyze_video  # noqa: PLC0415

    known: list[str] = []  # the flow run's identifier, once it has been sent

    def identifying(step: str, artefact: Path | None = None, *, share: float | None = None) -> None:
        if not known and flow_run.id:
            known.append(flow_run.id)
            send({"run": flow_run.id})
        hook(step, artefact, share=share)

    HOOK.set(identifying)
    analysis: Analysis = analyze_video(**request, options=options)
    return analysis


def _unobserved(request: Mapping[str, Any], *, options: AnalyzeOptions, hook: Hook) -> Analysis:
    """Analyse a video without Prefect, which takes seconds to load and shows what it is told to nobody."""
    from mtmm_video.pipeline.job import Job  # noqa: PLC0415
    from mtmm_video.pipeline.run import finish, run_steps  # noqa: PLC0415
    from mtmm_video.pipeline.store.local import Store  # noqa: PLC0415

    job = Job.prepare(
        Path(request["video"]),
        options=options,
        store=Store.default(),
        content=request.get("content"),
        name=request.get("name"),
    )

    def around(step: Step) -> AbstractContextManager[None]:  # as `flows.gpu` does for the workers of a server
        return graphics_turn() if step.gpu else nullcontext()

    with job.store.locked(job.content):
        return finish(job, run_steps(job, hook=hook, around=around), out=Path(request["out"]), hook=hook)


if __name__ == "__main__":
    main()
