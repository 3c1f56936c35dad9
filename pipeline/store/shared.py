"""The shared tier of the artefact store: a bucket or folder through which machines exchange results of steps.

Steps read and write the local folder. With a `SharedStore`, artefacts missing there are fetched from the shared tier
and new ones are uploaded to it. There are no locks: the name of an object contains the SHA-256 of its bytes and uploads
are atomic, so concurrent uploads of one artefact give the same object and readers detect damage. Objects are never
deleted here; their expiry is a lifecycle rule of the bucket.
"""

from __future__ import annotations

import errno
import logging
import os
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from mtmm_video.foundation.errors import DependencyError, InputError, StoreError
from mtmm_video.foundation.files import atomic_path, sha256_of

LOGGER = logging.getLogger(__name__)
URL_VARIABLE = "MTMM_STORE_URL"
# Schemes with atomic uploads, and the command that installs their package. Memory is for tests.
SCHEMES = {"s3": "pip install 'mtmm-video[s3]'", "gs": "pip install gcsfs", "file": "", "memory": ""}
PAUSES = (
    2.0,
    10.0,
    30.0,
)  # seconds between attempts during an analysis; long enough for a restart or a failover
LOCAL_FAULTS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}  # errors of the local disk, which a retry does not solve
NO_VIDEO = "0" * 64  # the SHA-256 of no file; listing it tests read access
T = TypeVar("T")


