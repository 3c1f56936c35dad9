"""The graphics processor that networks run on, where there is one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock

from mtmm_video.foundation.folders import cache_folder

CPU = "cpu"


def torch_device() -> str:
    """Return where torch computes on this machine, as `torch.device` takes it: "cuda" or "cpu"."""
    import torch  # noqa: PLC0415 (two seconds; who asks has it loaded, or will)

    return "cuda" if torch.cuda.is_available() else CPU


def graphics_processor() -> str | None:
    """Return the name of the graphics processor that torch uses, or None where it sees none."""
    import torch  # noqa: PLC0415

    return str(torch.cuda.get_device_name()) if torch_device() != CPU else None


@contextmanager
def graphics_turn() -> Iterator[None]:
    """Wait until no other process of this user's cache computes on the graphics processor; at once where there is none.

    One that holds the turn and is killed gives it back.
    """
    if graphics_processor() is None:
        yield
        return
    cache_folder().mkdir(parents=True, exist_ok=True)
    with FileLock(cache_folder() / "gpu.lock"):
        yield
