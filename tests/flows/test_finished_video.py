"""The same command again: a video whose steps are all stored costs one hash, one look at each step, and no network."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from mtmm_video.flows import prefect_api
from mtmm_video.flows.commands import analyze as command
from mtmm_video.flows.progress import VideoProgress
from mtmm_video.foundation.folders import CACHE_VARIABLE, cache_folder
from mtmm_video.pipeline import job as job_module
from mtmm_video.pipeline import run
from mtmm_video.pipeline.options import AnalyzeOptions
from mtmm_video.pipeline.steps import prediction
from mtmm_video.pipeline.store import local
from mtmm_video.pipeline.store.local import Store

# Libraries that take most of a second each to load, and whose work is stored.
HEAVY = {"av", "ctranslate2", "cv2", "librosa", "numba", "pandas", "prefect", "scipy", "torch", "whisper"}
RUN = """
import json, sys
from mtmm_video.flows import cli
try:
    cli.main()
finally:
    print(json.dumps(sorted(sys.modules)))
"""


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count how often a file is hashed, a step is looked up, and the network is loaded."""
    counted: Counter[str] = Counter()

    def count(module: Any, name: str, label: Callable[..., str]) -> None:
        real = getattr(module, name)

        def counting(*arguments: Any, **named: Any) -> Any:
            counted[label(*arguments)] += 1
            return real(*arguments, **named)

        monkeypatch.setattr(module, name, counting)

    count(local, "hash_video", lambda *_: "hash")
    count(job_module, "hash_video", lambda *_: "hash")
    count(run, "run_step", lambda step, *_: step.name)
    count(prediction, "load_checkpoint", lambda *_: "network")
    return counted


def test_a_finished_video_is_hashed_once_and_loads_no_network(
    tiny_video: Path, tiny_transcript: Path, tmp_path: Path, calls: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path / "artefacts")
    options = AnalyzeOptions(transcript=tiny_transcript, visual="none", formats=("json",))
    run.analyze(tiny_video, options=options, store=store)
    assert calls["network"] == 1
    calls.clear()
    monkeypatch.setattr(command._LazyApi, "start", lambda _self: pytest.fail("a finished video needs no API"))
    with ExitStack() as stack:
        analysis = command._analyze_one(
            tiny_video,
            out=tmp_path / "out",
            options=options,
            store=store,
            api=command._LazyApi(stack, verbose=False),
            progress=VideoProgress(quiet=True),
        )
    assert len(analysis.utterances) == 1
    assert dict(calls) == {"hash": 1} | dict.fromkeys((step.name for step in analysis.provenance.steps), 1)


def test_a_finished_video_loads_no_library_of_the_extractors(
    tiny_video: Path, tiny_transcript: Path, tmp_path: Path
) -> None:
    options = AnalyzeOptions(transcript=tiny_transcript, visual="none", formats=("json", "csv"))
    run.analyze(tiny_video, options=options, store=Store(tmp_path / "artefacts"))
    (tmp_path / "weights").symlink_to(cache_folder() / "weights")
    command_line = ["analyze", tiny_video, "--transcript", tiny_transcript, "--visual", "none", "--formats", "json,csv"]
    environment = {**os.environ, CACHE_VARIABLE: str(tmp_path)}
    environment.pop("PREFECT_API_URL", None)
    done = subprocess.run(
        [sys.executable, "-c", RUN, *command_line, "--out", tmp_path / "out"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {name.partition(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}
    assert loaded & HEAVY == set()
    assert json.loads((tmp_path / "out" / "tiny.json").read_text(encoding="utf-8"))["provenance"]["steps"][0]["reused"]


def test_an_analysis_that_nobody_watches_starts_no_prefect_api(
    tiny_video: Path, tiny_transcript: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.setattr(prefect_api, "LocalServer", lambda: pytest.fail("nobody watches"))
    options = AnalyzeOptions(transcript=tiny_transcript, visual="none", formats=("json",))
    with ExitStack() as stack:
        analysis = command._analyze_one(
            tiny_video,
            out=tmp_path / "out",
            options=options,
            store=Store(tmp_path / "artefacts"),
            api=command._LazyApi(stack, verbose=False),
            progress=VideoProgress(quiet=True),
        )
    assert not any(step.reused for step in analysis.provenance.steps)
    assert (tmp_path / "out" / "tiny.json").is_file()


@pytest.mark.slow
def test_a_batch_that_nobody_watches_loads_no_prefect(tiny_video: Path, tmp_path: Path) -> None:
    folder, cache = tmp_path / "in", tmp_path / "cache"
    folder.mkdir()
    (folder / "talk.mp4").symlink_to(tiny_video)
    cache.mkdir()
    (cache / "weights").symlink_to(cache_folder() / "weights")
    environment = {**os.environ, CACHE_VARIABLE: str(cache), "PREFECT_API_URL": ""}
    arguments = ["batch", str(folder), "--out", str(tmp_path / "out"), "--visual", "none", "--formats", "json"]
    done = subprocess.run(
        [sys.executable, "-c", RUN, *arguments], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "1 done" in done.stdout
    loaded = {name.partition(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}
    assert loaded & {"prefect", "torch"} == set()
    assert not (cache / "prefect").exists()
    assert (tmp_path / "out" / "talk.mp4.json").is_file()
