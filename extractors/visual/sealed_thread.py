"""A thread without network access, for libraries that send telemetry.

MediaPipe's library sends usage statistics to its vendor when a task is closed (seen with strace, mediapipe 1.2.2; there
is no option to disable it). Analysed videos are private, so all calls of MediaPipe run in one thread with a seccomp
filter, the mechanism of browsers' sandboxes: the kernel refuses internet sockets to that thread and to all threads that
it starts. The filter needs no privileges and ends with the thread.

On systems without seccomp (macOS, Windows), ``https_proxy``, which the library honours (also seen with strace), is set
to a proxy that does not exist.
"""

from __future__ import annotations

import ctypes
import os
import platform
import socket
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from errno import ENETUNREACH
from typing import Protocol, TypeVar

Result = TypeVar("Result")

# linux/audit.h and the system call tables: architecture and number of socket(2)
SOCKET_CALLS = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, SECCOMP_MODE_FILTER = 22, 38, 2  # linux/prctl.h, linux/seccomp.h
RETURN_ALLOW, RETURN_ERRNO = 0x7FFF0000, 0x00050000
LOAD_WORD, JUMP_EQUAL, RETURN = 0x20, 0x15, 0x06  # classic BPF
CALL_NUMBER, CALL_ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data
NOWHERE = "http://127.0.0.1:9"  # the discard port of this machine


class _Instruction(ctypes.Structure):
    _fields_ = (("code", ctypes.c_ushort), ("yes", ctypes.c_ubyte), ("no", ctypes.c_ubyte), ("value", ctypes.c_uint))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.POINTER(_Instruction)))


class Runner(Protocol):
    """Runs a function in another thread and returns its result."""

    def __call__(self, function: Callable[[], Result], /) -> Result:
        """Run `function`, and return its result or raise its exception."""


@contextmanager
def sealed_thread() -> Iterator[Runner]:
    """Open a thread without network access.

    Yields
    ------
    Runner
        Runs a function in that thread and waits for it. The thread ends with the block.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="no-network") as pool:

        def run(function: Callable[[], Result], /) -> Result:
            return pool.submit(function).result()

        if run(refuse_internet_sockets):
            yield run
        else:
            with _proxy_to_nowhere():
                yield run


def refuse_internet_sockets() -> bool:
    """Install a seccomp filter against IPv4 and IPv6 sockets in this thread and those that it will start.

    The filter cannot be removed.

    Returns
    -------
    bool
        False if the system has no seccomp or forbids its use.
    """
    if sys.platform != "linux" or platform.machine() not in SOCKET_CALLS:
        return False
    architecture, call = SOCKET_CALLS[platform.machine()]
    steps = (
        (LOAD_WORD, 0, 0, CALL_ARCHITECTURE),
        (JUMP_EQUAL, 0, 5, architecture),
        (LOAD_WORD, 0, 0, CALL_NUMBER),
        (JUMP_EQUAL, 0, 3, call),
        (LOAD_WORD, 0, 0, FIRST_ARGUMENT),
        (JUMP_EQUAL, 2, 0, socket.AF_INET),
        (JUMP_EQUAL, 1, 0, socket.AF_INET6),
        (RETURN, 0, 0, RETURN_ALLOW),
        (RETURN, 0, 0, RETURN_ERRNO | ENETUNREACH),
    )
    instructions = (_Instruction * len(steps))(*(_Instruction(*step) for step in steps))
    program = _Program(len(steps), instructions)
    libc = ctypes.CDLL(None, use_errno=True)
    return bool(
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
        and libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0) == 0
    )


@contextmanager
def _proxy_to_nowhere() -> Iterator[None]:
    before = os.environ.get("https_proxy")
    os.environ["https_proxy"] = NOWHERE
    try:
        yield
    finally:
        if before is None:
            del os.environ["https_proxy"]
        else:
            os.environ["https_proxy"] = before
