"""No network: looking at faces opens no connection, watched from outside by strace."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

INTERNET_CALL = re.compile(r"(connect|sendto|sendmsg|sendmmsg)\(.*AF_INET")
ROOT = Path(__file__).resolve().parents[3]
LOOK = """
import sys
from pathlib import Path
import numpy as np
from mtmm_video.extractors.frame import Frame
from mtmm_video.extractors.visual.tracking import track_faces
frames = (Frame(index / 10, np.full((120, 160, 3), 40 * index, np.uint8)) for index in range(5))
print(len(track_faces(frames, landmarker=Path(sys.argv[1])).frame_times))
"""
CONNECT = "import socket; socket.socket(socket.AF_INET).connect_ex(('127.0.0.1', 9))"


def internet_calls(command: list[str], log: Path) -> list[str]:
    """Run a command under strace and return its calls to the internet."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("needs strace (apt-get install strace)")
    watched = [strace, "-f", "-qq", "-e", "trace=network", "-o", str(log), *command]
    subprocess.run(watched, cwd=ROOT, check=True, capture_output=True, timeout=300)
    return [line for line in log.read_text(errors="replace").splitlines() if INTERNET_CALL.search(line)]


def test_the_watch_sees_a_connection(tmp_path: Path):
    assert internet_calls([sys.executable, "-c", CONNECT], tmp_path / "log")


@pytest.mark.slow
def test_looking_at_faces_opens_no_connection(tmp_path: Path, landmarker: Path):
    assert not internet_calls([sys.executable, "-c", LOOK, str(landmarker)], tmp_path / "log")


@pytest.mark.slow
def test_looking_at_faces_works_where_there_is_no_network(landmarker: Path):
    unshare = shutil.which("unshare")
    alone = [str(unshare), "--net", "--map-root-user"]
    if unshare is None or subprocess.run([*alone, "true"], check=False, capture_output=True).returncode:
        pytest.skip("needs unshare and the right to make a network namespace")
    done = subprocess.run(
        [*alone, sys.executable, "-c", LOOK, str(landmarker)], cwd=ROOT, check=True, capture_output=True, timeout=300
    )
    assert done.stdout.split() == [b"5"]
