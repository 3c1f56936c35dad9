"""A killed analysis goes on where it was, ends with the same report, and leaves nothing behind."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from test_analyze_flow import comparable

from foundation.folders import cache_folder
from pipeline.store import ARTEFACT_NAME

KILLS = 20
ROOT = Path(__file__).resolve().parents[2]

SERVER_SCRIPT = """
import time
from flows.prefect_api import LocalServer, settle_environment
settle_environment(verbose=False)
server = LocalServer()
server.url()
print(server._process.pid, server._database.parent, flush=True)
time.sleep(600)
"""


def environment(cache: Path, url: str) -> dict[str, str]:
    """Give a process an empty store and the user's weights."""
    cache.mkdir()
    (cache / "weights").symlink_to(cache_folder() / "weights")
    return {**os.environ, "MTMM_CACHE_DIR": str(cache), "PREFECT_API_URL": url}


def leftovers(cache: Path, out: Path) -> list[Path]:
    """Return every file that is neither an artefact, nor a lock, nor a report."""
    stored = [path for path in (cache / "artefacts").rglob("*") if path.is_file() and path.parent.name != "locks"]
    unknown = [path for path in stored if not ARTEFACT_NAME.fullmatch(path.name)]
    return unknown + [path for path in out.rglob("*") if path.name not in {"tiny.csv", "tiny.json"}]


@pytest.mark.slow
def test_kill_at_any_moment_then_the_same_command(
    tiny_video: Path, tiny_transcript: Path, tmp_path: Path, own_server: str
) -> None:
    command = [sys.executable, "-m", "flows.cli", "analyze", str(tiny_video), "--transcript", str(tiny_transcript)]
    command += ["--formats", "csv,json", "--out"]
    calm = environment(tmp_path / "calm", own_server)
    start = time.monotonic()
    subprocess.run([*command, str(tmp_path / "reference")], env=calm, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    whole = time.monotonic() - start
    reference = comparable(tmp_path / "reference" / "tiny.json")

    moments = random.Random(0)
    kills = rounds = 0
    while kills < KILLS:
        cache, out = tmp_path / f"cache{rounds}", tmp_path / f"out{rounds}"
        stormy = environment(cache, own_server)
        finished = False
        while not finished:
            with subprocess.Popen([*command, str(out)], env=stormy, cwd=ROOT, stdout=subprocess.DEVNULL) as process:
                try:
                    process.wait(timeout=moments.uniform(0.2, 1.0) * whole if kills < KILLS else None)
                except subprocess.TimeoutExpired:
                    process.send_signal(signal.SIGKILL)
                    kills += 1
                else:
                    assert process.returncode == 0
                    finished = True
        assert comparable(out / "tiny.json") == reference
        assert (out / "tiny.csv").read_bytes() == (tmp_path / "reference" / "tiny.csv").read_bytes()
        assert leftovers(cache, out) == []
        rounds += 1


@pytest.mark.slow
def test_the_local_prefect_api_goes_with_its_killed_parent(tmp_path: Path) -> None:
    own = {**os.environ, "MTMM_CACHE_DIR": str(tmp_path / "cache")}
    own.pop("PREFECT_API_URL", None)
    with subprocess.Popen(
        [sys.executable, "-c", SERVER_SCRIPT], stdout=subprocess.PIPE, text=True, env=own, cwd=ROOT
    ) as parent:
        assert parent.stdout is not None
        server, folder = parent.stdout.readline().split()
        assert Path(folder).is_dir()
        parent.kill()
    deadline = time.monotonic() + 30
    while Path(f"/proc/{server}").exists() or Path(folder).exists():
        assert time.monotonic() < deadline, "the server outlived its parent"
        time.sleep(0.1)
    (template,) = (tmp_path / "cache" / "prefect").glob("empty-*.db")  # kept for the next command
    assert template.stat().st_size > 0
