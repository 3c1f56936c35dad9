"""A model is read once, and again when its file was changed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mtmm_video.foundation.loading import cached_by_file, forget_models, keeping_one


def test_a_file_is_read_once_until_it_changes(tmp_path: Path) -> None:
    read: list[Path] = []

    @cached_by_file
    def load(path: Path) -> str:
        read.append(path)
        return path.read_text()

    one, other = tmp_path / "one", tmp_path / "other"
    one.write_text("1")
    other.write_text("2")
    assert [load(one), load(one)] == ["1", "1"]
    assert len(read) == 1
    one.write_text("11")
    assert load(one) == "11"
    os.utime(one, ns=(0, 0))
    load(one)
    assert len(read) == 3
    assert [load(other), load(one)] == ["2", "11"]


def test_a_folder_is_as_new_as_its_files_and_failures_are_not_kept(tmp_path: Path) -> None:
    @cached_by_file
    def load(path: Path) -> list[str]:
        return sorted(each.name for each in path.iterdir())

    folder = tmp_path / "folder"
    with pytest.raises(FileNotFoundError):
        load(folder)
    folder.mkdir()
    assert load(folder) == []
    (folder / "a").write_text("")
    assert load(folder) == ["a"]


def test_forgotten_models_are_read_again() -> None:
    read: list[int] = []

    @keeping_one
    def load(number: int, *, half: bool) -> int:
        read.append(number)
        return number

    assert [load(1, half=True), load(1, half=True)] == [1, 1]
    assert read == [1]
    forget_models()
    assert load(1, half=True) == 1
    assert read == [1, 1]


def test_forgotten_files_are_read_again(tmp_path: Path) -> None:
    read: list[Path] = []
    path = tmp_path / "model"
    path.write_text("1")

    @cached_by_file
    def load(path: Path) -> str:
        read.append(path)
        return path.read_text()

    load(path)
    forget_models()
    load(path)
    assert len(read) == 2
