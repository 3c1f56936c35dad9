"""Models are read once per process, as long as their files do not change."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

Loaded = TypeVar("Loaded")


def cached_by_file(load: Callable[[Path], Loaded]) -> Callable[[Path], Loaded]:
    """Make a function that reads a file or folder keep what it read last.

    Parameters
    ----------
    load : callable
        Takes a path. Its errors are not kept.

    Returns
    -------
    callable
        The same, from any thread; it reads again when another path is asked for, or a file there has another size or
        time of change.
    """
    lock = threading.Lock()
    kept: dict[tuple[tuple[Path, int, int], ...], Loaded] = {}

    @functools.wraps(load)
    def cached(path: Path) -> Loaded:
        with lock:
            key = _stamps(path)
            if key not in kept or not key:
                found = load(path)
                kept.clear()
                kept[key] = found
            return kept[key]

    return cached


def _stamps(path: Path) -> tuple[tuple[Path, int, int], ...]:
    files = sorted(path.iterdir()) if path.is_dir() else [path] if path.is_file() else []
    return tuple((file.resolve(), file.stat().st_size, file.stat().st_mtime_ns) for file in files)
