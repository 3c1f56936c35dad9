"""The free memory of this machine."""

from __future__ import annotations

from pathlib import Path

MEMINFO = Path("/proc/meminfo")  # Linux; proc(5)


def free_memory() -> int | None:
    """Return the memory available to programs without swapping, in bytes; None without ``/proc/meminfo``."""
    if MEMINFO.is_file():
        for line in MEMINFO.read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024  # the file has kibibytes
    return None
