"""The artefact store: results of steps, addressed by the hash of the video, written atomically."""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from mtmm_video.foundation.errors import MediaError, StoreError
from mtmm_video.foundation.files import remove_unfinished, sha256_of, special_kind, write_text
from mtmm_video.foundation.folders import CACHE_VARIABLE, cache_folder
from mtmm_video.foundation.names import is_utf8, printable
from mtmm_video.pipeline.store.shared import SharedStore

_recording = threading.Lock()  # of `Store.record_making`, which reads a file and writes it anew
MAKINGS_NAME = "times.json"  # beside the artefacts of a video: the fields of `Making` by file name
KEY_DIGITS = 16  # hexadecimal digits of a parameters hash in a file name: 64 bits, no collision below billions
ARTEFACT_NAME = re.compile(r"(?P<step>[a-z]+)-v(?P<version>[^-]+)-(?P<key>[0-9a-f]{16})\.(?P<suffix>json|safetensors)")
ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+:/+[^/]", re.IGNORECASE)  # what is left of http://host as a path
CONTENT_NAME = re.compile(r"[0-9a-f]{64}")


def parameters_key(parameters: Mapping[str, Any]) -> str:
    """Return the hash of a step's parameters: 16 hexadecimal digits, reproducible across processes and machines."""
    canonical = json.dumps(parameters, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:KEY_DIGITS]


@dataclass(frozen=True)
class Artefact:
    """One stored result.

    Attributes
    ----------
    path : Path
        ``<root>/<sha256 of the video>/<step>-v<version>-<parameters hash>.<suffix>``.
    content : str
        SHA-256 of the video.
    step, version, key : str
        The three parts of the file name.
    size : int
        Bytes.
    used : float
        Seconds since the epoch of the last time it was written or reused.
    """

    path: Path
    content: str
    step: str
    version: str
    key: str
    size: int
    used: float


@dataclass(frozen=True)
class Making:
    """How an artefact was made.

    Attributes
    ----------
    seconds : float or None
        Wall-clock time; None if another machine made it.
    device : str or None
        ``cpu`` or the name of a graphics processor; None where that was not recorded.
    """

    seconds: float | None = None
    device: str | None = None


