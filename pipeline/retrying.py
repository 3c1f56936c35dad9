"""Which failures of a step pass by themselves, and a step tried again after one."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from typing import TypeVar

from mtmm_video.foundation.errors import MtmmError

RETRY_DELAYS = (2.0, 10.0)  # seconds: a file server that hiccups is back by then, one that is down is not
PASSING_ERRORS = frozenset({errno.EIO, errno.EAGAIN, errno.ETIMEDOUT, errno.ESTALE, errno.ENOMEM, errno.EBUSY})
Result = TypeVar("Result")


def may_pass(error: object) -> bool:
    """Tell whether what failed may succeed when it is tried again: hiccups of the machine, never bad input."""
    if isinstance(error, MtmmError):
        return False
    if isinstance(error, OSError):
        return error.errno in PASSING_ERRORS or isinstance(error, TimeoutError)
    return isinstance(error, MemoryError)


def with_retries(work: Callable[[], Result]) -> Result:
    """Do some work, again after each of `RETRY_DELAYS` where its failure may pass.

    Raises
    ------
    Exception
        What the work fails with, at once or at last.
    """
    for delay in RETRY_DELAYS:
        try:
            return work()
        except Exception as error:
            if not may_pass(error):
                raise
        time.sleep(delay)
    return work()
