"""Checks whether this machine meets the requirements of an analysis, with advice."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from mtmm_video.foundation.errors import MtmmError
from mtmm_video.foundation.folders import cache_folder
from mtmm_video.foundation.memory import free_memory
from mtmm_video.pipeline.store.shared import URL_VARIABLE, SharedStore

GIBI = 1 << 30
LEAST_DISK = 2 * GIBI  # about 0.5 GiB of weights, and the artefacts and audio of a few hours of video
LEAST_MEMORY = 3 * GIBI  # upper bound of whisper base, the word vectors and the feature extractors together
SERVER_TIMEOUT = 2.0  # seconds to wait for the configured Prefect server


@dataclass(frozen=True)
class Check:
    """The result of one check.

    Attributes
    ----------
    name : str
    state : str
        "ok"; "note" if analyses work with limitations; "problem" if they do not work.
    detail : str
        The finding.
    advice : str
        How to solve it; empty for "ok".
    """

    name: str
    state: Literal["ok", "note", "problem"]
    detail: str
    advice: str = ""


def examine() -> Iterator[Check]:
    """Run all checks, the slow ones last.

    Yields
    ------
    Check
        At least one per subject. An exception in a check is reported as a problem and does not stop the others.
    """
    subjects: tuple[tuple[str, Callable[[], Iterator[Check]]], ...] = (
        ("python", _python),
        ("disk", _disk),
        ("memory", _memory),
        ("ffmpeg", _ffmpeg),
        ("prefect", _prefect),
        ("shared store", _shared_store),
        ("weights", _weights),
        ("gpu", _gpu),
    )
    for name, subject in subjects:
        try:
            yield from subject()
        except Exception as error:  # any failure on this machine is a finding
            yield Check(
                name, "problem", f"{type(error).__name__}: {error}", "reinstall mtmm-video in a new environment"
            )


def _python() -> Iterator[Check]:
    yield Check("python", "ok", f"{platform.python_version()} at {sys.executable}, {os.cpu_count()} cores")


def _disk() -> Iterator[Check]:
    folder = cache_folder()
    there = next(place for place in (folder, *folder.parents) if place.exists())
    free = shutil.disk_usage(there).free
    detail = f"{free / GIBI:.1f} GiB free for {folder}"
    if not os.access(there, os.W_OK):
        yield Check("disk", "problem", f"{there} cannot be written", "choose another cache folder with MTMM_CACHE_DIR")
    elif free < LEAST_DISK:
        yield Check(
            "disk", "problem", detail, f"free {LEAST_DISK / GIBI:.0f} GiB or choose a folder with MTMM_CACHE_DIR"
        )
    else:
        yield Check("disk", "ok", detail)


def _memory() -> Iterator[Check]:
    free = free_memory()
    if free is None:
        yield Check("memory", "note", "the free memory of this system is unknown", "analyses need about 3 GiB")
    elif free < LEAST_MEMORY:
        advice = "close other programs, or use --asr tiny.en, which needs less"
        yield Check("memory", "note", f"{free / GIBI:.1f} GiB free", advice)
    else:
        yield Check("memory", "ok", f"{free / GIBI:.1f} GiB free")


def _ffmpeg() -> Iterator[Check]:
    import av  # noqa: PLC0415

    yield Check("ffmpeg", "ok", f"libraries {av.ffmpeg_version_info} of PyAV {importlib.metadata.version('av')}")


def _prefect() -> Iterator[Check]:
    version = importlib.metadata.version("prefect")
    address = os.environ.get("PREFECT_API_URL")
    if not address:
        yield Check("prefect", "ok", f"{version}, its own server with --verbose (PREFECT_API_URL is not set)")
        return
    parts = urlsplit(address)
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
        with socket.create_connection((parts.hostname or "", port), timeout=SERVER_TIMEOUT):
            pass
    except (OSError, ValueError) as error:
        advice = "start it with `prefect server start`, or unset PREFECT_API_URL to use a private one"
        yield Check("prefect", "problem", f"{version}; no server responds at {address} ({error})", advice)
    else:
        yield Check("prefect", "ok", f"{version}, server at {address}")


def _shared_store() -> Iterator[Check]:
    shared = SharedStore.from_environment()
    if shared is None:
        yield Check("shared store", "ok", f"none; finished steps stay on this machine ({URL_VARIABLE} is not set)")
        return
    try:
        shared.check()
    except MtmmError as error:
        yield Check("shared store", "problem", str(error), f"see docs/scale.md, or unset {URL_VARIABLE}")
    else:
        yield Check("shared store", "ok", f"{shared.url} responds")


def _weights() -> Iterator[Check]:
    from mtmm_video.model.checkpoint_file import load_specification, resolve_checkpoint  # noqa: PLC0415
    from mtmm_video.pipeline.job import needed_weights  # noqa: PLC0415
    from mtmm_video.pipeline.options import AnalyzeOptions  # noqa: PLC0415
    from mtmm_video.pipeline.weights.resolution import list_weights  # noqa: PLC0415

    options = AnalyzeOptions()
    needed = needed_weights(options, specification=load_specification(resolve_checkpoint(options.model)))
    for status in list_weights():
        weight = status.weight.name
        if status.weight.by_name and status.state == "absent":
            continue  # most people never want it
        if status.state == "ready":
            yield Check(f"weight {weight}", "ok", str(status.path))
        else:
            by_default = weight in needed
            detail = status.detail if status.state == "damaged" else "not on this machine"
            purpose = "needed by every analysis" if by_default else "only needed with other options"
            yield Check(
                f"weight {weight}",
                "problem" if by_default else "note",
                f"{detail}; {purpose}",
                f"mtmm-video weights fetch {weight}",
            )


def _missing_for_recognition() -> str | None:
    from mtmm_video.extractors.speech.ctranslate2_engine import missing_library  # noqa: PLC0415 (imports whisper)

    return missing_library()


def _gpu() -> Iterator[Check]:
    import torch  # noqa: PLC0415

    if torch.cuda.is_available():
        free, total = torch.cuda.mem_get_info()
        name = torch.cuda.get_device_name()
        yield Check("gpu", "ok", f"{name}, {free / GIBI:.0f} of {total / GIBI:.0f} GiB free")
        if importlib.util.find_spec("ctranslate2") and (library := _missing_for_recognition()) is not None:
            yield Check(
                "recognition on the gpu",
                "note",
                f"CTranslate2 needs {library}, which is not found; words are recognised on the processor",
                "pip install nvidia-cublas-cu12, or analyze --asr-engine openai-whisper",
            )
    else:
        yield Check(
            "gpu", "ok", "none; analyses run on the processor, about a quarter as long as the video on two cores"
        )
