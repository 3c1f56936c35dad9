"""How often Python looks for objects that refer to each other in a circle."""

from __future__ import annotations

import atexit
import gc

OBJECTS_BETWEEN = 50_000  # new objects between two searches (Python's own: 700, or 2,000 from 3.13 on)


def collect_rarely() -> None:
    """Have this process search rarely for circles of objects, and not at all when it ends.

    For programs, not for a library: it concerns the whole process. The import of torch and numba alone leaves 300,000
    objects, which would be searched time and again while they are made and several times more when the interpreter
    ends: .6 and 1 s of an analysis of 44 s of video (docs/performance.md). Objects without circles, which large arrays
    are, are freed at once as ever, and the system takes back everything that is left at the end.
    """
    gc.set_threshold(OBJECTS_BETWEEN, *gc.get_threshold()[1:])
    atexit.register(gc.freeze)
