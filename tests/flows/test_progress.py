"""What a person who waits is told: a share that grows with the work, and a time that fits the pace."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import pytest

from mtmm_video.flows.progress import STEPS, StepShares, Ticker, VideoProgress, batch_line, readable_time


def test_the_share_grows_as_steps_report_in_any_order() -> None:
    shares = StepShares()
    seen = []
    for step, share in (("media", 1.0), ("transcript", 0.5), ("visual", 0.2), ("acoustic", 0.7), ("visual", 0.1)):
        shares.note(step, share)
        seen.append(shares.done)
    assert seen == sorted(seen) and 0.0 < seen[-1] < 1.0  # the last report, a smaller share, takes nothing back
    for step in STEPS:
        shares.note(step, 1.0)
    assert shares.done == pytest.approx(1.0)


def test_a_batch_says_what_is_finished_and_how_long_the_rest_takes() -> None:
    half = StepShares()
    half.note("transcript", 1.0)
    line = batch_line(finished=2, total=10, running={"talk.mp4": half}, seconds=600.0)
    # Recognition is a fifth of a video's work (docs/performance.md): 2.2 of 10 videos in ten minutes, 7.8 to go.
    assert (match := re.search(r"about (\d+) min left", line)) and 33 <= int(match[1]) <= 37
    assert line.startswith("2 of 10 videos")
    begun = StepShares()
    begun.note("transcript", 0.2)  # 4 % of one video, after half a minute of loading models
    assert batch_line(finished=0, total=60, running={"talk.mp4": begun}, seconds=30.0) == "0 of 60 videos"
    assert batch_line(finished=0, total=10, running={}, seconds=5.0) == "0 of 10 videos"  # no pace to go by yet


def test_no_time_is_said_before_there_is_a_pace() -> None:
    assert readable_time(StepShares().remaining()) == ""


def test_a_log_has_a_line_now_and_then(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    printed = threading.Event()
    monkeypatch.setattr("mtmm_video.flows.progress.LINE_SECONDS", 0.01)
    with VideoProgress() as progress:
        progress.begin(Path("talk.mp4"))
        progress("transcript", share=0.5)
        ticker = Ticker(lambda: (progress._print_line(), printed.set())[0], seconds=0.01)
        assert printed.wait(timeout=30)
        ticker.close()
    assert "recognising words" in capfd.readouterr().err
