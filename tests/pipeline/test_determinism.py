"""The same results whatever was analysed before, on however many cores, and at whichever run."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from mtmm_video.pipeline.analysis import Analysis
from mtmm_video.pipeline.job import Job
from mtmm_video.pipeline.options import AnalyzeOptions
from mtmm_video.pipeline.run import assemble, run_steps
from mtmm_video.pipeline.store.local import Store

RATE = 16_000
SECONDS = {"long": 2.0, "short": 0.7, "middle": 1.2}
TOLERANCE = {"rtol": 5e-5, "atol": 1e-6}  # the order of sums depends on the number of threads


@pytest.fixture
def recordings(tmp_path: Path) -> list[Path]:
    """Three hums of different lengths with what is said in them."""
    paths = []
    for number, (name, seconds) in enumerate(SECONDS.items()):
        times = np.arange(round(seconds * RATE)) / RATE
        hum = sum(np.sin(2 * np.pi * (110 + 30 * number) * k * times) / k for k in range(1, 8))
        paths.append(tmp_path / f"{name}.wav")
        soundfile.write(paths[-1], 0.2 * hum, RATE)
        words = [{"word": "Wonderful", "start": 0.1, "end": 0.3}, {"word": f"{name}.", "start": 0.3, "end": 0.6}]
        paths[-1].with_suffix(".json").write_text(json.dumps({"words": words}))
    return paths


def analysed(paths: list[Path], store: Path, *, cores: int) -> dict[str, Analysis]:
    """Analyse recordings one after the other in this process, as a worker of a batch does."""
    found = {}
    for path in paths:
        options = AnalyzeOptions(transcript=path.with_suffix(".json"), visual="none", speakers="none")
        job = Job.prepare(path, options=options, store=Store(store))
        found[path.stem] = assemble(job, run_steps(job, cores=cores))
    return found


@pytest.mark.parametrize("cores", [1, 3])
def test_results_do_not_depend_on_order_and_cores(recordings: list[Path], tmp_path: Path, cores: int) -> None:
    forwards = analysed(recordings, tmp_path / "forwards", cores=2)
    backwards = analysed(recordings[::-1], tmp_path / "backwards", cores=cores)
    for name, first in forwards.items():
        second = backwards[name]
        for modality, entry in first.features.modalities.items():
            np.testing.assert_allclose(second.features.modalities[modality].values, entry.values, **TOLERANCE)
        for now, then in zip(second.utterances, first.utterances, strict=True):
            assert (now.utterance, now.flags) == (then.utterance, then.flags)
            assert now.prediction.sentiment == then.prediction.sentiment
            probabilities = dict(then.prediction.sentiment_probabilities) | dict(then.prediction.emotion_probabilities)
            again = dict(now.prediction.sentiment_probabilities) | dict(now.prediction.emotion_probabilities)
            assert again == pytest.approx(probabilities, abs=1e-4)


def test_a_second_run_gives_the_same_bytes(recordings: list[Path], tmp_path: Path) -> None:
    """With one number of cores, nothing in the report differs but when it was made and how long steps took."""
    reports = []
    for run in ("first", "second"):
        report = json.loads(analysed(recordings[:1], tmp_path / run, cores=2)["long"].to_json())
        report["provenance"] = None
        reports.append(report)
    assert reports[0] == reports[1]
