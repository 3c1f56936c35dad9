"""Files are whole or absent, and hashes are what sha256sum says."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from mtmm_video.foundation.errors import StoreError
from mtmm_video.foundation.files import atomic_path, sha256_of, write_bytes, write_text


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
