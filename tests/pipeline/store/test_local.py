"""The store gives back what was put in, and a killed writer leaves nothing that would be taken for a result."""

from __future__ import annotations

import os
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from mtmm_video.foundation.errors import InputError, MediaError, StoreError
from mtmm_video.foundation.files import atomic_path
from mtmm_video.pipeline.store.artefact_file import load_arrays, load_json, save_arrays, save_json
from mtmm_video.pipeline.store.local import (
    MAKINGS_NAME,
    Making,
    Store,
    hash_video,
    parameters_key,
)

CONTENT = "ab" * 32


def _put(store: Store, step: str, *, age: float, size: int = 100, content: str = CONTENT) -> Path:
    path = store.path(content, step=step, version="1", parameters={}, suffix="json")
    save_json(path, "x" * (size - 2))
    os.utime(path, (1e9 - age, 1e9 - age))
    return path


def test_arrays_come_back_as_they_were(tmp_path: Path) -> None:
    arrays = {
        "times": np.arange(3.0),
        "valid": np.array([[True, False]]),
        "empty": np.zeros((0, 74), np.float32),
        "height": np.asarray(720),
        "transposed": np.arange(6, dtype=np.float32).reshape(2, 3).T,
    }
    save_arrays(tmp_path / "a.safetensors", arrays, metadata={"names": ["Grüße"], "none": None})
    found, metadata = load_arrays(tmp_path / "a.safetensors")
    assert metadata == {"names": ["Grüße"], "none": None}
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


def test_artefacts_can_be_read_by_whom_the_umask_allows(tmp_path: Path) -> None:
    save_json(tmp_path / "a.json", {})
    save_arrays(tmp_path / "a.safetensors", {"a": np.zeros(1)}, metadata={})
    assert (tmp_path / "a.safetensors").stat().st_mode == (tmp_path / "a.json").stat().st_mode


def test_objects_are_never_stored(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="objects"):
        save_arrays(tmp_path / "a.safetensors", {"o": np.array([object()])}, metadata={})
    assert not list(tmp_path.iterdir())


def test_the_name_depends_on_all_that_decides_the_result_and_on_nothing_else() -> None:
    store = Store(Path("store"))
    base = store.path(CONTENT, step="visual", version="1", parameters={"rate": 10, "a": "x"}, suffix="json")
    assert base == store.path(CONTENT, step="visual", version="1", parameters={"a": "x", "rate": 10}, suffix="json")
    others = {
        store.path("cd" * 32, step="visual", version="1", parameters={"rate": 10, "a": "x"}, suffix="json"),
        store.path(CONTENT, step="visual", version="2", parameters={"rate": 10, "a": "x"}, suffix="json"),
        store.path(CONTENT, step="visual", version="1", parameters={"rate": 12, "a": "x"}, suffix="json"),
    }
    assert base not in others
    assert len(others) == 3


def test_a_key_is_the_same_on_every_machine() -> None:
    assert parameters_key({"rate": 10, "names": ["é"]}) == "ce548b3e46916699"


@pytest.mark.parametrize("content", [b"", b"{", b"\x80\x04pickle", b"\xff" * 64])
def test_a_damaged_artefact_is_named(tmp_path: Path, content: bytes) -> None:
    for name, load in (("a.json", load_json), ("a.safetensors", load_arrays)):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(StoreError, match=name):
            load(path)


def test_what_a_killed_writer_left_is_swept_by_the_next_holder(tmp_path: Path) -> None:
    store = Store(tmp_path)
    finished = _put(store, "media", age=0)
    with atomic_path(finished) as temporary:
        temporary.write_text("half", encoding="utf-8")
        kept = temporary.with_name(temporary.name)
        os.link(temporary, tmp_path / "copy")
    (tmp_path / "copy").rename(kept)  # as if the process had died before its rename
    with store.locked(CONTENT):
        assert [path.name for path in finished.parent.iterdir()] == [finished.name]


