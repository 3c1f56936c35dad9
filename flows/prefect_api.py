"""Which Prefect API the flows of a command talk to: the user's server, or one of their own for as long as they run."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from importlib.metadata import version
from pathlib import Path
from types import TracebackType

from mtmm_video.flows.interruption import remove_at_interrupt
from mtmm_video.flows.local_server import LOOPBACK
from mtmm_video.foundation.errors import DependencyError, StoreError
from mtmm_video.foundation.files import atomic_path
from mtmm_video.foundation.folders import CACHE_VARIABLE, cache_folder
from mtmm_video.foundation.processes import is_alive

# Services that a server for one command does not need: it has no schedules, no late runs and no automations.
_UNUSED_SERVICES = (
    "CANCELLATION_CLEANUP",
    "DB_VACUUM",
    "EVENT_LOGGER",
    "EVENT_PERSISTER",
    "FOREMAN",
    "LATE_RUNS",
    "PAUSE_EXPIRATIONS",
    "REPOSSESSOR",
    "SCHEDULER",
    "TASK_RUN_RECORDER",
    "TRIGGERS",
)
# Prefect's senders of events and logs, which complain at the end of a command under loggers outside of Prefect's own.
_BACKGROUND_LOGGERS = ("EventsWorker", "APILogWorker")
CLIENT_RETRIES = "7"  # with doubling pauses from 1 s: a server may be away for two minutes (restart, failover)
# Usage statistics of Prefect's client and server: off whichever server is used, unless the user has set them.
PRIVATE_SETTINGS = {"DO_NOT_TRACK": "1", "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
LOCAL_SETTINGS = {
    "PREFECT_API_BLOCKS_REGISTER_ON_START": "false",  # 3 s, and no flow here uses a block
    "PREFECT_LOGGING_TO_API_ENABLED": "false",
    **{f"PREFECT_SERVER_SERVICES_{name}_ENABLED": "false" for name in _UNUSED_SERVICES},
}


FOLDER_PREFIX = "mtmm-video-"  # of temporary folders; the process identifier of their owner follows


def remove_abandoned_folders() -> None:
    """Remove the temporary folders of commands that were killed together with their servers."""
    for folder in Path(tempfile.gettempdir()).glob(f"{FOLDER_PREFIX}*-*"):
        owner = folder.name.removeprefix(FOLDER_PREFIX).partition("-")[0]
        if owner.isdecimal() and not is_alive(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)  # another user's stays: it cannot be removed


def has_own_server() -> bool:
    """Tell whether the user runs a Prefect server (``PREFECT_API_URL``); then its settings are left alone."""
    return bool(os.environ.get("PREFECT_API_URL"))


def settle_environment(*, verbose: bool) -> None:
    """Set Prefect's environment; to be called before Prefect is imported.

    Parameters
    ----------
    verbose : bool
        Whether Prefect's own log lines are wanted on the terminal.

    Raises
    ------
    StoreError
        If Prefect's folder in the cache cannot be created.
    """
    for name, value in PRIVATE_SETTINGS.items():
        os.environ.setdefault(name, value)
    os.environ.setdefault("PREFECT_CLIENT_MAX_RETRIES", CLIENT_RETRIES)
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "INFO" if verbose else "CRITICAL")
    if not verbose:  # of its machinery, which logs by a level of its own: events that no server takes, for instance
        os.environ.setdefault("PREFECT_INTERNAL_LOGGING_LEVEL", "CRITICAL")
        for name in _BACKGROUND_LOGGERS:
            logging.getLogger(name).setLevel(logging.CRITICAL)
    if not has_own_server():
        if "PREFECT_HOME" not in os.environ:
            os.environ["PREFECT_HOME"] = str(_own_home())
        for name, value in LOCAL_SETTINGS.items():
            os.environ.setdefault(name, value)


def _own_home() -> Path:
    """Return Prefect's folder in the cache; it exists, as Prefect creates no parents and warns where it could not."""
    home = cache_folder() / "prefect"
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"{home}: the folder cannot be created ({error.strerror}); free space or set {CACHE_VARIABLE} to "
            "another folder"
        ) from error
    return home


