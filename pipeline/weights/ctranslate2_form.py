"""The form of a model that CTranslate2 reads, made from the verified weight on this machine.

What is fetched and pinned is one form: whisper's tensors as openai-whisper has them (`pipeline.weights.conversion`),
because the voice columns need them in full, and the sentence encoder as published, because training starts from it. The
other one follows from it without a network, so it is made when it is first needed, in a few seconds, and kept in the
cache. It is named after the SHA-256 of all that it is made from and the library's version; a changed file is made
again.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import uuid
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import filelock

from mtmm_video.extractors.text.names import DELTA, VOCABULARY_FILE
from mtmm_video.foundation.errors import WeightsError
from mtmm_video.foundation.files import sha256_of, write_text
from mtmm_video.foundation.folders import CACHE_VARIABLE, cache_folder
from mtmm_video.pipeline.weights import resolution
from mtmm_video.pipeline.weights.manifest import MPNET_BASE_V2

FORM = 1  # raise when a specification changes
WHISPER_QUANTIZATIONS = {"cpu": "int8", "cuda": "float16"}  # by device
# On disk; it computes in float32. In int8 it takes half the time and a quarter of the memory, but a text's vector then
# depends on the texts beside it and on the processor's instructions: cosines of .997, 2.3 % of the labels differ.
SENTENCE_QUANTIZATION = "float16"
# Takes a weight, the folder to write to, and a quantization of CTranslate2.
Write = Callable[[Path, Path, str], None]
SIZES = "sizes.json"  # beside the files: their sizes in bytes and times of change, written last


def whisper_form(name: str, *, device: str) -> Path:
    """Return the folder of a whisper weight in CTranslate2's form; it is made where it is missing or was changed.

    Parameters
    ----------
    name : str
        For instance ``whisper-base``.
    device : str
        "cpu" (int8) or "cuda" (float16).

    Raises
    ------
    WeightsError
        If the weight is not on this machine, or the cache cannot be written.
    """
    digest, quantization = resolution.fingerprint(name), WHISPER_QUANTIZATIONS[device]
    return _form(name, digest=digest, quantization=quantization, write=_write_whisper)


def sentence_form(name: str) -> Path:
    """Return the folder of the tuned sentence encoder in CTranslate2's form, as `whisper_form`.

    Parameters
    ----------
    name : str
        ``mpnet-base-v2``; the folder holds its vocabulary, too.

    Raises
    ------
    WeightsError
        As `whisper_form`.
    """
    parts = resolution.fingerprint(name) + sha256_of(DELTA)
    digest = hashlib.sha256(parts.encode("ascii")).hexdigest()
    return _form(name, digest=digest, quantization=SENTENCE_QUANTIZATION, write=_write_sentence)


def prepare_form(name: str) -> None:
    """Make the form that analyses on this machine read, if the weight has one, so that the first of them need not.

    Raises
    ------
    WeightsError
        As `whisper_form`.
    """
    if name == MPNET_BASE_V2.name:
        sentence_form(name)
    elif name.startswith("whisper-"):
        from mtmm_video.extractors.speech.ctranslate2_engine import device  # noqa: PLC0415 (imports whisper)

        whisper_form(name, device=device())


def _form(name: str, *, digest: str, quantization: str, write: Write) -> Path:
    weight = resolution.resolve(name)
    root = cache_folder() / "ctranslate2"
    folder = root / f"{name}-{digest[:16]}-{quantization}-{version('ctranslate2')}-{FORM}"
    if _is_whole(folder):
        return folder
    try:
        root.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(root / f".{folder.name}.lock"):
            if not _is_whole(folder):
                _make(weight, folder, quantization=quantization, write=write)
    except OSError as error:
        raise WeightsError(
            f"{name}: {root} cannot be written ({error.strerror}); free space there or set {CACHE_VARIABLE}"
        ) from error
    return folder


def _is_whole(folder: Path) -> bool:
    try:
        stamps = json.loads((folder / SIZES).read_text(encoding="utf-8"))
        return bool(stamps == _stamps(folder))
    except (OSError, ValueError):
        return False


def _stamps(folder: Path) -> dict[str, list[int]]:
    paths = sorted(path for path in folder.iterdir() if path.name != SIZES)
    return {path.name: [path.stat().st_size, path.stat().st_mtime_ns] for path in paths}


def _make(weight: Path, folder: Path, *, quantization: str, write: Write) -> None:
    """Convert into a folder beside and rename it. The caller holds the lock, so what is unfinished has no owner."""
    for leftover in folder.parent.glob(f".{folder.name}-*.partial"):
        shutil.rmtree(leftover)
    work = folder.parent / f".{folder.name}-{uuid.uuid4().hex}.partial"
    work.mkdir()
    try:
        write(weight, work, quantization)
        write_text(work / SIZES, json.dumps(_stamps(work)))
        if folder.exists():
            shutil.rmtree(folder)
        work.rename(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _write_whisper(weight: Path, folder: Path, quantization: str) -> None:
    from mtmm_video.pipeline.weights.whisper_specification import whisper_specification  # noqa: PLC0415 (once a machine)

    _save(whisper_specification(weight), folder, quantization)


def _write_sentence(weight: Path, folder: Path, quantization: str) -> None:
    from mtmm_video.pipeline.weights.sentence_specification import sentence_specification  # noqa: PLC0415

    _save(sentence_specification(weight), folder, quantization)
    shutil.copyfile(weight / VOCABULARY_FILE, folder / VOCABULARY_FILE)


def _save(specification: Any, folder: Path, quantization: str) -> None:
    specification.validate()
    specification.optimize(quantization=quantization)
    specification.save(str(folder))
