"""A step in a process of its own: Python runs one thread at a time, and steps beside each other would wait for it.

``python -m mtmm_video.pipeline.step_process`` reads a request, one line of JSON, from standard input and writes events,
a JSON object per line, to standard output. It ends at once when its input closes, as when its parent was killed.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from mtmm_video.foundation import errors
from mtmm_video.foundation.errors import MtmmError
from mtmm_video.foundation.garbage import collect_rarely
from mtmm_video.foundation.json_process import ask, requests_and_send, start_module
from mtmm_video.pipeline.job import Job
from mtmm_video.pipeline.options import AnalyzeOptions
from mtmm_video.pipeline.step_run import StepRun
from mtmm_video.pipeline.steps import maker
from mtmm_video.pipeline.store.local import Store


class StepProcessError(MtmmError):
    """The process of a step ended before the step did."""


def run_apart(step: str, run: StepRun) -> None:
    """Run a step in a new process, which ends with it.

    Parameters
    ----------
    step : str
        Its name in `pipeline.graph.STEPS`.
    run : StepRun
        Its progress is reported here.

    Raises
    ------
    MtmmError, OSError, MemoryError
        As the step raises it.
    StepProcessError
        If the process was ended from outside, or crashed.
    RuntimeError
        If the step failed in another way.
    """
    process = start_module(__name__, threads=run.threads, quiet=False)
    assert process.stdin is not None and process.stdout is not None
    try:
        for event in ask(process, _request(step, run)):
            if "share" in event:
                run.progress(event["share"])
            elif "error" in event:
                raise _error(step, event)
            else:
                return
        code = process.wait()
    finally:
        process.kill()
        process.wait()
        with suppress(OSError):  # what it did not live to read
            process.stdin.close()
        process.stdout.close()
    if code == -signal.SIGKILL:
        raise StepProcessError(
            "its process was killed, perhaps since memory ran out; close other programs and try again"
        )
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    raise StepProcessError(f"its process ended with {how}; --verbose shows what it wrote")


def _request(step: str, run: StepRun) -> dict[str, Any]:
    job = run.job
    return {
        "step": step,
        "video": str(job.video),
        "name": job.name,
        "content": job.content,
        "options": job.options.to_content(),
        "store": str(job.store.root),
        "inputs": {name: str(path) for name, path in run.inputs.items()},
        "path": str(run.path),
        "threads": run.threads,
    }


def _error(step: str, event: Mapping[str, Any]) -> Exception:
    """Return the exception that a process reported."""
    kind, message = event["error"], event["message"]
    known = getattr(errors, kind, None)
    if isinstance(known, type) and issubclass(known, MtmmError):
        return known(message)
    if event["errno"] is not None:
        return OSError(event["errno"], message)
    return MemoryError(message) if kind == "MemoryError" else RuntimeError(f"{step}: {kind}: {message}")


def main() -> None:
    """Run the step that standard input names."""
    collect_rarely()
    requests, send = requests_and_send()
    request = next(requests)
    try:
        maker(request["step"])(_run(request, progress=lambda share: send({"share": share})))
    except Exception as error:
        number = error.errno if isinstance(error, OSError) else None
        message = (error.strerror if isinstance(error, OSError) else None) or str(error)
        send({"error": type(error).__name__, "message": message, "errno": number})
    else:
        send({"done": True})


def _run(request: Mapping[str, Any], *, progress: Callable[[float], None]) -> StepRun:
    job = Job.prepare(
        Path(request["video"]),
        options=AnalyzeOptions.from_content(request["options"]),
        store=Store(Path(request["store"])),
        content=request["content"],
        name=request["name"],
    )
    inputs = {name: Path(path) for name, path in request["inputs"].items()}
    return StepRun(job, inputs, Path(request["path"]), progress, request["threads"])


if __name__ == "__main__":
    main()
