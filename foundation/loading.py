"""Models are read once per process, as long as their files do not change and nobody wants their memory."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

Loaded = TypeVar("Loaded")
Loader = TypeVar("Loader", bound=Callable[..., object])

_forgetting: list[Callable[[], None]] = []  # of every function that keeps a model


def keeping_one(load: Loader) -> Loader:
    """Make a function keep what it returned last, for equal arguments, until `forget_models`."""
    kept = functools.lru_cache(maxsize=1)(load)
    _forgetting.append(kept.cache_clear)
    return cast(Loader, kept)


def forget_models() -> None:
    """Keep no model any longer; those in use stay until their users end."""
    for forget in _forgetting:
        forget()


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

    def forget() -> None:
        with lock:
            kept.clear()

    _forgetting.append(forget)
    return cached


def _stamps(path: Path) -> tuple[tuple[Path, int, int], ...]:
    files = sorted(path.iterdir()) if path.is_dir() else [path] if path.is_file() else []
    return tuple((file.resolve(), file.stat().st_size, file.stat().st_mtime_ns) for file in files)
