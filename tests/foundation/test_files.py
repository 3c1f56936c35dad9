"""Files are whole or absent, and hashes are what sha256sum says."""

from __future__ import annotations

import errno
import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from mtmm_video.foundation.errors import StoreError
from mtmm_video.foundation.files import atomic_path, remove_unfinished, sha256_of, write_bytes, write_text

LEAVE_HALF = """
import os, sys
from pathlib import Path
from mtmm_video.foundation.files import atomic_path
with atomic_path(Path(sys.argv[1])) as temporary:
    temporary.write_bytes(b"half")
    os.kill(os.getpid(), 9)
"""


def test_a_finished_file_takes_its_place_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    write_text(tmp_path / "new" / "report.csv", "naïve\n")
    assert (tmp_path / "new" / "report.csv").read_bytes() == "naïve\n".encode()
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["report.csv"]


def test_a_failure_keeps_the_old_file_and_removes_the_half_written_one(tmp_path: Path) -> None:
    target = tmp_path / "report.csv"
    write_bytes(target, b"old")
    with pytest.raises(ZeroDivisionError), atomic_path(target) as temporary:
        temporary.write_bytes(b"half")
        _ = 1 / 0
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["report.csv"]


def test_a_file_inside_a_block_is_finished_with_the_outer_one(tmp_path: Path) -> None:
    target = tmp_path / "features.json"
    with atomic_path(target) as outer:
        write_text(outer, "whole")
        assert [path.name for path in tmp_path.iterdir()] == [outer.name]
        assert not target.exists()
    assert target.read_text(encoding="utf-8") == "whole"
    assert [path.name for path in tmp_path.iterdir()] == ["features.json"]


def test_an_unreadable_source_is_not_a_target_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(NotADirectoryError, match="weights"), atomic_path(tmp_path / "out" / "report.csv"):
        (tmp_path / "weights").write_bytes(b"")
        (tmp_path / "weights" / "base.pt").read_bytes()
    full = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(StoreError, match=r"report\.csv"), atomic_path(tmp_path / "report.csv"):
        raise full


def test_the_temporary_file_keeps_the_suffix_that_writers_look_at(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "table.parquet") as temporary:
        assert temporary.suffix == ".parquet"
        assert temporary.parent == tmp_path
        temporary.write_bytes(b"")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError, match=r"file/report\.csv"):
        write_bytes(tmp_path / "file" / "report.csv", b"x")


def test_hash_of_a_file_longer_than_a_block(tmp_path: Path) -> None:
    content = bytes(range(256)) * 5000
    (tmp_path / "big").write_bytes(content)
    assert sha256_of(tmp_path / "big") == hashlib.sha256(content).hexdigest()


def test_only_what_dead_processes_left_is_removed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", LEAVE_HALF, str(tmp_path / "talk big.html")]) as killed:
        killed.wait()
    assert len(list(tmp_path.iterdir())) == 1
    with atomic_path(tmp_path / "talk.html") as temporary:
        temporary.write_bytes(b"of a living process")
        remove_unfinished(tmp_path)
        assert list(tmp_path.iterdir()) == [temporary]


def test_a_name_as_long_as_file_systems_take_can_be_written(tmp_path: Path) -> None:
    target = tmp_path / ("ä" * 125 + ".json")  # 255 bytes
    write_text(target, "{}")
    assert [path.name for path in tmp_path.iterdir()] == [target.name]
    odd = tmp_path / ("a." + "b" * 250)
    write_text(odd, "no real suffix")
    assert odd.is_file()
