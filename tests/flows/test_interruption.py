"""Ctrl-C ends a command within three seconds, by whichever way, and nothing of it goes on running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from small_videos import write_video

from mtmm_video.flows.interruption import prompt_exit
from mtmm_video.pipeline.weights.resolution import weights_folder

ALLOWED = 3.0  # seconds from the interrupt to the end
SLACK = 4.0  # seconds more on a machine that runs other tests at the same time
DEAF = """
import signal, time
from mtmm_video.flows.interruption import prompt_exit
signal.signal(signal.SIGINT, lambda *_: None)  # as in a long call into native code, no handler of Python's comes to run
with prompt_exit():
    print("ready", flush=True)
    while True:
        time.sleep(0.1)
"""
# Shells start background jobs with the interrupt ignored, and what they start inherits that.
HEEDING = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"


EARLY = """
import os, signal, sys
from mtmm_video.flows import cli
class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == "mtmm_video.flows.command_line":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupting())
cli.main()
"""


STUMBLING = """
import time
from mtmm_video.flows.interruption import prompt_exit
with prompt_exit():
    print("ready", flush=True)
    try:
        time.sleep(60)
    except KeyboardInterrupt:
        raise ConnectionError("the private server is gone")  # as a library answers an interrupt that meets it
"""


def interrupt(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Send Ctrl-C to the whole process group, as a terminal does, and return what the command still wrote."""
    start = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert time.monotonic() - start < ALLOWED + SLACK
    assert process.returncode == 130
    return out, err


def start(*command: str, environment: dict[str, str] | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HEEDING, *command],
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_code_that_does_not_heed_the_interrupt_is_ended(tmp_path: Path) -> None:
    process = start(sys.executable, "-c", DEAF)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    out, err = interrupt(process)
    assert out == ""
    assert err == "mtmm-video: stopped; the same command goes on where it was\n"


def test_an_interrupt_while_the_commands_are_imported_is_no_traceback() -> None:
    process = start(sys.executable, "-c", EARLY)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "mtmm-video: stopped; the same command goes on where it was\n")


def test_a_local_server_ends_with_its_parent_while_it_is_imported(tmp_path: Path) -> None:
    folder = tmp_path / "database"
    folder.mkdir()
    (tmp_path / "uvicorn.py").write_text("import time; time.sleep(300)")  # as on a busy machine
    with subprocess.Popen(
        [sys.executable, "-m", "mtmm_video.flows.local_server", str(folder / "prefect.db")],
        stdin=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *filter(None, sys.path)])},
    ) as server:
        assert server.stdin is not None
        server.stdin.close()
        assert server.wait(timeout=60) == 0
    assert not folder.exists()


def test_an_error_that_the_interrupt_caused_is_an_interruption(tmp_path: Path) -> None:
    process = start(sys.executable, "-c", STUMBLING)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    _, err = interrupt(process)
    assert err.splitlines()[-1] == "mtmm-video: stopped; the same command goes on where it was"


def test_no_thread_is_left_when_the_command_has_ended() -> None:
    with prompt_exit():
        assert "interrupt" in {thread.name for thread in threading.enumerate()}
    deadline = time.monotonic() + 10
    while "interrupt" in {thread.name for thread in threading.enumerate()}:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def processes_that_name(text: str) -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                command = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            except OSError:
                continue
            if text.encode() in command and int(entry.name) != os.getpid():
                found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return found


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
@pytest.mark.parametrize("command", ["analyze", "batch"])
def test_an_interrupted_command_goes_on_later_and_leaves_nothing(tmp_path: Path, command: str) -> None:
    folder = tmp_path / "videos"
    folder.mkdir()
    write_video(folder / "talk.mp4", seconds=120.0)
    mark = tmp_path / "cache"
    environment = {"MTMM_CACHE_DIR": str(mark), "MTMM_WEIGHTS_DIR": str(weights_folder()), "TMPDIR": str(tmp_path)}
    environment |= {"PREFECT_API_URL": ""}
    target = folder / "talk.mp4" if command == "analyze" else folder
    process = start(
        *(sys.executable, "-m", "mtmm_video.flows.cli", command, str(target), "--out", str(tmp_path / "out")),
        environment=environment,
    )
    deadline = time.monotonic() + 400  # the first run on a machine makes a database, and others may use the machine
    while not list(mark.glob("artefacts/*/speech-*")):  # the steps that take long have begun
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.2)
    _, err = interrupt(process)
    assert err.splitlines()[-1] == "mtmm-video: stopped; the same command goes on where it was"
    deadline = time.monotonic() + 20
    while processes_that_name(str(mark)) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert processes_that_name(str(mark)) == []
    assert not list(tmp_path.glob("mtmm-video-*"))
