"""Arrays in unnamed files count as memory of the process no longer than they are read, and leave nothing behind."""

from __future__ import annotations

import gc
import os
import time
from pathlib import Path

import numpy as np
import pytest

from mtmm_video.foundation import mapped_array
from mtmm_video.foundation.mapped_array import give_back_pages, mapped_zeros, stretches

LENGTH = 16_000_000  # 64 MB


def resident_bytes() -> int:
    """Memory of this process that the system holds, on Linux."""
    statm = Path("/proc/self/statm")
    if not statm.exists():
        pytest.skip("needs /proc")
    return int(statm.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_what_was_written_is_read_after_the_pages_were_given_back(tmp_path: Path) -> None:
    before = resident_bytes()
    array = mapped_zeros(LENGTH, tmp_path / "new")
    assert array.shape == (LENGTH,) and not array[::4096].any()
    array[:] = 7  # nothing large is made beside it, which the allocator might keep
    give_back_pages()
    assert resident_bytes() - before < 0.5 * array.nbytes
    assert float(array.sum(dtype=np.float64)) == 7 * LENGTH


def test_pages_are_given_back_while_others_work(tmp_path: Path) -> None:
    before = resident_bytes()
    array = mapped_zeros(LENGTH, tmp_path)
    array[:] = 1
    deadline = time.monotonic() + 20
    while resident_bytes() - before > 0.5 * array.nbytes:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_whole_array_is_read_without_holding_it(tmp_path: Path) -> None:
    array = mapped_zeros(LENGTH, tmp_path)
    before, most, total = resident_bytes(), 0, 0.0
    for part in stretches(LENGTH):
        total += float(array[part].sum())
        most = max(most, resident_bytes() - before)
    assert total == 0.0
    assert most < 0.5 * array.nbytes


def test_nothing_is_left_of_an_array_that_nobody_has(tmp_path: Path) -> None:
    array = mapped_zeros(1000, tmp_path)
    part = array[10:20]
    assert list(tmp_path.iterdir()) == []
    del array
    part[:] = 3  # a view keeps the file
    assert part.tolist() == [3.0] * 10
    del part
    gc.collect()
    deadline = time.monotonic() + 20
    while mapped_array._thread is not None:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError, match="file"):
        mapped_zeros(10, tmp_path / "file")