def test_artefacts_are_listed_with_the_step_that_made_them(tmp_path: Path) -> None:
    store = Store(tmp_path)
    _put(store, "media", age=5)
    (tmp_path / CONTENT / "notes.txt").write_text("not ours", encoding="utf-8")
    (found,) = store.artefacts()
    assert (found.content, found.step, found.version, found.size, found.used) == (CONTENT, "media", "1", 100, 1e9 - 5)


def test_pruning_by_age_takes_the_old_and_leaves_the_young(tmp_path: Path) -> None:
    store = Store(tmp_path)
    old, young = _put(store, "media", age=100), _put(store, "text", age=10)
    assert [entry.path for entry in store.prune(older_than=50, now=1e9)] == [old]
    assert young.exists() and not old.exists()


def test_pruning_by_size_takes_the_least_recently_used_first(tmp_path: Path) -> None:
    store = Store(tmp_path)
    paths = [_put(store, step, age=age) for step, age in (("media", 30), ("text", 20), ("visual", 10))]
    store.prune(max_size=250, now=1e9)
    assert [path.exists() for path in paths] == [False, True, True]


def test_a_video_without_artefacts_leaves_no_empty_folder(tmp_path: Path) -> None:
    store = Store(tmp_path)
    _put(store, "media", age=100)
    store.prune(max_size=0, now=1e9)
    assert not (tmp_path / CONTENT).exists()


def test_a_video_in_work_keeps_its_artefacts(tmp_path: Path) -> None:
    store = Store(tmp_path)
    path = _put(store, "media", age=100)
    with store.locked(CONTENT):
        assert Store(tmp_path).prune(older_than=0, now=1e9) == []
        assert path.exists()
    assert [entry.path for entry in store.prune(older_than=0, now=1e9)] == [path]


def test_artefacts_that_another_process_removes_meanwhile_are_not_listed(tmp_path: Path) -> None:
    store = Store(tmp_path)
    _put(store, "media", age=100)
    _put(store, "text", age=10)
    listed = store.artefacts()
    next(listed)
    shutil.rmtree(tmp_path / CONTENT)
    assert list(listed) == []


def test_the_time_of_the_run_that_computed_an_artefact_is_kept(tmp_path: Path) -> None:
    store = Store(tmp_path)
    path = _put(store, "media", age=10)
    assert store.making_of(path) == Making(None, None)
    store.record_making(path, Making(1.25, "cpu"))
    store.record_making(_put(store, "speech", age=5), Making(2.5, "NVIDIA H200"))
    assert Store(tmp_path).making_of(path) == Making(1.25, "cpu")
    store.prune(older_than=0, now=1e9)
    assert not path.parent.exists()


def test_steps_that_end_at_the_same_moment_are_all_recorded(tmp_path: Path) -> None:
    store = Store(tmp_path)
    paths = [_put(store, f"step{number}", age=10) for number in range(8)]
    barrier = threading.Barrier(len(paths))

    def record(path: Path) -> None:
        barrier.wait()
        store.record_making(path, Making(1.0, "cpu"))

    with ThreadPoolExecutor(len(paths)) as pool:
        list(pool.map(record, paths))
    assert {store.making_of(path) for path in paths} == {Making(1.0, "cpu")}


def test_times_that_version_0_1_recorded_are_read(tmp_path: Path) -> None:
    store = Store(tmp_path)
    path = _put(store, "media", age=10)
    (path.parent / MAKINGS_NAME).write_text(f'{{"{path.name}": 1.25}}', encoding="utf-8")
    assert store.making_of(path) == Making(1.25, None)


def test_a_store_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(StoreError, match="MTMM_CACHE_DIR"), Store(tmp_path / "file").locked(CONTENT):
        pass


def test_a_video_that_has_no_end_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "talk.mp4"
    os.mkfifo(pipe)
    with pytest.raises(MediaError, match=r"talk\.mp4: is a pipe; write what comes out of it to a file"):
        hash_video(pipe)
    with pytest.raises(MediaError, match="/dev/zero: is a device"):
        hash_video(Path("/dev/zero"))
