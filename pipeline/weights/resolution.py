"""Resolution of pretrained weights: local search, download and verification.

A weight is searched for in the cache (``<cache folder>/weights/<name>``), then in the folder of the environment
variable ``MTMM_WEIGHTS_DIR`` (``<folder>/<name>``), and, by `fetch` only, in its sources on the network
(`pipeline.weights.manifest`). The folder of a weight contains ``receipt.json``: the source, the pinned hashes of its
files, and the hashes of the stored files.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import filelock

from mtmm_video.foundation.errors import WeightsError
from mtmm_video.foundation.files import sha256_of, write_text
from mtmm_video.foundation.folders import CACHE_VARIABLE, cache_folder
from mtmm_video.pipeline.weights.conversion import convert
from mtmm_video.pipeline.weights.download import ProgressHook, check_file, collect
from mtmm_video.pipeline.weights.manifest import MANIFEST
from mtmm_video.pipeline.weights.weight import Weight, WeightSource

WEIGHTS_VARIABLE = "MTMM_WEIGHTS_DIR"
RECEIPT = "receipt.json"
RECEIPT_FORMAT = 1


@dataclass(frozen=True)
class WeightStatus:
    """State of a weight on this machine.

    Attributes
    ----------
    weight : Weight
        Its entry in the manifest.
    state : str
        "ready", "absent" or "damaged".
    path : Path or None
        The result of `resolve` if it is ready.
    detail : str
        Its source, or the problem.
    """

    weight: Weight
    state: Literal["ready", "absent", "damaged"]
    path: Path | None
    detail: str


@dataclass(frozen=True)
class _StoredFile:
    sha256: str
    size: int
    modified_ns: int


@dataclass(frozen=True)
class _Receipt:
    source: str
    conversion: str
    raw: dict[str, str]  # name -> SHA-256 of the files of the source
    files: dict[str, _StoredFile]


class _AbsentError(WeightsError):
    """The weight is not in this folder, as opposed to damaged."""


def weights_folder() -> Path:
    """Return the folder of this user's fetched weights, which may not exist yet."""
    return cache_folder() / "weights"


def resolve(name: str) -> Path:
    """Return the local, verified file (or folder) of a weight, without network access.

    A file with the size and modification time of the receipt was verified when it was stored; any other is hashed
    again.

    Parameters
    ----------
    name : str
        For instance ``whisper-base``, see `list_weights`.

    Returns
    -------
    Path
        The weight's file, or its folder if it has several.

    Raises
    ------
    WeightsError
        If the name is unknown, or the weight was not fetched or is damaged.
    """
    return _find(name, thorough=False)


def verify(name: str) -> Path:
    """Hash every file of a weight again and return its path.

    Raises
    ------
    WeightsError
        If the weight is absent or a file differs from the fetched one.
    """
    return _find(name, thorough=True)


def fingerprint(name: str) -> str:
    """Return the SHA-256 of a weight for provenance: that of its file, or of the names and hashes of its files.

    Raises
    ------
    WeightsError
        As `resolve`.
    """
    path = resolve(name)
    weight = _weight(name)
    receipt = _read_receipt((path if weight.entry == "." else path.parent) / RECEIPT)
    if weight.entry != ".":
        return receipt.files[weight.entry].sha256
    lines = "".join(f"{file} {stored.sha256}\n" for file, stored in sorted(receipt.files.items()))
    return hashlib.sha256(lines.encode("utf-8")).hexdigest()


def list_weights() -> tuple[WeightStatus, ...]:
    """Return the state of every weight on this machine, in the order of the manifest."""
    return tuple(_status(weight) for weight in MANIFEST.values())


def fetch(name: str, *, progress: ProgressHook | None = None) -> Path:
    """Return a weight as `resolve` does, after a download if it is absent or damaged.

    Concurrent calls are serialised by a lock: the second process waits for the first and downloads nothing. The new
    folder replaces the old one with one rename, so a killed process leaves no partial weight.

    Parameters
    ----------
    name : str
        For instance ``whisper-base``.
    progress : callable (what, bytes so far, bytes in all or None), optional
        Called after every block.

    Raises
    ------
    WeightsError
        If the name is unknown, all sources failed (the message has the reason of each), or the cache cannot be written.
    """
    weight = _weight(name)
    root = weights_folder()
    try:
        root.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(root / f".{name}.lock"):
            try:
                return resolve(name)
            except WeightsError:
                _make(weight, root, progress=progress or (lambda what, done, total: None))
    except OSError as error:
        raise WeightsError(
            f"{name}: {error.filename or root} cannot be written ({error.strerror}); free space there or set "
            f"{CACHE_VARIABLE}"
        ) from error
    return verify(name)


def _weight(name: str) -> Weight:
    if name not in MANIFEST:
        raise WeightsError(f"there is no weight {name!r}; choose from {', '.join(MANIFEST)}")
    return MANIFEST[name]


def _users_folder() -> Path | None:
    named = os.environ.get(WEIGHTS_VARIABLE)
    return Path(named).expanduser() if named else None


def _find(name: str, *, thorough: bool) -> Path:
    weight = _weight(name)
    problem: WeightsError | None = None
    for root in (weights_folder(), _users_folder()):
        if root is None:
            continue
        try:
            return _check(weight, root / name, thorough=thorough)
        except _AbsentError:
            continue
        except WeightsError as error:
            problem = problem or error
    if problem is not None:
        raise WeightsError(f"{problem}; get it again with `mtmm-video weights fetch {name}`") from problem
    raise _AbsentError(f"the weight {name} is not on this machine; get it with `mtmm-video weights fetch {name}`")


