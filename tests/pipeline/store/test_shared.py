"""Machines hand each other finished steps through a shared store, and nothing else is ever taken for one."""

from __future__ import annotations

import errno
import logging
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from mtmm_video.foundation.errors import DependencyError, InputError, MtmmError, StoreError
from mtmm_video.foundation.files import sha256_of
from mtmm_video.model.checkpoint_file import load_specification, shipped
from mtmm_video.pipeline.job import Job, MissingArtefactError, StepResult
from mtmm_video.pipeline.options import AnalyzeOptions
from mtmm_video.pipeline.store import shared as shared_store
from mtmm_video.pipeline.store.artefact_file import load_json, save_json
from mtmm_video.pipeline.store.local import Store, hash_video
from mtmm_video.pipeline.store.shared import SharedStore

Make = Callable[[Path], None]


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SharedStore:
    """An empty shared store in memory that is not waited for."""
    monkeypatch.setattr(shared_store, "PAUSES", (0.0, 0.0))
    return SharedStore(f"memory://{tmp_path}")


def objects(shared: SharedStore) -> dict[str, bytes]:
    system, root = fsspec.core.url_to_fs(shared.url)
    return {name: system.cat_file(name) for name in system.find(root)}


def machine(folder: Path, shared: SharedStore | None) -> Job:
    """One video on a machine with its own store; the video is the same on all of them."""
    video = folder / "talk.mp4"
    video.parent.mkdir(exist_ok=True)
    video.write_bytes(b"the same everywhere")
    status = video.stat()
    return Job(
        video=video,
        name="talk",
        content=hash_video(video),
        options=AnalyzeOptions(),
        store=Store(folder / "store", shared=shared),
        weights={},
        fingerprints={},
        checkpoint=shipped("paper"),
        checkpoint_sha256=sha256_of(shipped("paper")),
        specification=load_specification(shipped("paper")),
        transcript_sha256=None,
        stamp=(status.st_size, status.st_mtime_ns),
    )


def step(job: Job, make: Make = lambda path: save_json(path, {"words": 3})) -> StepResult:
    return job.step("media", version="1", parameters={}, suffix="json", make=make)


def never(path: Path) -> None:
    raise AssertionError("what another machine has finished must not be made again")


def test_what_one_machine_finished_another_does_not_make_again(tmp_path: Path, shared: SharedStore) -> None:
    made = step(machine(tmp_path / "a", shared))
    found = step(machine(tmp_path / "b", shared), make=never)
    assert (made.record.reused, found.record.reused) == (False, True)
    assert found.path.is_relative_to(tmp_path / "b")
    assert found.path.read_bytes() == made.path.read_bytes()
    (name,) = objects(shared)
    assert sha256_of(made.path) in name


def test_two_machines_at_once_leave_one_object(tmp_path: Path, shared: SharedStore) -> None:
    def make(path: Path) -> None:
        step(machine(tmp_path / "b", shared))  # the other one finishes while this one works
        save_json(path, {"words": 3})

    assert not step(machine(tmp_path / "a", shared), make).record.reused
    assert len(objects(shared)) == 1


def test_what_was_made_before_the_store_was_named_is_handed_on(tmp_path: Path, shared: SharedStore) -> None:
    step(machine(tmp_path / "a", None))
    assert not objects(shared)
    step(machine(tmp_path / "a", shared), make=never)
    step(machine(tmp_path / "b", shared), make=never)


@pytest.mark.parametrize("damage", [lambda whole: whole[:-3], lambda whole: b"", lambda whole: whole[::-1]])
def test_a_damaged_object_is_made_again(
    tmp_path: Path, shared: SharedStore, damage: Callable[[bytes], bytes], caplog: pytest.LogCaptureFixture
) -> None:
    step(machine(tmp_path / "a", shared))
    ((name, whole),) = objects(shared).items()
    fsspec.filesystem("memory").pipe_file(name, damage(whole))
    with caplog.at_level(logging.WARNING):
        result = step(machine(tmp_path / "b", shared))
    assert "damaged" in caplog.text and name in caplog.text
    assert not result.record.reused
    left = {path.name for path in result.path.parent.iterdir()}
    assert left == {result.path.name, "times.json"}  # no half file is left
    assert objects(shared) == {name: whole}


def test_foreign_objects_are_no_artefacts(tmp_path: Path, shared: SharedStore) -> None:
    job = machine(tmp_path / "a", shared)
    target = job.store.path(job.content, step="media", version="1", parameters={}, suffix="json")
    root = f"{tmp_path}/{job.content}"
    for name in (target.name, f"{target.stem}.{'0' * 63}.json", f"x{target.stem}.{'0' * 64}.json", "readme.txt"):
        fsspec.filesystem("memory").pipe_file(f"{root}/{name}", b'{"words": 4}')
    assert load_json(step(job).path) == {"words": 3}


