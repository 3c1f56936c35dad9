"""A whole analysis speaks to nobody, and as a Prefect flow to nobody but this machine."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOOPBACK = ('inet_addr("127.', '"::1"', '"::ffff:127.')


@pytest.mark.slow
@pytest.mark.parametrize("watched", [False, True], ids=["plain", "flow"])
def test_every_connection_of_an_analysis_stays_on_this_machine(
    tmp_path: Path, watched: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
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
    options += ["--verbose"] if watched else []
    done = subprocess.run([*watch, *analyze, *options], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "bad_stay.json").is_file()
    connections = [line for line in log.read_text().splitlines() if "AF_INET" in line]
    # The flow reaches its own Prefect API over loopback: that shows that the watch sees connections.
    assert bool(connections) == watched, connections
    assert [line for line in connections if not any(address in line for address in LOOPBACK)] == []