@dataclass(frozen=True)
class Store:
    """A folder of artefacts, safe for concurrent processes.

    Attributes
    ----------
    root : Path
        Created on first write. Files are JSON and safetensors, never pickles.
    shared : SharedStore, optional
        Second tier: artefacts missing in the folder are fetched from it, new ones are uploaded to it.
    """

    root: Path
    shared: SharedStore | None = None

    @classmethod
    def default(cls) -> Store:
        """Return the store in the user's cache folder, with the shared tier of ``MTMM_STORE_URL``, if any."""
        return cls(cache_folder() / "artefacts", shared=SharedStore.from_environment())

    def path(self, content: str, *, step: str, version: str, parameters: Mapping[str, Any], suffix: str) -> Path:
        """Return the path of the artefact of a step, whether it exists or not.

        Parameters
        ----------
        content : str
            SHA-256 of the video.
        step, version : str
            Name and version of the step.
        parameters : mapping
            All further inputs that determine the result; JSON-able.
        suffix : str
            "json" or "safetensors".
        """
        return self.root / content / f"{step}-v{version}-{parameters_key(parameters)}.{suffix}"

    @contextmanager
    def locked(self, content: str) -> Iterator[None]:
        """Lock the artefacts of one video for this process; other processes wait and then reuse them.

        The operating system releases the lock of a killed process. Unfinished files of such a process are removed on
        entry, since no other process can be writing them.

        Raises
        ------
        StoreError
            If the store cannot be written.
        """
        with self._acquired(content, wait=True):
            remove_unfinished(self.root / content, living=True)  # the lock keeps all others out
            yield

    @contextmanager
    def _acquired(self, content: str, *, wait: bool) -> Iterator[bool]:
        """Hold the lock of a video; yields False where another process has it and `wait` is False."""
        locks = self.root / "locks"
        lock = FileLock(locks / f"{content}.lock")
        try:
            locks.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=-1 if wait else 0)
        except Timeout:
            yield False
            return
        except OSError as error:
            raise StoreError(
                f"{self.root}: the artefact store cannot be written ({error.strerror}); "
                f"free space or set {CACHE_VARIABLE} to another folder"
            ) from error
        try:
            yield True
        finally:
            lock.release()

    def holds(self, path: Path) -> bool:
        """Return whether an artefact exists in the folder or the shared tier; if so, copy it to the other.

        Raises
        ------
        StoreError
            If the shared tier does not respond or denies access.
        """
        if self.shared is None:
            return path.is_file()
        if not path.is_file():
            return self.shared.fetch(path)
        self.shared.upload(path, overwrite=False)  # written before the tier was configured, or while it was down
        return True

    def publish(self, path: Path) -> None:
        """Upload a new artefact to the shared tier, if there is one.

        Raises
        ------
        StoreError
            If it does not respond or denies access. The artefact stays in the folder, and `holds` uploads it later.
        """
        if self.shared is not None:
            self.shared.upload(path, overwrite=True)

    def record_making(self, path: Path, making: Making) -> None:
        """Store how an artefact was made, for the provenance of later runs that use it.

        Only the holder of the lock of its video may call this; its steps may do so from several threads.

        Raises
        ------
        StoreError
            If the store cannot be written.
        """
        with _recording:
            entries = {**self._makings(path), path.name: asdict(making)}
            write_text(path.parent / MAKINGS_NAME, json.dumps(entries))

    def making_of(self, path: Path) -> Making:
        """Return how an artefact was made; nothing is known of it if another machine made it."""
        entry = self._makings(path).get(path.name)
        if isinstance(entry, int | float):
            return Making(float(entry))  # as version 0.1 recorded it
        return Making(entry.get("seconds"), entry.get("device")) if isinstance(entry, dict) else Making()

    def _makings(self, path: Path) -> dict[str, Any]:
        try:
            entries = json.loads((path.parent / MAKINGS_NAME).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}  # only what is told about the artefacts is lost
        return entries if isinstance(entries, dict) else {}

    def artefacts(self) -> Iterator[Artefact]:
        """Yield all complete artefacts of the folder, videos in order of their hash."""
        if not self.root.is_dir():
            return
        for folder in sorted(self.root.iterdir()):
            if not CONTENT_NAME.fullmatch(folder.name):
                continue
            with suppress(FileNotFoundError):  # another process has removed the last artefacts meanwhile
                for path in sorted(folder.iterdir()):
                    match = ARTEFACT_NAME.fullmatch(path.name)
                    if match:
                        status = path.stat()
                        yield Artefact(
                            path=path,
                            content=folder.name,
                            step=match["step"],
                            version=match["version"],
                            key=match["key"],
                            size=status.st_size,
                            used=status.st_mtime,
                        )

    def prune(
        self, *, older_than: float | None = None, max_size: int | None = None, now: float | None = None
    ) -> list[Artefact]:
        """Delete artefacts of the folder: all not used for `older_than` seconds, then the least recently used ones.

        A video that another process analyses meanwhile keeps its artefacts.

        Parameters
        ----------
        older_than : float, optional
            Seconds.
        max_size : int, optional
            Bytes to keep at most.
        now : float, optional
            Seconds since the epoch; by default the current time.

        Returns
        -------
        list of Artefact
            The deleted ones.

        Raises
        ------
        StoreError
            If the store cannot be written.
        """
        moment = time.time() if now is None else now
        entries = sorted(self.artefacts(), key=lambda entry: entry.used)
        doomed = [entry for entry in entries if older_than is not None and moment - entry.used > older_than]
        kept = entries[len(doomed) :]
        if max_size is not None:
            size = sum(entry.size for entry in kept)
            for entry in kept:
                if size <= max_size:
                    break
                doomed.append(entry)
                size -= entry.size
        deleted: list[Artefact] = []
        for content in sorted({entry.content for entry in doomed}):
            with self._acquired(content, wait=False) as held:
                if held:
                    entries = [entry for entry in doomed if entry.content == content]
                    self._remove(self.root / content, entries)
                    deleted += entries
        return deleted

    @staticmethod
    def _remove(folder: Path, entries: Sequence[Artefact]) -> None:
        """Remove artefacts of a video, whose lock the caller holds, and the folder where none is left."""
        for entry in entries:
            entry.path.unlink(missing_ok=True)
        if folder.is_dir() and {path.name for path in folder.iterdir()} <= {MAKINGS_NAME}:
            (folder / MAKINGS_NAME).unlink(missing_ok=True)
            folder.rmdir()


def hash_video(video: Path) -> str:
    """Return the SHA-256 of a video file.

    Raises
    ------
    MediaError
        If it is missing, a folder, a pipe or device, empty, not readable, or its name is not UTF-8.
    """
    if not is_utf8(str(video)):
        raise MediaError(f"{printable(str(video))}: its name or that of a folder above it is not UTF-8; rename it")
    try:
        if video.is_dir():
            raise MediaError(f"{video}: is a folder; name a video file, or use `mtmm-video batch` for a folder")
        if kind := special_kind(video):
            raise MediaError(f"{video}: is {kind}; write what comes out of it to a file, and name that")
        if video.stat().st_size == 0:
            raise MediaError(f"{video}: the file is empty")
        return sha256_of(video)
    except OSError as error:
        raise unreadable(video, error) from error


def unreadable(video: Path, error: OSError) -> MediaError:
    """Return the error that says why a video cannot be opened, and what to do where it is not a file at all."""
    if ADDRESS.match(str(video)):
        scheme, _, rest = str(video).partition(":")
        address = f"{scheme}://{rest.lstrip('/')}"
        return MediaError(
            f"{address}: is an address, and only files are analysed; fetch it first, for instance with yt-dlp, and "
            "name the file"
        )
    return MediaError(f"{video}: cannot be read ({error.strerror})")


def mark_used(path: Path) -> None:
    """Update the time of last use of an artefact, which pruning by age and size depends on.

    In a cache that several users share, the file of another user keeps its time: only its owner may change it.
    """
    with suppress(PermissionError):
        path.touch(exist_ok=True)