@dataclass(frozen=True)
class SharedStore:
    """A store of objects ``<sha256 of the video>/<step>-v<version>-<parameters>.<sha256 of the object>.<suffix>``.

    Attributes
    ----------
    url : str
        URL for fsspec: ``s3://bucket/prefix``, ``gs://bucket/prefix``, ``file:///mnt/shared``, without credentials:
        these come from the configuration of the service's own tools.
    """

    url: str

    @classmethod
    def from_environment(cls) -> SharedStore | None:
        """Return the store of ``MTMM_STORE_URL``; None if it is not set. Opens no connection."""
        url = os.environ.get(URL_VARIABLE)
        return cls(url) if url else None

    def check(self) -> None:
        """Send one request, so that a wrong configuration is reported before the analysis.

        Raises
        ------
        InputError
            If the scheme of the address is not supported.
        DependencyError
            If the package for this scheme is not installed.
        StoreError
            If the store does not respond or denies access, or the bucket or folder does not exist.
        """
        system, root = self._open()
        self._objects(Path(NO_VIDEO) / "none.json", patient=False)
        # An object store has no folders: a prefix is created with its first object, but the bucket must exist.
        # A local folder must exist too: if a share is not mounted, the files would be written to this machine's disk.
        top = root if _is_local(system) else root.split("/")[0]
        if top and not self._ask(partial(system.exists, top), patient=False):
            raise StoreError(f"{self.url}: there is no {top}; make it, mount it, or correct {URL_VARIABLE}")

    def fetch(self, target: Path) -> bool:
        """Download an artefact to the local store, if the shared one has an intact copy.

        Parameters
        ----------
        target : Path
            Its path in the local store, see `pipeline.store.local.Artefact`.

        Returns
        -------
        bool
            Whether it was downloaded. A damaged object is logged and not used.

        Raises
        ------
        StoreError
            If the shared store does not respond or denies access, or the local one cannot be written.
        """
        system, _ = self._open()
        for name in self._objects(target):
            try:
                with atomic_path(target) as temporary:
                    self._ask(partial(system.get_file, name, str(temporary)))
                    _verify(temporary, digest=_digest(name, target))
            except _DamagedObjectError:
                LOGGER.warning(
                    "%s: %s is damaged: its SHA-256 is not the one in its name. It is not used, and the step runs "
                    "again; delete the object if this is repeated",
                    self.url,
                    name,
                )
            except FileNotFoundError:
                continue  # it was deleted after it was listed
            else:
                return True
        return False

    def upload(self, artefact: Path, *, overwrite: bool) -> None:
        """Upload an artefact of the local store to the shared one.

        Parameters
        ----------
        artefact : Path
            See `target` of `fetch`.
        overwrite : bool
            Whether to upload also if an object exists, which may be damaged.

        Raises
        ------
        StoreError
            If the shared store does not respond or denies access.
        """
        if not overwrite and self._objects(artefact):
            return
        system, root = self._open()
        name = f"{root}/{artefact.parent.name}/{artefact.stem}.{sha256_of(artefact)}{artefact.suffix}"
        try:
            if _is_local(system):
                with atomic_path(Path(name)) as temporary:
                    self._ask(partial(shutil.copyfile, artefact, temporary))
            else:
                self._ask(partial(system.put_file, str(artefact), name))
        except FileNotFoundError as error:
            raise StoreError(f"{self.url}: the bucket, or {artefact}, was deleted meanwhile ({error})") from error

    def _open(self) -> tuple[Any, str]:
        """Return the file system and the path in it; fsspec keeps the former, with its connections, between calls."""
        from fsspec.core import url_to_fs  # noqa: PLC0415 (imported only if a store is shared)

        scheme, mark, place = self.url.partition("://")
        if not mark or scheme not in SCHEMES or not place.strip("/"):
            raise InputError(
                f"{URL_VARIABLE}={self.url}: is not an address of a shared store; "
                "name one such as s3://bucket/prefix, gs://bucket/prefix or file:///mnt/shared"
            )
        try:
            # Listings must not be cached: other machines write to the store.
            system, root = url_to_fs(self.url, use_listings_cache=False)
        except ImportError as error:
            raise DependencyError(
                f"{URL_VARIABLE}={self.url}: a package is missing ({error}); get it with {SCHEMES[scheme]}"
            ) from error
        return system, root.rstrip("/")

    def _objects(self, target: Path, *, patient: bool = True) -> list[str]:
        """Return the objects of one artefact: none, one, or several with different bytes."""
        system, root = self._open()
        folder = f"{root}/{target.parent.name}"
        # Not ls on an object store: for a missing prefix, that of s3fs lists the parent with all videos.
        action = partial(os.listdir, folder) if _is_local(system) else partial(system.find, folder)
        try:
            names = self._ask(action, patient=patient)
        except FileNotFoundError:
            return []
        return sorted(f"{folder}/{Path(name).name}" for name in names if _digest(name, target))

    def _ask(self, action: Callable[[], T], *, patient: bool = True) -> T:
        """Run a request; if `patient`, repeat it after each of `PAUSES` while the store does not respond."""
        for pause in (*(PAUSES if patient else ()), None):
            try:
                return action()
            except FileNotFoundError:
                raise
            except PermissionError as error:
                raise StoreError(
                    f"{self.url}: the shared store denies access ({error}); "
                    "check the credentials, and that they may list, read and write there"
                ) from error
            except Exception as error:  # the exception classes depend on the service
                if isinstance(error, OSError) and error.errno in LOCAL_FAULTS:
                    raise
                if pause is None:
                    raise StoreError(
                        f"{self.url}: the shared store cannot be used ({type(error).__name__}: {error}); finished "
                        f"steps are kept on this machine: run again when it can be, or unset {URL_VARIABLE}"
                    ) from error
                LOGGER.warning("%s does not respond (%s); next attempt in %.0f s", self.url, error, pause)
                time.sleep(pause)
        raise AssertionError("unreachable")


class _DamagedObjectError(Exception):
    """The bytes of an object do not match the hash in its name."""


def _verify(path: Path, *, digest: str | None) -> None:
    if sha256_of(path) != digest:
        raise _DamagedObjectError


def _digest(name: str, target: Path) -> str | None:
    """Return the SHA-256 in the name of an object of `target`; None for objects of other artefacts and other files."""
    pattern = rf"{re.escape(target.stem)}\.([0-9a-f]{{64}}){re.escape(target.suffix)}"
    match = re.fullmatch(pattern, name.rsplit("/", 1)[-1])
    return match[1] if match else None


def _is_local(system: Any) -> bool:
    from fsspec.implementations.local import LocalFileSystem  # noqa: PLC0415 (see SharedStore._open)

    return isinstance(system, LocalFileSystem)
