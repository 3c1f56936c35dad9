"""Python processes that a parent gives requests and that answer with events, a JSON object per line.

Such a process ends at once when its standard input closes, as when its parent was killed.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from mtmm_video.foundation.cores import thread_environment

Send = Callable[[Mapping[str, Any]], None]


def start_module(module: str, *, threads: int, quiet: bool) -> subprocess.Popen[str]:
    """Start ``python -m MODULE``, which calls `requests_and_send`.

    Parameters
    ----------
    module : str
    threads : int
        Processor threads that its libraries may use.
    quiet : bool
        Whether what it writes to standard error is dropped; else it goes where this process's goes.
    """
    return subprocess.Popen(
        [sys.executable, "-m", module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL if quiet else None,
        start_new_session=True,  # Ctrl-C reaches the command alone
        env={
            **os.environ,
            **thread_environment(threads),
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        },
        text=True,
        encoding="utf-8",
    )


def ask(process: subprocess.Popen[str], request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Send a request to a process and yield its events; they end where the process has ended."""
    assert process.stdin is not None and process.stdout is not None
    with suppress(OSError):  # it has ended: there are no events then
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
    for line in process.stdout:
        yield json.loads(line)


def requests_and_send() -> tuple[Iterator[dict[str, Any]], Send]:
    """Take this process's standard streams for requests and events.

    Returns
    -------
    requests : iterator of dict
        Without an end: the process ends with its input.
    send : callable
        Writes an event. What else is printed goes to standard error.
    """
    events, sys.stdout = sys.stdout, sys.stderr
    lines: queue.Queue[str] = queue.Queue()

    def read() -> None:
        for line in sys.stdin:
            lines.put(line)
        os._exit(0)

    def requests() -> Iterator[dict[str, Any]]:
        while True:
            yield json.loads(lines.get())

    def send(event: Mapping[str, Any]) -> None:
        events.write(json.dumps(event) + "\n")
        events.flush()

    threading.Thread(target=read, daemon=True).start()
    return requests(), send