def _status(weight: Weight) -> WeightStatus:
    try:
        path = resolve(weight.name)
    except _AbsentError:
        return WeightStatus(weight, "absent", None, "not fetched")
    except WeightsError as error:
        return WeightStatus(weight, "damaged", None, str(error))
    folder = path if weight.entry == "." else path.parent
    return WeightStatus(weight, "ready", path, f"from {_read_receipt(folder / RECEIPT).source}")


def _check(weight: Weight, folder: Path, *, thorough: bool) -> Path:
    """Return the path of a weight stored in `folder`, or raise an error with the problem."""
    if not (folder / RECEIPT).is_file():
        raise _AbsentError(f"{folder} has no {RECEIPT}")
    receipt = _read_receipt(folder / RECEIPT)
    source = _source_of(weight, receipt)
    if source is None:
        raise WeightsError(f"{folder} was made from files that this version of mtmm-video does not support")
    for file, pinned in source.outputs.items():
        if file not in receipt.files or receipt.files[file].sha256 != pinned:
            raise WeightsError(f"{folder / file} is not the pinned file")
    for file, stored in receipt.files.items():
        path = folder / file
        if not path.is_file():
            raise WeightsError(f"{path} is missing")
        stat = path.stat()
        unchanged = stat.st_size == stored.size and stat.st_mtime_ns == stored.modified_ns
        if (thorough or not unchanged) and sha256_of(path) != stored.sha256:
            raise WeightsError(f"{path} is damaged: its SHA-256 is not the one it was stored with")
    return folder if weight.entry == "." else folder / weight.entry


def _source_of(weight: Weight, receipt: _Receipt) -> WeightSource | None:
    for source in weight.sources:
        if receipt.conversion == source.conversion and receipt.raw == {file.name: file.sha256 for file in source.files}:
            return source
    return None


def _read_receipt(path: Path) -> _Receipt:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != RECEIPT_FORMAT:
            raise WeightsError(f"{path} was written by another version of mtmm-video")
        files = {name: _StoredFile(**stored) for name, stored in content["files"].items()}
        return _Receipt(content["source"], conversion=content["recipe"], raw=dict(content["raw"]), files=files)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise WeightsError(f"{path} is damaged ({error})") from error


def _make(weight: Weight, root: Path, *, progress: ProgressHook) -> None:
    """Build a weight in `root` from the first source that succeeds. The caller holds the weight's lock."""
    for leftover in root.glob(f".{weight.name}-*.partial"):  # of a killed process: a live one would hold the lock
        shutil.rmtree(leftover)
    users = _users_folder()
    failures: list[str] = []
    for source in weight.sources:
        if users is not None and all((users / weight.name / file.name).is_file() for file in source.files):
            with _work_folders(weight, root) as (raw, target):
                _copy_users_files(source, users / weight.name, raw)
                _finish(weight, source, raw, target, root)
            return
    for source in weight.sources:
        with _work_folders(weight, root) as (raw, target):
            try:
                collect(source, raw, progress=progress)
                _finish(weight, source, raw, target, root)
            except WeightsError as error:
                failures.append(f"{source.label}: {error}")
            else:
                return
    own = f"the folder {users / weight.name}: it lacks the files" if users else f"{WEIGHTS_VARIABLE}: not set"
    tried = "; ".join([own, *failures])
    raise WeightsError(
        f"no source has the weight {weight.name}. Tried {tried}. See docs/weights.md for manual installation"
    )


@contextmanager
def _work_folders(weight: Weight, root: Path) -> Iterator[tuple[Path, Path]]:
    work = root / f".{weight.name}-{uuid.uuid4().hex}.partial"
    raw, target = work / "raw", work / "target"
    try:
        raw.mkdir(parents=True)
        target.mkdir()
        yield raw, target
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _copy_users_files(source: WeightSource, folder: Path, raw: Path) -> None:
    for file in source.files:
        try:
            check_file(folder / file.name, file)
        except WeightsError as error:
            raise WeightsError(f"{folder / file.name}: {error}; replace it, or unset {WEIGHTS_VARIABLE}") from error
        shutil.copyfile(folder / file.name, raw / file.name)


def _finish(weight: Weight, source: WeightSource, raw: Path, target: Path, root: Path) -> None:
    """Convert verified files, write the receipt, and rename the folder to its final place."""
    convert(source, raw, target)
    files = {}
    for path in sorted(target.iterdir()):
        digest, stat = sha256_of(path), path.stat()
        if path.name in source.outputs and digest != source.outputs[path.name]:
            raise WeightsError(
                f"{path.name}: the conversion gave SHA-256 {digest}, but {source.outputs[path.name]} is pinned"
            )
        files[path.name] = {"sha256": digest, "size": stat.st_size, "modified_ns": stat.st_mtime_ns}
    receipt = {
        "format": RECEIPT_FORMAT,
        "name": weight.name,
        "licence": weight.licence,
        "source": source.label,
        "recipe": source.conversion,
        "raw": {file.name: file.sha256 for file in source.files},
        "files": files,
    }
    write_text(target / RECEIPT, json.dumps(receipt, indent=1) + "\n")
    final = root / weight.name
    if final.exists():
        final.rename(target.parent / "damaged")
    target.rename(final)
