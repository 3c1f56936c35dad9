"""Native libraries do not write over the progress display, and Python's own errors are still seen."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import os, sys
from flows.native_log import without_native_log
with without_native_log():
    os.write(2, b"native note\\n")
    print("python message", file=sys.stderr)
os.write(2, b"native again\\n")
print("python again", file=sys.stderr)
"""


def test_native_notes_are_dropped_and_messages_kept() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines() == ["python message", "native again", "python again"]
