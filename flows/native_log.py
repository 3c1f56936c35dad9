"""Keeping the terminal for what concerns the user: libraries in C++ write their notes straight to file descriptor 2."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

STDERR = 2


@contextmanager
def without_native_log() -> Iterator[None]:
    """Drop what native code writes to standard error while the block runs; Python's own messages still get there."""
    sys.stderr.flush()
    python_stderr = sys.stderr
    kept = os.dup(STDERR)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, STDERR)
    os.close(nowhere)
    sys.stderr = os.fdopen(os.dup(kept), "w", encoding=python_stderr.encoding, errors="backslashreplace", buffering=1)
    try:
        yield
    finally:
        sys.stderr.close()
        sys.stderr = python_stderr
        os.dup2(kept, STDERR)
        os.close(kept)
