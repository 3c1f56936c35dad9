"""Writing files so that a killed process never leaves half of one, and hashing them."""

from __future__ import annotations

import errno
import hashlib
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mtmm_video.foundation.errors import StoreError

DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EEXIST}
HASH_BLOCK_BYTES = 1 << 20  # 1 MiB a read: large enough for full disk speed, small enough to stay flat in memory


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Give a temporary path beside `target` that becomes `target` when the block ends well.

    Parameters
    ----------
    target : Path
        Where the finished file shall lie; its folder is created.

    Yields
    ------
    Path
        A temporary path in the same folder (so that the rename is atomic) with the same suffix. It does not exist yet
        when the block starts. It is removed when the block raises.

    Raises
    ------
    StoreError
        If the folder cannot be created or written.
    """
    temporary = target.parent / f".{target.stem[:40]}-{uuid.uuid4().hex}{target.suffix}"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(target)
    except OSError as error:
        if error.errno in DISK_ERRORS or target.parent.as_posix() == error.filename:
            raise StoreError(
                f"{target}: cannot be written ({error.strerror}); free space or choose another folder"
            ) from error
        raise
    finally:
        if temporary.parent.is_dir():
            temporary.unlink(missing_ok=True)


def write_text(target: Path, text: str) -> None:
    """Write `text` to `target` as UTF-8, atomically.

    Raises
    ------
    StoreError
        If the file cannot be written.
    """
    with atomic_path(target) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_bytes(target: Path, content: bytes) -> None:
    """Write `content` to `target`, atomically.

    Raises
    ------
    StoreError
        If the file cannot be written.
    """
    with atomic_path(target) as temporary:
        temporary.write_bytes(content)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's content as 64 hexadecimal digits, reading it block by block."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(HASH_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()
