"""Names that file systems and terminals take: nothing too long, nothing obeyed, none of two the same."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtmm_video.foundation.files import write_text
from mtmm_video.foundation.names import is_utf8, printable, report_name

# Any bytes that a file may be called.
names = st.lists(st.integers(1, 255).filter(lambda byte: byte != ord("/")), min_size=1, max_size=255).map(
    lambda name: os.fsdecode(bytes(name))
)


@pytest.mark.parametrize("name", ["talk.mp4", "Ünï cödé 講演.mkv", "-dash", "a b'c\"d.mp4"])
def test_ordinary_names_stay(name: str) -> None:
    assert report_name(name) == name


@given(names)
def test_a_report_of_any_video_has_a_name_that_can_be_written(name: str) -> None:
    found = report_name(name)
    assert len(f"{found}.TextGrid".encode()) <= 255
    assert is_utf8(found)
    assert not any(unicodedata.category(sign) == "Cc" for sign in found)
    assert report_name(found) == found


def test_long_names_that_begin_alike_stay_apart(tmp_path: Path) -> None:
    first, second = (report_name("x" * 250 + end) for end in ("1.mp4", "2.mp4"))
    assert first != second
    for name in (first, second):
        write_text(tmp_path / f"{name}.TextGrid", "text")


def test_terminals_are_not_commanded() -> None:
    assert printable("a\x1b[31mb\u202egpj.mp4") == "a%1B[31mb%E2%80%AEgpj.mp4"
    assert printable(os.fsdecode(b"caf\xe9.mp4")) == "caf%E9.mp4"


def test_names_that_are_no_utf8_are_told() -> None:
    assert is_utf8("café.mp4")
    assert not is_utf8(os.fsdecode(b"caf\xe9.mp4"))


def test_text_with_lone_surrogates_is_written_as_json_reads_it(tmp_path: Path) -> None:
    import json

    name = os.fsdecode(b"caf\xe9.mp4")
    write_text(tmp_path / "report.json", json.dumps(name, ensure_ascii=False))
    assert json.loads((tmp_path / "report.json").read_text(encoding="utf-8")) == name
