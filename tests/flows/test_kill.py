"""A killed analysis goes on where it was, ends with the same report, and leaves nothing behind."""

from __future__ import annotations

import multiprocessing
import multiprocessing.process
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from test_analyze_flow import comparable

from mtmm_video.flows import cli
from mtmm_video.foundation.folders import cache_folder
from mtmm_video.model.checkpoint_file import shipped
from mtmm_video.pipeline.store.local import ARTEFACT_NAME, MAKINGS_NAME

KILLS = 20
ROOT = Path(__file__).resolve().parents[2]

SERVER_SCRIPT = """
import time
from mtmm_video.flows.prefect_api import LocalServer, settle_environment
settle_environment(verbose=False)
server = LocalServer()
server.url()
print(server._process.pid, server._database.parent, flush=True)
time.sleep(600)
"""


def environment(cache: Path) -> Path:
    """Make an empty cache with the user's weights."""
    cache.mkdir()
    (cache / "weights").symlink_to(cache_folder() / "weights")
    return cache


def leftovers(cache: Path, out: Path) -> list[Path]:
    """Return every file that is neither an artefact, nor their times, nor a lock, nor a report."""
    stored = [path for path in (cache / "artefacts").rglob("*") if path.is_file() and path.parent.name != "locks"]
    unknown = [path for path in stored if not ARTEFACT_NAME.fullmatch(path.name) and path.name != MAKINGS_NAME]
    return unknown + [path for path in out.rglob("*") if path.name not in {"tiny.csv", "tiny.json"}]


def run_command(arguments: list[str], cache: str) -> None:
    """Run `mtmm-video` in this process; the target of the processes that are killed."""
    os.environ["MTMM_CACHE_DIR"] = cache
    sys.argv = ["mtmm-video", *arguments]
    sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115
    cli.main()


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_kill_at_any_moment_then_the_same_command(
    tiny_video: Path, tiny_transcript: Path, tmp_path: Path, own_server: str
) -> None:
    # Processes are forked from one that has loaded the libraries, so that most kills meet a step and not an import.
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(
        ["mtmm_video.flows.commands.analyze", "mtmm_video.flows.analyze_flow", "mtmm_video.pipeline.run"]
    )
    model = shutil.copyfile(shipped("paper"), tmp_path / "model.safetensors")
    command = ["analyze", str(tiny_video), "--transcript", str(tiny_transcript), "--model", str(model)]
    command += ["--formats", "csv,json", "--out"]

    def start(cache: Path, out: Path) -> multiprocessing.process.BaseProcess:
        process = processes.Process(target=run_command, args=([*command, str(out)], str(cache)))
        process.start()
        return process

    calm = environment(tmp_path / "calm")
    begin = time.monotonic()
    for name in ("warm", "reference"):  # the first one also starts the server that forks
        begin = time.monotonic()
        process = start(calm, tmp_path / name)
        process.join()
        assert process.exitcode == 0
        (calm / "artefacts").rename(tmp_path / f"{name}-artefacts")
    whole = time.monotonic() - begin
    reference = comparable(tmp_path / "reference" / "tiny.json")

    moments = random.Random(0)
    kills = rounds = 0
    while kills < KILLS:
        cache, out = environment(tmp_path / f"cache{rounds}"), tmp_path / f"out{rounds}"
        finished = False
        while not finished:
            process = start(cache, out)
            process.join(moments.uniform(0.1, 1.0) * whole if kills < KILLS else None)
            if process.exitcode is None:
                process.kill()
                process.join()
                kills += 1
            else:
                assert process.exitcode == 0
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
