"""The same numbers on one core and on several."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mtmm_video.pipeline.job import Job
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
