"""How many processor cores this process may use, and how they are given to one piece of work."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

THREADS_VARIABLE = "OMP_NUM_THREADS"  # the bound that numeric libraries heed, and so does this one
# Read by libraries when they are loaded: OpenMP (torch, CTranslate2), OpenBLAS (numpy, scipy), MKL, numba.
THREAD_VARIABLES = (THREADS_VARIABLE, "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
_CGROUP_QUOTA = Path("/sys/fs/cgroup/cpu.max")  # "<quota> <period>" in microseconds, or "max <period>"; see cgroups(7)


def available_cores() -> int:
    """Return the number of cores for this process, at least 1.

    The least of the cores that the operating system lets it run on, a container's quota, and ``OMP_NUM_THREADS``.
    """
    bounds = [os.cpu_count() or 1]
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        bounds.append(len(os.sched_getaffinity(0)))
    try:
        quota, period = _CGROUP_QUOTA.read_text(encoding="ascii").split()
        if quota != "max":
            bounds.append(round(int(quota) / int(period)))
    except (OSError, ValueError):
        pass  # no such control group: no quota
    asked = os.environ.get(THREADS_VARIABLE, "")
    if asked.isdecimal():
        bounds.append(int(asked))
    return max(1, min(bounds))


def thread_environment(threads: int) -> Mapping[str, str]:
    """Return the environment variables that bound the threads of a new process."""
    return dict.fromkeys(THREAD_VARIABLES, str(threads))


def torch_threads() -> int | None:
    """Return the number of threads that torch uses when it is called from here; None where torch is not loaded."""
    if "torch" not in sys.modules:
        return None
    import torch  # noqa: PLC0415 (not the entry itself: another thread may still be loading it, which this waits for)

    return int(torch.get_num_threads())


def set_torch_threads(threads: int) -> None:
    """Set the number of threads that torch uses when it is called from this thread, if torch is loaded at all."""
    if "torch" in sys.modules:
        import torch  # noqa: PLC0415 (see `torch_threads`)

        torch.set_num_threads(threads)


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Keep BLAS to one thread while the block runs: its calls here are small, and sums keep their order."""
    from threadpoolctl import threadpool_limits  # noqa: PLC0415 (looks through all loaded libraries)

    with threadpool_limits(1, user_api="blas"):
        yield


@contextmanager
def one_opencv_thread() -> Iterator[None]:
    """Keep OpenCV to the calling thread while the block runs: small pictures gain nothing from others, which spin."""
    import cv2  # noqa: PLC0415 (who calls this has it loaded; the rest of the module needs none)

    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)
