"""An artefact is in the store only whole, of the file that was hashed, and with how it was made."""

from __future__ import annotations

from pathlib import Path

import pytest

from mtmm_video.foundation.errors import MediaError
from mtmm_video.pipeline.job import Job
from mtmm_video.pipeline.options import AnalyzeOptions
from mtmm_video.pipeline.store.artefact_file import save_json
from mtmm_video.pipeline.store.local import ARTEFACT_NAME, Making, Store


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """An analysis of a file whose content no step looks at."""
    video = tmp_path / "talk.mp4"
    video.write_bytes(b"content")
    return Job.prepare(video, options=AnalyzeOptions(visual="none"), store=Store(tmp_path / "store"))


def artefacts(job: Job) -> list[str]:
    folder = job.store.root / job.content
    return [path.name for path in folder.glob("*") if ARTEFACT_NAME.fullmatch(path.name)]


def test_a_process_that_ends_while_recording_leaves_no_artefact(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    def end(store: Store, path: Path, making: Making) -> None:
        assert artefacts(job) == []
        raise KeyboardInterrupt

    monkeypatch.setattr(Store, "record_making", end)
    with pytest.raises(KeyboardInterrupt):
        job.step("media", version="1", parameters={}, suffix="json", make=lambda path: save_json(path, "whole"))
    assert artefacts(job) == []


def test_what_was_measured_of_a_changed_file_is_not_stored(job: Job) -> None:
    def make(path: Path) -> None:
        save_json(path, "of the new content")
        job.video.write_bytes(b"a longer content")

    with pytest.raises(MediaError, match=r"talk\.mp4: was changed while it was analysed"):
        job.step("media", version="1", parameters={}, suffix="json", make=make)
    assert artefacts(job) == []


def test_an_artefact_comes_with_its_device_and_time(job: Job) -> None:
    def step() -> tuple[bool, str | None]:
        record = job.step(
            "media",
            version="1",
            parameters={},
            suffix="json",
            make=lambda path: save_json(path, "whole"),
            device=lambda: "NVIDIA H200",
        ).record
        assert record.seconds is not None
        return record.reused, record.device

    assert [step(), step()] == [(False, "NVIDIA H200"), (True, "NVIDIA H200")]