def test_a_file_under_an_artefacts_name_with_other_bytes_is_no_artefact(tmp_path: Path, shared: SharedStore) -> None:
    job = machine(tmp_path / "a", shared)
    target = job.store.path(job.content, step="media", version="1", parameters={}, suffix="json")
    name = f"{tmp_path}/{job.content}/{target.stem}.{'0' * 64}.json"
    fsspec.filesystem("memory").pipe_file(name, b'{"words": 4}')
    assert load_json(step(job).path) == {"words": 3}
    assert load_json(step(machine(tmp_path / "b", shared), make=never).path) == {"words": 3}


def test_who_only_looks_asks_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = machine(tmp_path, SharedStore("s3://nobody-must-be-asked/x"))
    with pytest.raises(MissingArtefactError):
        step(replace(job, stored_only=True))


def failing(monkeypatch: pytest.MonkeyPatch, method: str, error: Exception, *, times: int) -> list[int]:
    """Let an operation of the store fail so many times; what it returns grows with each call."""
    calls: list[int] = []
    original = getattr(MemoryFileSystem, method)

    def fail(self: MemoryFileSystem, *args: Any, **named: Any) -> Any:
        calls.append(1)
        if len(calls) <= times:
            raise error
        return original(self, *args, **named)

    monkeypatch.setattr(MemoryFileSystem, method, fail)
    return calls


@pytest.mark.parametrize("method", ["find", "put_file", "get_file"])
def test_a_store_that_is_away_for_a_moment_is_waited_for(
    tmp_path: Path, shared: SharedStore, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    calls = failing(monkeypatch, method, ConnectionError("away"), times=2)
    step(machine(tmp_path / "a", shared))
    step(machine(tmp_path / "b", shared), make=never)
    assert len(calls) > 2


def test_a_store_that_stays_away_stops_the_analysis_and_the_next_one_goes_on(
    tmp_path: Path, shared: SharedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = machine(tmp_path / "a", shared)
    with monkeypatch.context() as patch:
        calls = failing(patch, "put_file", ConnectionError("no route"), times=100)
        with pytest.raises(StoreError, match=r"^memory:.*no route.*run again.*MTMM_STORE_URL"):
            step(job)
        assert len(calls) == 3
    assert step(job, make=never).record.reused
    assert len(objects(shared)) == 1  # what the failed run could not hand on


def test_refused_access_is_not_tried_again(
    tmp_path: Path, shared: SharedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = failing(monkeypatch, "find", PermissionError("Access Denied"), times=100)
    with pytest.raises(StoreError, match=r"denies access \(Access Denied\); check the credentials"):
        shared.check()
    assert len(calls) == 1


def test_a_bucket_that_is_deleted_meanwhile_is_named(
    tmp_path: Path, shared: SharedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, "put_file", FileNotFoundError("The specified bucket does not exist"), times=100)
    with pytest.raises(StoreError, match=r"^memory:.*deleted meanwhile.*bucket does not exist"):
        step(machine(tmp_path / "a", shared))


def test_a_full_disk_is_not_blamed_on_the_store(
    tmp_path: Path, shared: SharedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    step(machine(tmp_path / "a", shared))
    calls = failing(monkeypatch, "get_file", OSError(errno.ENOSPC, "No space left on device"), times=100)
    with pytest.raises(StoreError, match="free space") as caught:
        step(machine(tmp_path / "b", shared), make=never)
    assert "memory:" not in str(caught.value)
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("url", "kind", "message"),
    [
        ("/mnt/shared", InputError, "s3://bucket/prefix"),
        ("s3://", InputError, "s3://bucket/prefix"),
        ("http://127.0.0.1/bucket", InputError, "not an address of a shared store"),
        ("file:///no/such/folder", StoreError, "there is no /no/such/folder"),
    ],
)
def test_a_wrong_address_is_named_before_any_work(url: str, kind: type[MtmmError], message: str) -> None:
    with pytest.raises(kind, match=message) as caught:
        SharedStore(url).check()
    assert url in str(caught.value)


def test_a_missing_package_is_named_with_the_command_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, "s3", raising=False)  # where it was used before
    with pytest.raises(DependencyError, match=r"pip install 'mtmm-video\[s3\]'"):
        SharedStore("s3://talks/artefacts").check()


def test_a_folder_is_a_shared_store_too(tmp_path: Path) -> None:
    (tmp_path / "mounted").mkdir()
    shared = SharedStore(f"file://{tmp_path}/mounted")
    shared.check()
    made = step(machine(tmp_path / "a", shared))
    assert step(machine(tmp_path / "b", shared), make=never).record.reused
    (written,) = (tmp_path / "mounted" / made.path.parent.name).iterdir()
    assert written.read_bytes() == made.path.read_bytes()


def test_nothing_is_shared_unless_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MTMM_STORE_URL", raising=False)
    assert Store.default().shared is None
    monkeypatch.setenv("MTMM_STORE_URL", "s3://talks/artefacts")
    assert Store.default().shared == SharedStore("s3://talks/artefacts")
