"""Two workers on PostgreSQL, one of them lost half-way: every video has its report, and no step was computed twice."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.services
@pytest.mark.timeout(3600)
def test_a_lost_worker_loses_no_video() -> None:
    if not shutil.which("initdb") and not list(Path("/usr/lib/postgresql").glob("*/bin/initdb")):
        pytest.skip("needs PostgreSQL, for instance `apt-get install postgresql`")
    script = [sys.executable, str(ROOT / "benchmarks" / "two_workers.py"), "--videos", "10", "--limit", "2"]
    done = subprocess.run(script, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert "10 of 10 reports, 0 computed twice" in done.stdout
