"""A served folder is registered with its schedule, which outlives the command; one process serves it at a time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from filelock import FileLock
from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound
from test_commands import mtmm, one_line

from mtmm_video.flows.analyze_flow import analyze_video
from mtmm_video.flows.batch_flow import analyze_folder
from mtmm_video.pipeline.store.local import parameters_key

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_the_schedule_is_registered_and_outlives_the_command(tmp_path: Path, own_server: str) -> None:
    folder = tmp_path / "videos"
    folder.mkdir()
    command = [
        sys.executable,
        "-m",
        "mtmm_video.flows.cli",
        "serve",
        str(folder),
        "--every",
        "15m",
        "--out",
        str(tmp_path / "out"),
    ]
    pair = {"folder": str(folder.resolve()), "out": str((tmp_path / "out").resolve())}
    name = f"batch/videos-{parameters_key(pair)[:6]}"
    own = {**os.environ, "PREFECT_API_URL": own_server, "MTMM_CACHE_DIR": str(tmp_path / "cache")}
    with subprocess.Popen(command, env=own, cwd=ROOT, stdout=subprocess.DEVNULL) as server:
        try:
            deadline = time.monotonic() + 240
            with get_client(sync_client=True) as client:
                while True:
                    try:
                        deployment = client.read_deployment_by_name(name)
                        break
                    except ObjectNotFound:
                        assert server.poll() is None
                        assert time.monotonic() < deadline
                        time.sleep(0.5)
                (schedule,) = deployment.schedules
                assert schedule.schedule.interval.total_seconds() == 900  # type: ignore[union-attr]
                assert deployment.parameters["folder"] == str(folder)
                server.send_signal(signal.SIGTERM)
                server.wait(timeout=120)
                after = client.read_deployment_by_name(name)
                assert not after.paused
                assert after.schedules[0].active
        finally:
            server.kill()


def test_a_folder_is_served_by_one_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    folder, out = tmp_path / "videos", tmp_path / "out"
    folder.mkdir()
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")  # is not asked
    monkeypatch.setenv("MTMM_CACHE_DIR", str(tmp_path / "cache"))
    locks = tmp_path / "cache" / "locks"
    locks.mkdir(parents=True)
    pair = {"folder": str(folder.resolve()), "out": str(out.resolve())}
    with FileLock(locks / f"serve-{parameters_key(pair)}.lock"):
        assert mtmm(monkeypatch, "serve", folder, "--every", "15m", "--out", out) == 1
    one_line(capfd.readouterr().err, str(folder), "already served")


def test_a_deployment_of_another_folder_is_never_taken_over(
    tmp_path: Path, own_server: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "videos"
    folder.mkdir()
    monkeypatch.setenv("MTMM_CACHE_DIR", str(tmp_path / "cache"))
    theirs = {"folder": "/elsewhere/videos", "out": "/elsewhere/out"}
    analyze_folder.to_deployment("interviews", parameters=theirs).apply()  # type: ignore[union-attr]
    arguments = ("serve", folder, "--every", "15m", "--out", tmp_path / "out", "--name", "interviews")
    assert mtmm(monkeypatch, *arguments) == 1
    one_line(capfd.readouterr().err, "interviews", "/elsewhere/videos", "--name")
    with get_client(sync_client=True) as client:
        assert client.read_deployment_by_name("batch/interviews").parameters == theirs


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--every", "15m", "--timezone", "Europe/London"), ("--timezone", "--cron")),
        (("--cron", "0 9 * * *", "--timezone", "Middle-earth/Shire"), ("Middle-earth/Shire", "Europe/London")),
        (("--cron", "0 9 * * *", "--timezone", "Europe"), ("--timezone 'Europe'", "Europe/London")),
        (("--every", "0.001s"), ("--every 0.001s", "between 1s and 366d")),
        (("--every", "9999999999d"), ("--every", "between 1s and 366d")),
    ],
)
def test_a_schedule_that_is_none_is_refused(
    arguments: tuple[str, ...],
    words: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")  # is not asked
    assert mtmm(monkeypatch, "serve", tmp_path, *arguments, "--out", tmp_path / "out") == 1
    one_line(capfd.readouterr().err, *words)


def test_a_cron_line_is_checked_before_anything_is_registered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")  # is not asked
    for line, words in (("every day", "five fields"), ("0 9 30 2 *", "never comes")):
        assert mtmm(monkeypatch, "serve", tmp_path, "--cron", line, "--out", tmp_path / "out") == 1
        one_line(capfd.readouterr().err, line, words)


def test_prefect_yaml_names_flows_and_parameters_that_exist() -> None:
    content = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))
    flows = {
        "mtmm_video.flows.analyze_flow.analyze_video": analyze_video,
        "mtmm_video.flows.batch_flow.analyze_folder": analyze_folder,
    }
    assert len({deployment["name"] for deployment in content["deployments"]}) == len(content["deployments"]) == 4
    for deployment in content["deployments"]:
        known = flows[deployment["entrypoint"]].parameters.properties
        assert set(deployment["parameters"]) <= set(known)


def test_prefect_yaml_needs_neither_a_clone_nor_a_copy_nor_a_registry_where_runs_happen() -> None:
    content = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))
    (step,) = content["pull"]
    assert step == {"prefect.deployments.steps.set_working_directory": {"directory": "/"}}
    images = [deployment["work_pool"].get("job_variables", {}) for deployment in content["deployments"]]
    assert [image["image_pull_policy"] for image in images if "image" in image] == ["IfNotPresent"] * 2
