"""Native libraries do not write over the progress display, and Python's own errors are still seen."""

from __future__ import annotations

import logging
import pkgutil
import subprocess
import sys

import pytest

SCRIPT = """
import logging, os, sys
from mtmm_video.flows.native_log import without_native_log
with without_native_log():
    os.write(2, b"native note\\n")
    print("python message", file=sys.stderr)
    logging.basicConfig(format="%(message)s")
os.write(2, b"native again\\n")
print("python again", file=sys.stderr)
logging.error("a library's late message")
"""


def test_native_notes_are_dropped_and_messages_kept() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines() == ["python message", "native again", "python again", "a library's late message"]


@pytest.mark.parametrize("service", ["prefect.events.worker.EventsWorker", "prefect.logging.handlers.APILogWorker"])
def test_prefects_background_services_are_silent_without_verbose(service: str) -> None:
    name = pkgutil.resolve_name(service).__name__  # by which Prefect names the logger, beside all of its own
    assert not logging.getLogger(name).isEnabledFor(logging.ERROR)
