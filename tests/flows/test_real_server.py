"""What a person sees on a real Prefect server: deployments, artifacts, automations; and when the server goes away."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from real_server import ROOT, RealServer, wait_for
from small_videos import write_video

from mtmm_video.foundation.files import sha256_of
from mtmm_video.foundation.folders import cache_folder

pytestmark = [pytest.mark.services, pytest.mark.timeout(900)]
AUTOMATIONS = ROOT / "flows" / "automations"
QUICK = ("--visual", "none", "--asr", "tiny.en")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServer]:
    folder = tmp_path_factory.mktemp("server")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    cache = folder / "cache"
    cache.mkdir()
    (cache / "weights").symlink_to(cache_folder() / "weights")
    running = RealServer(folder, port=port)
    running.environment["MTMM_CACHE_DIR"] = str(cache)
    try:
        running.start()
        yield running
    finally:
        running.kill()


def mtmm(server: RealServer, *arguments: str | Path, **environment: str) -> subprocess.Popen[str]:
    """Start `mtmm-video` in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "mtmm_video.flows.cli", *map(str, arguments)],
        env={**server.environment, **environment}, cwd=ROOT, text=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip


def video(folder: Path, *, pitch: float) -> Path:
    """Write a small video into a new folder; `pitch` makes it another than those of the other tests."""
    folder.mkdir()
    write_video(folder / "talk.mp4", seconds=1.0, pitch=pitch)
    return folder / "talk.mp4"


def finished_step(server: RealServer, path: Path) -> Path:
    """Wait for the first step of a video to be finished; its artefact."""
    folder = Path(server.environment["MTMM_CACHE_DIR"]) / "artefacts" / sha256_of(path)
    (done,) = wait_for(lambda: list(folder.glob("media-*.json")), seconds=60, what=f"{path}: no step was finished")
    assert isinstance(done, Path)
    return done


@pytest.fixture
def webhook() -> Iterator[tuple[str, list[Any]]]:
    """A web server that notes what is sent to it; its address and the notes."""
    received: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    listener = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{listener.server_port}/ready", received
    listener.shutdown()
    listener.server_close()


@contextmanager
def registered(server: RealServer, name: str, folder: Path, **changes: Any) -> Iterator[None]:
    """Register an automation of the repository for the block, with its trigger or action changed for the test."""
    automation = yaml.safe_load((AUTOMATIONS / f"{name}.yaml").read_text(encoding="utf-8"))
    automation["trigger"].update(changes.get("trigger", {}))
    automation["actions"][0].update(changes.get("action", {}))
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(automation), encoding="utf-8")
    server.prefect("automation", "create", "--from-file", path)
    (made,) = server.ask("automations/filter")
    try:
        yield
    finally:
        server.forget(f"automations/{made['id']}")


def test_the_deployments_of_a_clone_are_registered_as_written(server: RealServer) -> None:
    for kind in ("process", "docker"):
        server.ask("work_pools/", name=f"mtmm-{kind}", type=kind)  # quicker than the command line
    server.prefect("deploy", "--all")
    found = {entry["name"]: entry for entry in server.ask("deployments/filter")}
    assert set(found) == {"folder-process", "video-process", "folder-docker", "video-docker"}
    for name, entry in found.items():
        # A path of the machine that deployed would not be there on the workers.
        assert entry["pull_steps"] == [{"prefect.deployments.steps.set_working_directory": {"directory": "/"}}]
        assert ":" not in entry["entrypoint"]
        assert entry["work_pool_name"] == f"mtmm-{name.split('-')[1]}"
        assert {"out", "options"} <= set(entry["parameter_openapi_schema"]["properties"])
        if name.startswith("folder"):
            assert entry["schedules"][0]["schedule"]["interval"] == 900
            assert entry["global_concurrency_limit"]["limit"] == 1
            assert entry["concurrency_options"]["collision_strategy"] == "CANCEL_NEW"