class LocalServer:
    """A Prefect API in a process beside this one, that starts while this one does other things.

    Its database is a copy of an empty one that is kept in the cache, because making the tables takes seconds. Nothing
    of it outlives the command, which may be killed: the server sees that and removes its folder. What an analysis
    found lies in the store.
    """

    def __init__(self) -> None:
        self._template = cache_folder() / "prefect" / f"empty-{version('prefect')}.db"
        self._is_new = not self._template.is_file()
        try:
            remove_abandoned_folders()
            folder = Path(tempfile.mkdtemp(prefix=f"{FOLDER_PREFIX}{os.getpid()}-"))
            remove_at_interrupt(folder)
            self._database = folder / "prefect.db"
            if not self._is_new:
                shutil.copyfile(self._template, self._database)
        except OSError as error:
            raise StoreError(
                f"{tempfile.gettempdir()}: has no place for the database of the local Prefect API ({error.strerror}); "
                "free space, or set TMPDIR to another folder"
            ) from error
        self._process = subprocess.Popen(
            [sys.executable, "-m", "mtmm_video.flows.local_server", str(self._database)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C reaches the command alone; the server ends when its standard input does
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )

    def url(self) -> str:
        """Wait until the API answers and return its address.

        Raises
        ------
        DependencyError
            If it ended instead.
        """
        assert self._process.stdout is not None
        port = self._process.stdout.readline().strip()
        if not port:
            raise DependencyError(
                f"the local Prefect API did not start (exit code {self._process.wait()}); is there space for its "
                f"database in {self._database.parent.parent}? Or name a server of your own in PREFECT_API_URL"
            )
        if self._is_new:
            self._keep_template()
        return f"http://{LOOPBACK}:{port.decode()}/api"

    def close(self) -> None:
        """End the server; it removes its folder, unless it ended before."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()
        shutil.rmtree(self._database.parent, ignore_errors=True)

    def _keep_template(self) -> None:
        try:
            with (
                atomic_path(self._template) as temporary,
                closing(sqlite3.connect(self._database)) as made,
                closing(sqlite3.connect(temporary)) as kept,
            ):
                made.backup(kept)
        except sqlite3.Error as error:
            raise StoreError(
                f"{self._template}: cannot be written ({error}); free space or set {CACHE_VARIABLE} to another folder"
            ) from error

    def __enter__(self) -> LocalServer:
        return self

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@contextmanager
def naming_api_failures() -> Iterator[None]:
    """Turn the failure of the Prefect API itself, not of what it ran, into an error that says so.

    Raises
    ------
    DependencyError
        If the API does not answer, after about two minutes of trying where it had answered before.
    """
    import httpx  # noqa: PLC0415 (Prefect brings it; not needed for --help)

    try:
        yield
    except (httpx.HTTPError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "Failed to reach API" not in str(error):
            raise
        if not has_own_server():
            raise DependencyError(
                f"the Prefect API of this command, a process on this machine at {LOOPBACK}, does not answer; steps "
                "that were finished are kept: run the command again when the loopback interface is up "
                "(`ip link show lo`) and no firewall keeps programs from it"
            ) from error
        raise DependencyError(
            f"the Prefect API ({os.environ['PREFECT_API_URL']}) does not answer; steps that were finished are kept: "
            "run the command again when it does, or without PREFECT_API_URL"
        ) from error


@contextmanager
def prefect_api(server: LocalServer | None) -> Iterator[None]:
    """Point Prefect at `server`, or at the user's own where it is None, while the block runs."""
    if server is None:
        yield
        return
    from prefect.settings import PREFECT_API_URL, temporary_settings  # noqa: PLC0415 (takes a second)

    with temporary_settings({PREFECT_API_URL: server.url()}):
        yield


def start_api(stack: ExitStack, *, verbose: bool) -> Callable[[], None]:
    """Begin to start the Prefect API that a command's flow needs; it lasts as long as the stack.

    Returns
    -------
    callable
        Waits until the API answers. In between, the module of the flow is loaded.
    """
    settle_environment(verbose=verbose)
    server = None if has_own_server() else stack.enter_context(LocalServer())

    def enter() -> None:
        stack.enter_context(prefect_api(server))
        stack.enter_context(naming_api_failures())

    return enter
