"""The memory of this machine and of this process."""

from __future__ import annotations

import ctypes
from pathlib import Path

MEMINFO = Path("/proc/meminfo")  # Linux; proc(5)


def free_memory() -> int | None:
    """Return the memory available to programs without swapping, in bytes; None without ``/proc/meminfo``."""
    if MEMINFO.is_file():
        for line in MEMINFO.read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024  # the file has kibibytes
    return None


def release_freed_memory() -> None:
    """Give memory that was freed in this process back to the system.

    glibc keeps freed pieces per thread for later requests (``malloc_trim(3)``), and an analysis runs its steps in
    threads. Without that function, on macOS and musl, nothing is done.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