def test_a_report_calls_the_webhook_and_is_shown_in_the_ui(
    server: RealServer, webhook: tuple[str, list[Any]], tiny_video: Path, tiny_transcript: Path, tmp_path: Path
) -> None:
    from prefect.blocks.webhook import Webhook
    from prefect.settings import PREFECT_API_URL, temporary_settings

    address, received = webhook
    headers = {"Content-Type": "application/json"}
    with temporary_settings({PREFECT_API_URL: server.url}):
        block = Webhook.model_validate({"url": address, "headers": headers}).save("report-ready")
    out = tmp_path / "out"
    options: list[str | Path] = [
        "--transcript",
        tiny_transcript,
        "--visual",
        "none",
        "--formats",
        "json,html",
        "--out",
        out,
    ]
    with registered(server, "report_ready", tmp_path, action={"block_document_id": str(block)}):
        run = mtmm(server, "analyze", tiny_video, *options)
        _, error = run.communicate()
        assert run.returncode == 0, error
        (told,) = wait_for(lambda: received, seconds=30, what="the webhook was not called")
    assert told == {
        "video": str(tiny_video),
        "reports": {"json": str(out / "tiny.json"), "html": str(out / "tiny.html")},
    }
    shown = {entry["key"].split("-")[0]: entry for entry in server.ask("artifacts/filter")}
    assert json.loads(shown["utterances"]["data"])[0]["text"] == "Wonderful film."
    assert str(out / "tiny.html") in shown["report"]["data"]
    assert shown["progress"]["data"] == 100.0


def test_a_failed_run_says_which_step_of_which_video_and_why(server: RealServer, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video" * 100)
    run = mtmm(server, "analyze", broken, "--out", tmp_path / "out")
    _, error = run.communicate()
    assert run.returncode == 1
    assert error.count("\n") == 1 and str(broken) in error
    (failed,) = server.ask("flow_runs/filter", flow_runs={"name": {"any_": [str(broken)]}})
    tasks = server.ask("task_runs/filter", flow_runs={"id": {"any_": [failed["id"]]}})
    assert failed["state_type"] == "FAILED"
    assert str(broken) in failed["state"]["message"]
    assert [task["name"].split("-")[0] for task in tasks if task["state_type"] == "FAILED"] == ["media"]


def test_a_run_whose_machine_died_is_set_to_crashed(server: RealServer, tmp_path: Path) -> None:
    talk = video(tmp_path / "in", pitch=300.0)
    wanted = {"name": {"any_": [str(talk)]}}
    heartbeat = {"event": {"name": ["prefect.flow-run.heartbeat"]}}

    def beats() -> bool:
        found = server.ask("flow_runs/filter", flow_runs=wanted)
        wanted_id = {"id": [f"prefect.flow-run.{found[0]['id']}"]} if found else None
        return bool(wanted_id and server.ask("events/filter", filter={**heartbeat, "resource": wanted_id})["events"])

    def state() -> Any:
        return server.ask("flow_runs/filter", flow_runs=wanted)[0]["state"]

    # The first heartbeat comes at once, the second would after 30 s.
    with registered(server, "crash_lost_runs", tmp_path, trigger={"within": 10}):
        run = mtmm(server, "analyze", talk, *QUICK, "--out", tmp_path / "out")
        wait_for(beats, seconds=60, what="no heartbeat came")
        run.kill()
        run.communicate()
        assert state()["type"] == "RUNNING"  # as Prefect leaves it
        wait_for(lambda: state()["type"] == "CRASHED", seconds=60, what="the run is not crashed")
    assert state()["message"] == "its heartbeats stopped"


def test_a_server_that_goes_away_is_waited_for(server: RealServer, tmp_path: Path) -> None:
    alone, inside = video(tmp_path / "alone", pitch=400.0), video(tmp_path / "folder", pitch=500.0)
    runs = {
        command: mtmm(server, command, what, *QUICK, "--formats", "json", "--out", tmp_path / command)
        for command, what in {"analyze": alone, "batch": inside.parent}.items()
    }
    for path in (alone, inside):
        finished_step(server, path)
    server.kill()
    time.sleep(5)  # with the time to start, some of the pauses between tries
    server.start()
    for name, run in runs.items():
        _, error = run.communicate(timeout=120)
        assert run.returncode == 0, error
        assert len(list((tmp_path / name).rglob("*.json"))) == 1


def test_a_server_that_stays_away_ends_in_one_line_and_the_steps_are_kept(server: RealServer, tmp_path: Path) -> None:
    talk, out = video(tmp_path / "in", pitch=600.0), tmp_path / "out"
    command: list[str | Path] = ["analyze", talk, *QUICK, "--formats", "json", "--out", out]
    run = mtmm(server, *command, PREFECT_CLIENT_MAX_RETRIES="1")
    done = finished_step(server, talk)
    stamp = done.stat().st_ino
    server.kill()
    try:
        _, error = run.communicate(timeout=120)
        assert run.returncode == 1
        assert error.count("\n") == 1 and server.url in error, error
    finally:
        server.start()
    again = mtmm(server, *command)
    _, error = again.communicate()
    assert again.returncode == 0, error
    assert done.stat().st_ino == stamp  # the step that was finished was not run again
    assert (out / "talk.json").is_file()
