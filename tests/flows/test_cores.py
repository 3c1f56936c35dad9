"""The same numbers on one core and on several, no work done twice, and on which processor it was done."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mtmm_video.pipeline import run, step_run
from mtmm_video.pipeline.job import Job
from mtmm_video.pipeline.media.last_waveform import LastWaveform
from mtmm_video.pipeline.options import AnalyzeOptions
from mtmm_video.pipeline.run import run_steps
from mtmm_video.pipeline.store.artefacts import load_features
from mtmm_video.pipeline.store.local import Store


def test_results_do_not_depend_on_the_number_of_cores(tiny_video: Path, tiny_transcript: Path, tmp_path: Path) -> None:
    options = AnalyzeOptions(transcript=tiny_transcript, visual="none")
    values = []
    for cores in (1, 4):
        job = Job.prepare(tiny_video, options=options, store=Store(tmp_path / str(cores)))
        features, _ = load_features(run_steps(job, goal="features", cores=cores)["features"].path, video_id="")
        values.append(features)
    for modality, entry in values[0].modalities.items():
        np.testing.assert_allclose(entry.values, values[1].modalities[modality].values, rtol=5e-5, atol=1e-6)
        assert (entry.valid == values[1].modalities[modality].valid).all()


def test_the_sound_is_decoded_once_for_all_steps(
    tiny_video: Path, tiny_transcript: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[Path] = []
    read = step_run.read_waveform

    def counted(path: Path) -> NDArray[np.float32]:
        decoded.append(path)
        return read(path)

    monkeypatch.setattr(step_run, "last_waveform", LastWaveform())
    monkeypatch.setattr(step_run, "read_waveform", counted)
    options = AnalyzeOptions(transcript=tiny_transcript, visual="none")
    run_steps(Job.prepare(tiny_video, options=options, store=Store(tmp_path)), goal="features")
    assert decoded == [tiny_video]


def test_the_provenance_says_what_ran_on_a_graphics_processor_also_in_a_later_run(
    tiny_video: Path, tiny_transcript: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "graphics_processor", lambda: "Processor X")  # the steps themselves see none
    job = Job.prepare(
        tiny_video, options=AnalyzeOptions(transcript=tiny_transcript, visual="none"), store=Store(tmp_path)
    )
    for _ in range(2):
        results = run_steps(job, goal="features")
        devices = {name: result.record.device for name, result in results.items()}
        assert devices.pop("voice") == "Processor X"
        assert set(devices.values()) == {"cpu"}
        monkeypatch.setattr(run, "graphics_processor", lambda: None)
