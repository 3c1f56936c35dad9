"""Keeping the terminal for what concerns the user: libraries in C++ write their notes straight to file descriptor 2."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

STDERR = 2


@contextmanager
def without_native_log() -> Iterator[None]:
    """Drop what native code writes to standard error while the block runs; Python's own messages still get there.

    The stream that stands in for `sys.stderr` stays open after the block, at the cost of one descriptor: a log handler
    that was made inside it may write later.
    """
    sys.stderr.flush()
    python_stderr = sys.stderr
    kept = os.dup(STDERR)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, STDERR)
    os.close(nowhere)
    stand_in = os.fdopen(
        kept, "w", encoding=python_stderr.encoding, errors="backslashreplace", buffering=1, closefd=False
    )
    sys.stderr = stand_in
    try:
        yield
    finally:
        stand_in.flush()
        sys.stderr = python_stderr
        os.dup2(kept, STDERR)
