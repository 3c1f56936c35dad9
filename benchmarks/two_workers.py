"""A Prefect server on PostgreSQL, two workers, 24 short videos, one worker killed: nothing is lost or computed twice.

    python benchmarks/two_workers.py --videos 24 --limit 2

Starts everything it needs in a temporary folder and stops it again: PostgreSQL (Debian's package ``postgresql``, as
user ``postgres`` when run as root), the server, a process work pool, and two workers that share a store. The batch
command submits the videos; when half of the reports are there, one worker and its flow runs are killed as if their
machine had died. Prints the figures; exit code 1 if a report is missing or a step was computed twice.

A run that is killed after its report is written and before its final state is recorded is repeated and writes the
report again. All its steps must then come from the store; its report must be one of the last before the kill, and the
number of such runs is at most that of the lost worker's slots.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from mtmm_video.foundation.folders import cache_folder

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
RUN_HEARTBEAT = 30  # seconds between a flow run's heartbeats, the fewest that Prefect allows
WORKER_HEARTBEAT = 10  # seconds; after three the server declares a worker offline
WORKER_QUERY = 2  # seconds between a worker's looks for work; with Prefect's 10 its slots idle between short videos
END_TOLD = 30  # seconds within which a run has told its end after its report was written, on a machine that is busy
POOL = "mtmm-process"
DEPLOYMENT = "analyze/video-process"


def free_port() -> int:
    """Return a free port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def postgres_binary(name: str) -> str:
    """Return the path of one of PostgreSQL's programs, which Debian keeps off PATH."""
    found = shutil.which(name) or next(map(str, sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))[::-1]), None)
    if found is None:
        raise SystemExit(f"{name}: not found; install PostgreSQL, for instance `apt-get install postgresql`")
    return found


@contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """Run PostgreSQL in a folder; its address as Prefect wants it."""
    data = folder / "postgresql"
    data.mkdir()
    user = "postgres" if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
    if user:
        shutil.chown(data, user)
        folder.chmod(0o755)
    port = free_port()
    options = f"-p {port} -k {data} -c listen_addresses=127.0.0.1 -c fsync=off"
    subprocess.run(
        [postgres_binary("initdb"), "-D", data, "-U", "prefect", "--auth=trust", "-E", "UTF8"],
        check=True, user=user, cwd="/", stdout=subprocess.DEVNULL,
    )  # fmt: skip
    control: list[str | Path] = [postgres_binary("pg_ctl"), "-D", data, "-w", "-l", data / "log"]
    subprocess.run([*control, "-o", options, "start"], check=True, user=user, cwd="/", stdout=subprocess.DEVNULL)
    try:
        yield f"postgresql+asyncpg://prefect@127.0.0.1:{port}/postgres"
    finally:
        subprocess.run([*control, "-m", "fast", "stop"], check=True, user=user, cwd="/", stdout=subprocess.DEVNULL)


