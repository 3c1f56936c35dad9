"""What is freed goes back to the system."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest

from mtmm_video.foundation.memory import release_freed_memory

PIECE = 64 * 1024  # bytes; glibc takes larger ones from the system one by one, and gives them back
STATM = Path("/proc/self/statm")


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="glibc only")
def test_freed_pieces_below_one_in_use_go_back() -> None:
    def resident() -> int:
        return int(STATM.read_text(encoding="ascii").split()[1]) * 4096

    pieces = [bytearray(PIECE) for _ in range(2000)]
    held = pieces[-1:]  # the heap cannot shrink below it
    full = resident()
    del pieces
    release_freed_memory()
    assert held
    assert full - resident() > 0.8 * 2000 * PIECE


def test_elsewhere_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: object())
    release_freed_memory()
