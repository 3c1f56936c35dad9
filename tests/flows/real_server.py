"""A real `prefect server start`, which can be killed and started again on the same database."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[2]
PREFECT = str(Path(sys.executable).parent / "prefect")
LONGEST_START = 120.0  # seconds; twelve on an idle machine


class RealServer:
    """A Prefect server on loopback with its database in a folder, and the environment of what talks to it."""

    def __init__(self, folder: Path, *, port: int) -> None:
        self._port = port
        self._log = folder / "server.log"
        self.url = f"http://127.0.0.1:{port}/api"
        # Not the settings that the tests' own process has for the API of a single command: those turn services off.
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "MTMM_"))}
        self.environment = {
            **inherited,
            "PREFECT_HOME": str(folder / "prefect"),
            "PREFECT_API_URL": self.url,
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
            "DO_NOT_TRACK": "1",
            "PYTHONPATH": str(ROOT),
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = [PREFECT, "server", "start", "--host", "127.0.0.1", "--port", str(self._port), "--no-ui"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, env=self.environment, stdout=log, stderr=subprocess.STDOUT, cwd=ROOT
            )
        wait_for(self._answers, seconds=LONGEST_START, what=f"the server does not start: {self._log}")

    def kill(self) -> None:
        """Kill it as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def prefect(self, *arguments: str | Path) -> str:
        """Run Prefect's command line against it; what it printed."""
        command = [PREFECT, "--no-prompt", *map(str, arguments)]
        done = subprocess.run(command, env=self.environment, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def ask(self, path: str, **body: Any) -> Any:
        """Send something to its API; what it answers."""
        answer = httpx.post(f"{self.url}/{path}", json=body, timeout=60)
        answer.raise_for_status()
        return answer.json()

    def forget(self, path: str) -> None:
        """Delete what its API keeps at a path."""
        httpx.delete(f"{self.url}/{path}", timeout=60).raise_for_status()

    def _answers(self) -> bool:
        assert self._process is not None and self._process.poll() is None, self._log.read_text(encoding="utf-8")
        try:
            return httpx.get(f"{self.url}/health", timeout=5).is_success
        except httpx.HTTPError:
            return False


def wait_for(condition: Any, *, seconds: float, what: str) -> Any:
    """Wait until a condition holds, and return what it gave."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, what
        time.sleep(0.5)
    return found
