"""The same command again: a video whose steps are all stored costs one hash, one look at each step, and no network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from mtmm_video.flows.commands import analyze as command
from mtmm_video.flows.progress import VideoProgress
from mtmm_video.pipeline import job as job_module
from mtmm_video.pipeline import run, steps
from mtmm_video.pipeline.options import AnalyzeOptions
from mtmm_video.pipeline.store import local
from mtmm_video.pipeline.store.local import Store


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
    count(steps, "load_checkpoint", lambda *_: "network")
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
