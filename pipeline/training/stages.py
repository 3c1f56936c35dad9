"""Stages of making a model: each writes one file, and is run again only where something that decides the file changed.

A list of stages is a build graph in the manner of Make (Feldman, Software: Practice and Experience 1979), with digests
of content in place of times. Beside each output lies ``OUTPUT.stage.json`` with its stage's fingerprint and its
SHA-256.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any

from mtmm_video.foundation.errors import DataError, InputError, StoreError
from mtmm_video.foundation.files import atomic_path, sha256_of, write_text
from mtmm_video.foundation.version import __version__
from mtmm_video.pipeline.weights import resolution

RECORD_SUFFIX = ".stage.json"
STATE_SUFFIX = ".state"

Progress = Callable[[int, int, str], None]  # units done, units in all, a few words


def no_progress(done: int, total: int, text: str) -> None:
    """Show nothing."""


@dataclass(frozen=True)
class StageRun:
    """What the function of a stage works with.

    Attributes
    ----------
    output : Path
        The file to write; it becomes the stage's output when the function returns.
    state : Path
        A file for partial results. It outlives an interrupted run and is removed at the end of a finished one.
    inputs : mapping of str to Path
        Outputs of the needed stages, by the stages' names.
    sources : mapping of str to Path
        Files and folders of the stage's `sources`.
    weights : mapping of str to Path
        Pretrained weights, by their names in the manifest.
    report : callable
        Called with units done, units in all, and a few words.
    """

    output: Path
    state: Path
    inputs: Mapping[str, Path]
    sources: Mapping[str, Path]
    weights: Mapping[str, Path]
    report: Progress = no_progress


@dataclass(frozen=True)
class Stage:
    """One file to be made, and all that decides its content.

    Attributes
    ----------
    name : str
        For the command line and for other stages' `needs`.
    output : str
        File name, in the folder of the outputs.
    make : callable
        Writes the file; called with a `StageRun` and `settings` as keyword arguments.
    needs : tuple of str
        Stages whose outputs it reads.
    sources : mapping of str to Path
        Files and folders from elsewhere that it reads.
    weights : tuple of str
        Pretrained weights that it reads, by their names in the manifest.
    settings : mapping
        Keyword arguments of `make`: numbers, strings, sequences, mappings and dataclasses of them.
    versions : tuple of str
        Of the code that computes the content, extractors included.
    """

    name: str
    output: str
    make: Callable[..., None]
    needs: tuple[str, ...] = ()
    sources: Mapping[str, Path] = field(default_factory=dict)
    weights: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    versions: tuple[str, ...] = ()


class StageGraph:
    """Stages with the folder of their outputs.

    Parameters
    ----------
    stages : sequence of Stage
        Each after those that it needs.
    folder : Path
        Where the outputs go.

    Raises
    ------
    ValueError
        If two stages have one name or one output, or a stage stands before one that it needs.
    """

    def __init__(self, stages: Sequence[Stage], *, folder: Path) -> None:
        self.stages: dict[str, Stage] = {}
        for stage in stages:
            absent = [name for name in stage.needs if name not in self.stages]
            if absent:
                raise ValueError(f"stage {stage.name!r} needs {', '.join(absent)}, which must stand before it")
            if stage.name in self.stages or stage.output in {other.output for other in self.stages.values()}:
                raise ValueError(f"two stages are named {stage.name!r} or write {stage.output!r}")
            self.stages[stage.name] = stage
        self.folder = folder

    def output(self, name: str) -> Path:
        """Return the path of a stage's output, whether or not it is there."""
        return self.folder / self.stages[name].output

    def upto(self, target: str | None) -> list[Stage]:
        """Return a stage and those that it needs, in order; all stages for None.

        Raises
        ------
        InputError
            If there is no stage of that name.
        """
        if target is None:
            return list(self.stages.values())
        if target not in self.stages:
            raise InputError(f"--stage {target}: no such stage; choose one of {', '.join(self.stages)}")
        wanted = {target}
        for stage in reversed(self.stages.values()):
            if stage.name in wanted:
                wanted.update(stage.needs)
        return [stage for stage in self.stages.values() if stage.name in wanted]

    def fingerprint(self, name: str) -> str:
        """Return a digest of all that decides a stage's output; the outputs it needs must be there.

        Raises
        ------
        DataError
            If an input or a source is missing.
        WeightsError
            If a pretrained weight is not on this machine.
        """
        stage = self.stages[name]
        content = {
            "stage": stage.name,
            "versions": stage.versions,
            "settings": dict(stage.settings),
            "inputs": {need: content_digest(self.output(need)) for need in stage.needs},
            "sources": {source: content_digest(path) for source, path in stage.sources.items()},
            "weights": {weight: content_digest(resolution.resolve(weight)) for weight in stage.weights},
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True, default=_plain).encode()).hexdigest()

    def is_current(self, name: str) -> bool:
        """Return whether a stage's output is what the stage would write again.

        The outputs that it needs are taken as they are; see `outdated` for the whole chain.
        """
        if not all(self.output(need).is_file() for need in self.stages[name].needs):
            return False
        return self._holds(self.output(name), self.fingerprint(name))

    def outdated(self, target: str | None = None) -> list[Stage]:
        """Return the stages that `run` would make for a target, in order, if every output that is made anew differs."""
        found: dict[str, Stage] = {}
        for stage in self.upto(target):
            if any(need in found for need in stage.needs) or not self.is_current(stage.name):
                found[stage.name] = stage
        return list(found.values())

    def run(self, name: str, *, progress: Progress = no_progress) -> bool:
        """Make a stage's output unless it is current; the stages that it needs must have been run.

        Parameters
        ----------
        name : str
            Of the stage.
        progress : callable
            Called as often as the stage has something to report.

        Returns
        -------
        bool
            Whether it was made now.

        Raises
        ------
        StoreError
            If a file that no stage made is in the way.
        MtmmError
            From the stage's function: a missing corpus, weight or column.
        """
        stage, output = self.stages[name], self.output(name)
        fingerprint = self.fingerprint(name)
        if self._holds(output, fingerprint):
            return False
        if output.is_file() and not _record_path(output).is_file():
            raise StoreError(f"{output}: is there and was not made by stage {name!r}; move it, or choose another --out")
        started = time.monotonic()
        state = output.with_name(f".{output.name}{STATE_SUFFIX}")
        with atomic_path(output) as temporary:
            stage.make(
                StageRun(
                    output=temporary,
                    state=state,
                    inputs={need: self.output(need) for need in stage.needs},
                    sources=stage.sources,
                    weights={weight: resolution.resolve(weight) for weight in stage.weights},
                    report=progress,
                ),
                **stage.settings,
            )
            record = {
                "stage": name,
                "fingerprint": fingerprint,
                "sha256": sha256_of(temporary),
                "seconds": round(time.monotonic() - started, 1),
                "mtmm_video": __version__,
            }
            # Before the output takes its place: a file without a record is then never one of ours.
            write_text(_record_path(output), json.dumps(record, indent=1))
        state.unlink(missing_ok=True)
        return True

    @staticmethod
    def _holds(output: Path, fingerprint: str) -> bool:
        if not output.is_file():
            return False
        record = _read_record(output)
        return record.get("fingerprint") == fingerprint and record.get("sha256") == content_digest(output)


def _record_path(output: Path) -> Path:
    return output.with_name(output.name + RECORD_SUFFIX)


def _read_record(output: Path) -> dict[str, Any]:
    path = _record_path(output)
    if not path.is_file():
        return {}
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StoreError(f"{path}: cannot be read ({error}); remove it to have {output.name} made again") from error
    return record if isinstance(record, dict) else {}


def content_digest(path: Path) -> str:
    """Return a SHA-256 of a file, or of the names and contents of all files below a folder.

    Raises
    ------
    DataError
        If there is nothing at that path.
    """
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file())
        content = [(file.relative_to(path).as_posix(), content_digest(file)) for file in files]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()
    if not path.is_file():
        raise DataError(f"{path}: no such file or folder; --data names the folder of the corpora, see docs/plus.md")
    status = path.stat()
    return _file_digest(path, status.st_size, status.st_mtime_ns)


@cache
def _file_digest(path: Path, size: int, modified_ns: int) -> str:
    """Hash a file once a process, as long as its size and time of change stay."""
    return sha256_of(path)


def _plain(value: object) -> Any:
    """Turn a setting into what JSON has."""
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    raise TypeError(f"a stage's setting is a {type(value).__name__}, which has no fingerprint: {value!r}")