@contextmanager
def running(command: list[str], environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command, and end it with all that it started afterwards."""
    with log.open("wb") as file:
        process = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=file, stderr=subprocess.STDOUT)
        try:
            yield process
        finally:
            kill_tree(process)


def kill_tree(process: subprocess.Popen[bytes]) -> int:
    """Kill a process and all that it started, as if the machine had died; how many processes that were."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has just ended
            fields = entry.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            parents[int(entry.parent.name)] = int(fields[1])
    doomed = [process.pid]
    for pid in doomed:
        doomed += [child for child, parent in parents.items() if parent == pid]
    for pid in doomed:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()
    return len(doomed)


def main() -> int:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=int, default=24)
    parser.add_argument("--limit", type=int, default=1, help="flow runs at a time per worker")
    arguments = parser.parse_args()
    sys.path.insert(0, str(ROOT / "tests" / "flows"))
    from small_videos import write_video  # type: ignore[import-not-found]  # noqa: PLC0415

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        videos, out, cache = folder / "videos", folder / "reports", folder / "cache"
        cache.mkdir()
        (cache / "weights").symlink_to(cache_folder() / "weights")
        for index in range(arguments.videos):
            target = videos / f"{index % 3}" / f"talk{index:02d}.mp4"
            target.parent.mkdir(parents=True, exist_ok=True)
            write_video(target, seconds=0.5 + 0.02 * index, pitch=100.0 + 5 * index)
            os.utime(target, (1e9, 1e9))
        port = free_port()
        # Not what a test's own process sets for the API of a single command: that turns services of the server off.
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "MTMM_"))}
        environment = {
            **inherited,
            "MTMM_CACHE_DIR": str(cache),
            "PREFECT_HOME": str(folder / "prefect"),
            "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
            "PREFECT_API_DATABASE_CONNECTION_URL": stack.enter_context(postgresql(folder)),
            # The default of 5 + 10 connections ran dry on a busy machine, and a worker gave up on the error.
            "PREFECT_SERVER_DATABASE_SQLALCHEMY_POOL_SIZE": "30",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(RUN_HEARTBEAT),
            "PREFECT_WORKER_HEARTBEAT_SECONDS": str(WORKER_HEARTBEAT),
            "PREFECT_WORKER_QUERY_SECONDS": str(WORKER_QUERY),
            "DO_NOT_TRACK": "1",
        }
        prefect = str(BIN / "prefect")
        server = [prefect, "server", "start", "--host", "127.0.0.1", "--port", str(port), "--no-ui"]
        stack.enter_context(running(server, environment, folder / "server.log"))
        wait_for(port)
        subprocess.run(
            [prefect, "work-pool", "create", POOL, "--type", "process"], check=True, env=environment, cwd=ROOT
        )
        subprocess.run(
            [prefect, "--no-prompt", "deploy", "--name", "video-process"], check=True, env=environment, cwd=ROOT
        )
        start = [prefect, "worker", "start", "--pool", POOL, "--limit", str(arguments.limit), "--name"]
        workers = [
            stack.enter_context(running([*start, name], environment, folder / f"{name}.log")) for name in ("one", "two")
        ]
        begin = time.monotonic()
        batch = [
            sys.executable,
            "-m",
            "mtmm_video.flows.cli",
            "batch",
            str(videos),
            "--out",
            str(out),
            "--visual",
            "none",
        ]
        batch += ["--formats", "csv,json", "--deployment", DEPLOYMENT, "--jobs", str(arguments.videos)]
        submitted = stack.enter_context(running(batch, environment, folder / "batch.log"))
        first_written: dict[str, int] = {}
        again: set[Path] = set()
        unfinished: set[Path] = set()  # those whose run may have been killed between its report and its end
        killed_at, killed = 0.0, 0
        while submitted.poll() is None:
            time.sleep(0.5)
            for report in out.rglob("*.json"):
                stamp = report.stat().st_mtime_ns
                if first_written.setdefault(str(report), stamp) != stamp:
                    again.add(report)
            if not killed_at and len(first_written) >= arguments.videos // 2:
                killed = kill_tree(workers[1])
                killed_at = time.monotonic() - begin
                just_now = time.time_ns() - END_TOLD * 10**9
                unfinished = {Path(report) for report, stamp in first_written.items() if stamp > just_now}
        took = time.monotonic() - begin
        reports = sorted(out.rglob("*.json"))
        twice = [report for report in again if not all(step["reused"] for step in steps_of(report))]
        print((folder / "batch.log").read_text(encoding="utf-8", errors="replace"))
        print(
            f"{len(reports)} of {arguments.videos} reports, {len(twice)} computed twice, {len(again) - len(twice)} "
            f"written again from the store, batch exit code {submitted.returncode}; {took:.0f} s in all, a worker "
            f"({killed} processes) killed after {killed_at:.0f} s; "
            f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}"
        )
        once = not twice and again <= unfinished and len(again) <= arguments.limit
        complete = len(reports) == arguments.videos and once and submitted.returncode == 0 and killed_at > 0
        if not complete:
            for log in sorted(folder.glob("*.log")):
                print(f"--- {log.name}", log.read_text(encoding="utf-8", errors="replace")[-3000:], sep="\n")
        return 0 if complete else 1


def steps_of(report: Path) -> list[dict[str, Any]]:
    """Return the entries of a JSON report on the steps of its analysis."""
    return list(json.loads(report.read_text(encoding="utf-8"))["provenance"]["steps"])


def wait_for(port: int, *, seconds: float = 180.0) -> None:
    """Wait until a port accepts connections."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
        else:
            return


if __name__ == "__main__":
    sys.exit(main())
