"""Processes of this machine: which are alive, and marks by which their files are told apart."""

from __future__ import annotations

import hashlib
import os
import platform

# Process identifiers mean nothing on another host.
HOST = hashlib.sha256(platform.node().encode("utf-8")).hexdigest()[:8]


def is_alive(process: int) -> bool:
    """Tell whether a process of this machine is running, whoever owns it."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # it is there, but not ours
    return True


def process_mark() -> str:
    """Return ``HOST-PID`` of this process, for the names of its temporary files."""
    return f"{HOST}-{os.getpid()}"


def is_mark_of_dead(mark: str) -> bool:
    """Tell whether a mark belongs to a process of this machine that has ended."""
    host, _, process = mark.partition("-")
    return host == HOST and process.isdecimal() and not is_alive(int(process))
