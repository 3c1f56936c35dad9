"""Peak memory of a process together with all that it started, on Linux: resident sets, sampled and added up.

Pages that processes share, such as those of a library's file, count once for each.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from types import TracebackType

PERIOD = 0.02  # seconds between samples


class TreeMemory:
    """Samples a process and its descendants from another thread while the block runs.

    Attributes
    ----------
    peak : float
        MB.
    """

    def __init__(self, process: int) -> None:
        self.peak = 0.0
        self._process = process
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> TreeMemory:
        self._thread.start()
        return self

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._ended.wait(PERIOD):
            self.peak = max(self.peak, resident_megabytes(self._process))


def resident_megabytes(process: int) -> float:
    """Return the resident memory of a process and its descendants; 0 for one that has ended."""
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1])
        children = [
            int(child)
            for thread in Path(f"/proc/{process}/task").iterdir()
            for child in (thread / "children").read_text(encoding="ascii").split()
        ]
    except (OSError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6 + sum(map(resident_megabytes, children))
