"""Two machines that share nothing but an S3 bucket: the second one analyses nothing anew."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mtmm_video.foundation.errors import StoreError
from mtmm_video.pipeline.options import AnalyzeOptions
from mtmm_video.pipeline.run import analyze
from mtmm_video.pipeline.store import shared as shared_store
from mtmm_video.pipeline.store.local import Store
from mtmm_video.pipeline.store.shared import SharedStore

ROOT = Path(__file__).resolve().parents[3]
BUCKET = "talks"


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    """Run an S3 server with one bucket as a process of its own, and point everything that speaks S3 to it."""
    pytest.importorskip("s3fs")
    boto3 = pytest.importorskip("boto3")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 120  # imports are slow on a busy machine
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert server.poll() is None and time.monotonic() < deadline, "the S3 server did not start"
                time.sleep(0.2)
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        yield server
    finally:
        server.kill()
        server.wait()


def report(folder: Path, name: str) -> dict[str, Any]:
    """Return a JSON report without what tells one run from another: when, how long, and what was reused."""
    content: dict[str, Any] = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    del content["provenance"]["created"]
    for step in content["provenance"]["steps"]:
        del step["seconds"], step["device"], step["reused"]  # the first two are known of a run on this machine alone
    return content


@pytest.mark.slow
@pytest.mark.services
def test_two_machines_share_a_bucket(
    tmp_path: Path, s3: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    transcript = tmp_path / "words.json"
    transcript.write_text(json.dumps({"words": [{"word": "Stay.", "start": 0.2, "end": 0.9}]}), encoding="utf-8")
    options = AnalyzeOptions(transcript=transcript, visual="none", formats=("json",))
    video = ROOT / "sample_videos" / "bad_stay.mp4"
    shared = SharedStore(f"s3://{BUCKET}/artefacts")
    stores = [Store(tmp_path / name / "artefacts", shared=shared) for name in ("first", "second")]
    for store, reused in zip(stores, (False, True), strict=True):
        analysis = analyze(video, out=store.root.parent, options=options, store=store)
        assert {step.reused for step in analysis.provenance.steps} == {reused}

    first, second = ({entry.path.name: entry.path.read_bytes() for entry in store.artefacts()} for store in stores)
    assert first == second
    assert len(first) == len(analysis.provenance.steps)
    assert report(stores[0].root.parent, "bad_stay") == report(stores[1].root.parent, "bad_stay")

    for wrong, message in ((f"s3://no-{BUCKET}/x", "there is no no-talks"), (shared.url, "cannot be used")):
        if wrong == shared.url:
            os.kill(s3.pid, signal.SIGKILL)
            s3.wait()
        monkeypatch.setattr(shared_store, "PAUSES", ())
        with pytest.raises(StoreError, match=message):
            analyze(video, options=options, store=Store(tmp_path / "third", shared=SharedStore(wrong)))
    assert not list(Store(tmp_path / "third").artefacts())  # found before any work was done
