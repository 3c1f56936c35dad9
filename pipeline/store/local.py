"""The artefact store: every step's result under the content it was made from, written whole or not at all."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from mtmm_video.foundation.errors import InputError, MediaError, StoreError
from mtmm_video.foundation.files import remove_unfinished, sha256_of, write_bytes, write_text
from mtmm_video.foundation.folders import CACHE_VARIABLE, cache_folder
from mtmm_video.pipeline.store.shared import SharedStore

KEY_DIGITS = 16  # hexadecimal digits of a parameters hash in a file name: 64 bits, no collision below billions
ARTEFACT_NAME = re.compile(r"(?P<step>[a-z]+)-v(?P<version>[^-]+)-(?P<key>[0-9a-f]{16})\.(?P<suffix>json|safetensors)")
CONTENT_NAME = re.compile(r"[0-9a-f]{64}")
METADATA_KEY = "metadata"  # the one safetensors metadata entry; holds JSON


def parameters_key(parameters: Mapping[str, Any]) -> str:
    """Return the hash of a step's parameters: 16 hexadecimal digits, the same in every process and on every machine."""
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
        SHA-256 of the video it was made from.
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
class Store:
    """A folder of artefacts, safe for several processes.

    Attributes
    ----------
    root : Path
        Created on first write. Nothing in it is ever pickled: JSON and safetensors only.
    shared : SharedStore, optional
        Where artefacts are looked for that the folder lacks, and where new ones are put for other machines.
    """

    root: Path
    shared: SharedStore | None = None

    @classmethod
    def default(cls) -> Store:
        """Return the store in the user's cache folder, with the shared tier that ``MTMM_STORE_URL`` names, if any."""
        return cls(cache_folder() / "artefacts", shared=SharedStore.from_environment())

    def path(self, content: str, *, step: str, version: str, parameters: Mapping[str, Any], suffix: str) -> Path:
        """Return where the artefact of a step lies, whether it exists or not.

        Parameters
        ----------
        content : str
            SHA-256 of the video.
        step, version : str
            Name and version of the step.
        parameters : mapping
            Everything else that decides the result; must be JSON-able.
        suffix : str
            "json" or "safetensors".
        """
        return self.root / content / f"{step}-v{version}-{parameters_key(parameters)}.{suffix}"

    @contextmanager
    def locked(self, content: str) -> Iterator[None]:
        """Hold one video's artefacts for this process; a second process waits and then reuses what is there.

        The operating system frees the lock when its holder is killed. Unfinished files that a killed holder left are
        removed on entry: nobody else can be writing them.

        Raises
        ------
        StoreError
            If the store cannot be written.
        """
        locks = self.root / "locks"
        try:
            locks.mkdir(parents=True, exist_ok=True)
            lock = FileLock(locks / f"{content}.lock")
            lock.acquire()
        except OSError as error:
            raise StoreError(
                f"{self.root}: the artefact store cannot be written ({error.strerror}); "
                f"free space or set {CACHE_VARIABLE} to another folder"
            ) from error
        try:
            remove_unfinished(self.root / content, living=True)  # the lock keeps all others out
            yield
        finally:
            lock.release()

    def holds(self, path: Path) -> bool:
        """Tell whether an artefact is finished, here or on the shared tier; it is then in both.

        Raises
        ------
        StoreError
            If the shared tier does not answer or refuses access.
        """
        if self.shared is None:
            return path.is_file()
        if not path.is_file():
            return self.shared.fetch(path)
        self.shared.upload(path, anew=False)  # made before the tier was named, or while it did not answer
        return True

    def publish(self, path: Path) -> None:
        """Put an artefact that was made just now on the shared tier, where there is one.

        Raises
        ------
        StoreError
            If it does not answer or refuses access. The artefact stays in the folder, and `holds` puts it later.
        """
        if self.shared is not None:
            self.shared.upload(path, anew=True)

    def artefacts(self) -> Iterator[Artefact]:
        """Yield every finished artefact of the folder, videos in order of their hash."""
        if not self.root.is_dir():
            return
        for folder in sorted(self.root.iterdir()):
            if not CONTENT_NAME.fullmatch(folder.name):
                continue
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

        Parameters
        ----------
        older_than : float, optional
            Seconds.
        max_size : int, optional
            Bytes that may stay.
        now : float, optional
            Seconds since the epoch; the clock's time if not given.

        Returns
        -------
        list of Artefact
            What was deleted.
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
        for entry in doomed:
            entry.path.unlink(missing_ok=True)
            if not any(entry.path.parent.iterdir()):
                entry.path.parent.rmdir()
        return doomed


def hash_video(video: Path) -> str:
    """Return the SHA-256 of a video file.

    Raises
    ------
    MediaError
        If it is missing, a folder, empty, or not readable.
    """
    if video.is_dir():
        raise MediaError(f"{video}: is a folder; name a video file, or use `mtmm-video batch` for a folder")
    try:
        if video.stat().st_size == 0:
            raise MediaError(f"{video}: the file is empty")
        return sha256_of(video)
    except OSError as error:
        raise MediaError(f"{video}: cannot be read ({error.strerror})") from error


def mark_used(path: Path) -> None:
    """Note that an artefact was reused just now, so that pruning by age and size keeps it.

    In a cache that several users share, another user's file keeps its time: its owner alone may change it.
    """
    with suppress(PermissionError):
        path.touch(exist_ok=True)


def save_json(path: Path, content: Any) -> None:
    """Write a JSON artefact, atomically.

    Raises
    ------
    StoreError
        If the file cannot be written.
    """
    write_text(path, json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")))


def load_json(path: Path) -> Any:
    """Read a JSON artefact.

    Raises
    ------
    StoreError
        If it is missing or damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StoreError(f"{path}: the stored artefact cannot be read ({error}); delete it and run again") from error


def save_arrays(path: Path, arrays: Mapping[str, NDArray[Any]], *, metadata: Mapping[str, Any]) -> None:
    """Write arrays with JSON-able metadata as safetensors, atomically.

    Raises
    ------
    StoreError
        If the file cannot be written.
    InputError
        If an array holds objects.
    """
    from safetensors.numpy import save  # noqa: PLC0415 (the command line must list its help without it)

    for name, array in arrays.items():
        if array.dtype.hasobject:
            raise InputError(f"{path}: array {name!r} holds Python objects; only numbers can be stored")
    # Not save_file: it makes files that only their owner can read, and a store may be shared by several workers' users.
    content = save(
        {name: np.asarray(array, order="C") for name, array in arrays.items()},
        metadata={METADATA_KEY: json.dumps(metadata, ensure_ascii=False, allow_nan=False)},
    )
    write_bytes(path, content)


def load_arrays(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Read what `save_arrays` wrote.

    Returns
    -------
    arrays : dict of str to ndarray
    metadata : dict

    Raises
    ------
    StoreError
        If the file is missing or damaged.
    """
    from safetensors import SafetensorError, safe_open  # noqa: PLC0415 (see save_arrays)

    try:
        with safe_open(path, framework="numpy") as file:
            metadata = json.loads(file.metadata()[METADATA_KEY])
            return {name: file.get_tensor(name) for name in file.keys()}, metadata  # noqa: SIM118 (not a dict)
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{path}: the stored artefact cannot be read ({error}); delete it and run again") from error
