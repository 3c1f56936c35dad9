"""Ctrl-C: a command ends within seconds, says that it can go on, and leaves no process behind.

Python raises `KeyboardInterrupt` in the main thread between two bytecodes, so a long call into native code
(recognition, compiled loops) delays it, and so do libraries that finish their own work at exit. The signal itself is
noted at once: Python's handler in C writes a byte to the wake-up descriptor. A thread of `prompt_exit` reads it, waits
for a grace period in which the command may end by itself, and then ends the process.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

GRACE_SECONDS = 2.0  # for the ordinary way out: states sent to a Prefect server, progress displays taken away
INTERRUPTED = 128 + signal.SIGINT  # the exit code of an interrupted command, as shells report it
MESSAGE = "mtmm-video: stopped; the same command goes on where it was"

_temporary_folders: set[Path] = set()


def remove_at_interrupt(folder: Path) -> None:
    """Have a temporary folder removed when the process ends without its ordinary way out."""
    _temporary_folders.add(folder)


@contextmanager
def prompt_exit() -> Iterator[None]:
    """End the process at most `GRACE_SECONDS` after the first interrupt, at once after a second one.

    To be entered in the main thread. The block sees `KeyboardInterrupt` as ever. Whatever it then fails with (an
    interrupt meets libraries and child processes at any place, and some answer with an error of their own), the process
    ends as interrupted; where the block ends well in time, nothing else happens.
    """
    receiver, sender = socket.socketpair()
    sender.setblocking(False)
    before = signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
    noted = threading.Event()
    thread = threading.Thread(target=_end_after_interrupt, args=(receiver, noted), daemon=True, name="interrupt")
    thread.start()
    failed = False
    try:
        yield
    except BaseException as leaving:
        failed = not (isinstance(leaving, SystemExit) and leaving.code in (0, None))
        raise
    finally:
        signal.set_wakeup_fd(before)
        sender.close()  # which ends the thread
        thread.join()
        if failed and noted.is_set():
            end_now()


def _end_after_interrupt(receiver: socket.socket, noted: threading.Event) -> None:
    with receiver:
        if not _interrupted(receiver):
            return
        noted.set()
        receiver.settimeout(GRACE_SECONDS)
        with suppress(TimeoutError):
            if not _interrupted(receiver):
                return  # the command ended by itself in time
    end_now()


def _interrupted(receiver: socket.socket) -> bool:
    """Wait for an interrupt; return False where the sender was closed without one."""
    while signals := receiver.recv(64):
        if signal.SIGINT in signals:
            return True  # any other signal is waited past
    return False


def end_now() -> None:
    """End the process: its child processes, its temporary folders, a line that says so, exit code 130."""
    import multiprocessing  # noqa: PLC0415 (not needed by a command that ends by itself)

    for child in multiprocessing.active_children():
        child.kill()
    for folder in _temporary_folders:
        shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError, ValueError):
        print(MESSAGE, file=sys.stderr, flush=True)
    os._exit(INTERRUPTED)
