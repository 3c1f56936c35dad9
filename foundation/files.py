"""Atomic writing and hashing of files."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mtmm_video.foundation.errors import StoreError
from mtmm_video.foundation.processes import is_mark_of_dead, process_mark

DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EEXIST}
DISK_ERRORS |= {errno.EISDIR, errno.ENOTEMPTY, errno.EFBIG, errno.ENAMETOOLONG, errno.ELOOP}
LONGEST_SUFFIX = 16  # bytes that a temporary name takes over: some writers go by the suffix
TEMPORARY_NAME = re.compile(r"\.(?P<mark>[0-9a-f]{8}-\d+)-[0-9a-f]{32}(\.[^/]*)?")  # of `atomic_path`
HASH_BLOCK_BYTES = 1 << 20  # 1 MiB per read: full disk speed at constant memory


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Yield a temporary path that is renamed to `target` when the block ends without an exception.

    Parameters
    ----------
    target : Path
        Path of the finished file; its folder is created. The temporary path of an outer block is yielded itself: what
        is written there is finished when that block ends, and its errors are that block's.

    Yields
    ------
    Path
        A path in the same folder (so that the rename is atomic) with the same suffix. It does not exist at the start of
        the block, and is removed if the block raises an exception.

    Raises
    ------
    StoreError
        If the folder cannot be created or written. An error about another file, which the block reads, stays its own.
    """
    if TEMPORARY_NAME.fullmatch(target.name):
        yield target
        return
    suffix = target.suffix if len(target.suffix.encode()) <= LONGEST_SUFFIX else ""
    temporary = target.parent / f".{process_mark()}-{uuid.uuid4().hex}{suffix}"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_dir():  # said before the work, not at the renaming after it
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(target))
        yield temporary
        temporary.replace(target)
    except OSError as error:
        if error.errno in DISK_ERRORS and _is_about(error, target):
            raise StoreError(
                f"{target}: cannot be written ({error.strerror}); free space or choose another folder"
            ) from error
        raise
    finally:
        if temporary.parent.is_dir():
            temporary.unlink(missing_ok=True)


def _is_about(error: OSError, target: Path) -> bool:
    """Return whether an error is about a file, its folder, or one above it; so is one that names no file."""
    names = [os.fsdecode(name) for name in (error.filename, error.filename2) if isinstance(name, str | bytes)]
    return not names or any(target.parent == Path(name).parent or target.is_relative_to(name) for name in names)


def remove_unfinished(folder: Path, *, living: bool = False) -> None:
    """Remove the temporary files in a folder that killed processes of this machine left.

    Parameters
    ----------
    folder : Path
    living : bool
        Whether those of living processes and other machines go as well: only where a lock keeps all others out.
    """
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        name = TEMPORARY_NAME.fullmatch(path.name)
        if name and (living or is_mark_of_dead(name["mark"])):
            path.unlink(missing_ok=True)


def write_text(target: Path, text: str) -> None:
    """Write `text` to `target` as UTF-8, atomically; lone surrogates, of names that are not UTF-8, as escapes.

    Raises
    ------
    StoreError
        If the file cannot be written.
    """
    with atomic_path(target) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_bytes(target: Path, content: bytes) -> None:
    """Write `content` to `target`, atomically.

    Raises
    ------
    StoreError
        If the file cannot be written.
    """
    with atomic_path(target) as temporary:
        temporary.write_bytes(content)


def special_kind(path: Path) -> str | None:
    """Return what a path is that has no end to read to: ``a pipe``, ``a device``, ``a socket``; None for any other.

    None also for one that is not there or cannot be looked at, which opening it will say.
    """
    try:
        mode = path.stat().st_mode
    except OSError:
        return None
    if stat.S_ISFIFO(mode):
        return "a pipe"
    if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
        return "a device"
    return "a socket" if stat.S_ISSOCK(mode) else None


def sha256_of(path: Path) -> str:
    """Compute the SHA-256 of a file as 64 hexadecimal digits, block by block."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(HASH_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()
