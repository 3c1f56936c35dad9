"""Arrays in unnamed files, for what is too long to be kept in memory beside all else: the sound of hours.

The system writes their pages to the file and takes them back when it needs memory. Pages count as memory of the process
as long as it has them, so that a thread gives them back ten times a second, and `stretches` where a whole array is read
at once; what is read again comes from the file, or from the system's cache of it. The file has no name: it is gone with
the array, or with the process, however that ends.
"""

from __future__ import annotations

import mmap
import tempfile
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

PERIOD = 0.1  # seconds between two times that pages are given back
STRETCH = 1 << 20  # elements: 4 MB, a minute of sound
_BLOCK = bytes(1 << 20)

_mappings: weakref.WeakSet[mmap.mmap] = weakref.WeakSet()
_lock = threading.Lock()  # of the set and of the thread's beginning and end
_thread: threading.Thread | None = None


def mapped_zeros(length: int, folder: Path) -> NDArray[np.float32]:
    """Return zeros of float32 in an unnamed file, shape (length,).

    Parameters
    ----------
    length : int
        At least 1.
    folder : Path
        Created if it is missing.

    Raises
    ------
    OSError
        If the folder cannot be written or its disk is too full for the array.
    """
    size = length * np.dtype(np.float32).itemsize
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        # Written, not only announced: a disk that is full later would end the process at an assignment (SIGBUS).
        for start in range(0, size, len(_BLOCK)):
            file.write(_BLOCK[: size - start])
        file.flush()
        mapping = mmap.mmap(file.fileno(), size)
    _watch(mapping)
    return np.frombuffer(mapping, dtype=np.float32)


def stretches(length: int) -> Iterator[slice]:
    """Yield slices of a long array one after another, for what reads it faster than its pages are given back.

    Parameters
    ----------
    length : int
        Of the array. The slices have `STRETCH` elements, the last one what is left.
    """
    for start in range(0, length, STRETCH):
        yield slice(start, min(start + STRETCH, length))
        give_back_pages()


def give_back_pages() -> None:
    """Give the pages of all mapped arrays back to the system, which keeps their content."""
    with _lock:
        mappings = list(_mappings)
    for mapping in mappings:
        mapping.madvise(mmap.MADV_DONTNEED)


def _watch(mapping: mmap.mmap) -> None:
    global _thread  # noqa: PLW0603
    with _lock:
        _mappings.add(mapping)
        if _thread is None:
            _thread = threading.Thread(target=_give_back_repeatedly, name="mapped arrays", daemon=True)
            _thread.start()


def _give_back_repeatedly() -> None:
    """Run until no array is left."""
    global _thread  # noqa: PLW0603
    while True:
        time.sleep(PERIOD)
        give_back_pages()
        with _lock:
            if not _mappings:
                _thread = None
                return
