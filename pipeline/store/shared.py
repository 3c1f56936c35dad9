"""A shared tier behind the artefact store: a bucket or folder through which machines hand each other finished steps.

The local folder stays what steps read and write. Where a `SharedStore` is named, an artefact that the folder lacks is
fetched from there, and one that was made is put there. Nothing is locked: an object has the SHA-256 of its bytes in its
name and is put whole, so two workers that make the same artefact at once put the same object, and a reader can tell a
damaged one. Nothing is ever deleted here; how old objects leave is the bucket's own lifecycle rule.
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
# Where a file appears whole or not at all, and how to get the package that speaks to it. Memory is for tests.
SCHEMES = {"s3": "pip install 'mtmm-video[s3]'", "gs": "pip install gcsfs", "file": "", "memory": ""}
PAUSES = (
    2.0,
    10.0,
    30.0,
)  # seconds between tries in the middle of an analysis; a restart or a failover is over by then
LOCAL_FAULTS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}  # the receiving disk is at fault, so trying again is no use
NO_VIDEO = "0" * 64  # no file has this SHA-256; that a store says so shows that it can be read
T = TypeVar("T")


@dataclass(frozen=True)
class SharedStore:
    """A place for objects ``<sha256 of the video>/<step>-v<version>-<parameters>.<sha256 of the object>.<suffix>``.

    Attributes
    ----------
    url : str
        What fsspec opens: ``s3://bucket/prefix``, ``gs://bucket/prefix``, ``file:///mnt/shared``. Credentials do not
        belong in it: they come from where the service's own tools take them.
    """

    url: str

    @classmethod
    def from_environment(cls) -> SharedStore | None:
        """Return the store that ``MTMM_STORE_URL`` names; None, and never a network connection, where it is not set."""
        url = os.environ.get(URL_VARIABLE)
        return cls(url) if url else None

    def check(self) -> None:
        """Ask for something, once, so that a wrong setting is found before any work is done.

        Raises
        ------
        InputError
            If the address is of no kind that can be opened.
        DependencyError
            If the package for this kind of address is not installed.
        StoreError
            If the store does not answer, refuses access, or there is no such bucket or folder.
        """
        system, root = self._open()
        self._objects(Path(NO_VIDEO) / "none.json", patient=False)
        # An object store has no folders: a prefix comes into being with its first object, but a bucket has to be there.
        # A folder has to be there too: where a share is not mounted, the files would go to this machine's disk.
        top = root if _is_local(system) else root.split("/")[0]
        if top and not self._ask(partial(system.exists, top), patient=False):
            raise StoreError(f"{self.url}: there is no {top}; make it, mount it, or correct {URL_VARIABLE}")

    def fetch(self, target: Path) -> bool:
        """Bring an artefact into the local store, if the shared one has it whole.

        Parameters
        ----------
        target : Path
            Where it lies in the local store, see `pipeline.store.local.Artefact`.

        Returns
        -------
        bool
            Whether it is there now. A damaged object is reported on the log and never taken for a result.

        Raises
        ------
        StoreError
            If the shared store does not answer or refuses access, or the local one cannot be written.
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
                    "again; delete the object if this comes again",
                    self.url,
                    name,
                )
            except FileNotFoundError:
                continue  # it was deleted after it was listed
            else:
                return True
        return False

    def upload(self, artefact: Path, *, anew: bool) -> None:
        """Put an artefact of the local store into the shared one.

        Parameters
        ----------
        artefact : Path
            As `target` of `fetch`.
        anew : bool
            Whether it was made just now; then it is put even if there is one, which may be damaged.

        Raises
        ------
        StoreError
            If the shared store does not answer or refuses access.
        """
        if not anew and self._objects(artefact):
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
        from fsspec.core import url_to_fs  # noqa: PLC0415 (only those who share a store wait for it)

        scheme, mark, place = self.url.partition("://")
        if not mark or scheme not in SCHEMES or not place.strip("/"):
            raise InputError(
                f"{URL_VARIABLE}={self.url}: is no address of a shared store; "
                "name one such as s3://bucket/prefix, gs://bucket/prefix or file:///mnt/shared"
            )
        try:
            # Listings change under our feet: other machines write.
            system, root = url_to_fs(self.url, use_listings_cache=False)
        except ImportError as error:
            raise DependencyError(
                f"{URL_VARIABLE}={self.url}: a package is missing ({error}); get it with {SCHEMES[scheme]}"
            ) from error
        return system, root.rstrip("/")

    def _objects(self, target: Path, *, patient: bool = True) -> list[str]:
        """Return what the store holds of one artefact: nothing, or one object, or several that differ in bytes."""
        system, root = self._open()
        folder = f"{root}/{target.parent.name}"
        # Not ls on an object store: where there is nothing, s3fs's goes on to list every other video.
        action = partial(os.listdir, folder) if _is_local(system) else partial(system.find, folder)
        try:
            names = self._ask(action, patient=patient)
        except FileNotFoundError:
            return []
        return sorted(f"{folder}/{Path(name).name}" for name in names if _digest(name, target))

    def _ask(self, action: Callable[[], T], *, patient: bool = True) -> T:
        """Do something that needs the store; if `patient`, again after each of `PAUSES` while it does not answer."""
        for pause in (*(PAUSES if patient else ()), None):
            try:
                return action()
            except FileNotFoundError:
                raise
            except PermissionError as error:
                raise StoreError(
                    f"{self.url}: the shared store refuses access ({error}); "
                    "check the credentials, and that they may list, read and write there"
                ) from error
            except Exception as error:  # every service has exceptions of its own
                if isinstance(error, OSError) and error.errno in LOCAL_FAULTS:
                    raise
                if pause is None:
                    raise StoreError(
                        f"{self.url}: the shared store cannot be used ({type(error).__name__}: {error}); finished "
                        f"steps are kept on this machine: run again when it can be, or unset {URL_VARIABLE}"
                    ) from error
                LOGGER.warning("%s does not answer (%s); next try in %.0f s", self.url, error, pause)
                time.sleep(pause)
        raise AssertionError("unreachable")


class _DamagedObjectError(Exception):
    """An object's bytes are not those its name promises."""


def _verify(path: Path, *, digest: str | None) -> None:
    if sha256_of(path) != digest:
        raise _DamagedObjectError


def _digest(name: str, target: Path) -> str | None:
    """Return the SHA-256 in the name of an object that holds `target`; None if it is another artefact's or foreign."""
    pattern = rf"{re.escape(target.stem)}\.([0-9a-f]{{64}}){re.escape(target.suffix)}"
    match = re.fullmatch(pattern, name.rsplit("/", 1)[-1])
    return match[1] if match else None


def _is_local(system: Any) -> bool:
    from fsspec.implementations.local import LocalFileSystem  # noqa: PLC0415 (see SharedStore._open)

    return isinstance(system, LocalFileSystem)
