"""A whole analysis, Prefect included, speaks to nobody but this machine."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOOPBACK = ('inet_addr("127.', '"::1"', '"::ffff:127.')


@pytest.mark.slow
def test_every_connection_of_an_analysis_stays_on_this_machine(tmp_path: Path) -> None:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("needs strace, for instance `apt-get install strace`")
    log = tmp_path / "connections.txt"
    watch = [strace, "-f", "-qq", "-e", "trace=connect", "-o", str(log)]
    analyze = [
        sys.executable,
        "-c",
        "from mtmm_video.flows.cli import main; main()",
        "analyze",
        "sample_videos/bad_stay.mp4",
    ]
    options = ["--no-cache", "--asr", "tiny.en", "--formats", "json", "--out", str(tmp_path)]
    done = subprocess.run([*watch, *analyze, *options], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "bad_stay.json").is_file()
    connections = [line for line in log.read_text().splitlines() if "AF_INET" in line]
    assert connections, "the command's own Prefect API is reached over loopback: the watch must have seen that"
    assert [line for line in connections if not any(address in line for address in LOOPBACK)] == []
