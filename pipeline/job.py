"""`Job`: one video with everything that is settled before its first step runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from mtmm_video.foundation.errors import MediaError, MtmmError
from mtmm_video.foundation.files import atomic_path, sha256_of
from mtmm_video.foundation.graphics import CPU
from mtmm_video.foundation.names import report_name
from mtmm_video.model.checkpoint_file import load_specification, resolve_checkpoint
from mtmm_video.model.specification import Specification
from mtmm_video.pipeline.options import AnalyzeOptions
from mtmm_video.pipeline.provenance import StepRecord
from mtmm_video.pipeline.store.local import Making, Store, hash_video, mark_used, unreadable
from mtmm_video.pipeline.transcripts.reading import names_speakers
from mtmm_video.pipeline.weights import resolution

SENTENCE_WEIGHTS = "mpnet-base-v2"  # of `extractors.text.sentence_encoder`
VOICE_WEIGHTS = "whisper-base"  # of `extractors.acoustic.whisper_states`, whichever whisper recognises the words
SPEAKER_WEIGHTS = "speaker-networks"  # of `extractors.speech.diarization`
# The pretrained weights of the extractors whose columns a checkpoint may take, by the extractor's name.
EXTRACTOR_WEIGHTS = {"mpnet-base-v2": SENTENCE_WEIGHTS, "whisper-base-layer-3": VOICE_WEIGHTS}


class Hook(Protocol):
    """Called as an analysis goes on: for progress bars, debugging and timing alike. Calls may come from any thread."""

    def __call__(self, step: str, artefact: Path | None = None, *, share: float | None = None) -> None:
        """Note that a step began (only its name), is at a `share` of its work in [0, 1], or gave its artefact."""


def no_hook(step: str, artefact: Path | None = None, *, share: float | None = None) -> None:
    """Do nothing: the default hook."""


@dataclass(frozen=True)
class StepResult:
    """What a step hands to the next: the path of its artefact, never arrays.

    Attributes
    ----------
    path : Path
        The artefact in the store. Its name holds the step's version and the hash of all that decided it, so a later
        step that takes the name among its parameters depends on all earlier ones.
    record : StepRecord
        For provenance.
    """

    path: Path
    record: StepRecord

    @property
    def key(self) -> str:
        """The artefact's identity among those of the same video."""
        return self.path.stem


class MissingArtefactError(Exception):
    """A step has no artefact yet; raised for jobs that only read the store."""


@dataclass(frozen=True)
class Job:
    """One video and how it is to be analysed. Making one fails early: on a missing file, weight or checkpoint.

    Attributes
    ----------
    video : Path
        The file.
    name : str
        What its reports are called.
    content : str
        SHA-256 of the file.
    options : AnalyzeOptions
        As the user chose.
    store : Store
        Where artefacts go.
    weights : mapping of str to Path
        The pretrained weights that the options need, verified.
    fingerprints : mapping of str to str
        SHA-256 of each of them.
    checkpoint : Path
        The model.
    checkpoint_sha256 : str
        Of that file.
    specification : Specification
        What the model was trained on; its weights are loaded by the step that predicts, alone.
    transcript_sha256 : str or None
        Of the transcript file, where one is given.
    stamp : (int, int)
        Size in bytes and time of change in nanoseconds of the file when it was hashed.
    stored_only : bool
        Whether a missing artefact is an error (`MissingArtefactError`) and not work to do.
    speaker_source : str
        Where the speakers come from: ``transcript`` where it names any, ``voices`` or ``none``.
    """

    video: Path
    name: str
    content: str
    options: AnalyzeOptions
    store: Store
    weights: Mapping[str, Path]
    fingerprints: Mapping[str, str]
    checkpoint: Path
    checkpoint_sha256: str
    specification: Specification
    transcript_sha256: str | None
    stamp: tuple[int, int]
    stored_only: bool = False
    speaker_source: str = "none"

    @property
    def channels(self) -> str:
        """How the channels are analysed, see `AnalyzeOptions.channels`; a transcript's words have no channel."""
        return "mix" if self.options.transcript is not None else self.options.channels

    @classmethod
    def prepare(
        cls,
        video: Path,
        *,
        options: AnalyzeOptions,
        store: Store,
        content: str | None = None,
        name: str | None = None,
    ) -> Job:
        """Settle everything that can be settled without decoding.

        Parameters
        ----------
        video : Path
        options : AnalyzeOptions
        store : Store
        content : str, optional
            SHA-256 of the file, where the caller has just computed it.
        name : str, optional
            What the reports are called; the file name without its last suffix where not given.

        Raises
        ------
        MediaError
            If there is no such file, or it cannot be read.
        InputError
            If the transcript cannot be read.
        WeightsError
            If a weight that the options need is not on this machine.
        CheckpointError
            If there is no such checkpoint.
        StoreError
            If the shared tier of the store does not answer, refuses access or is not there.
        DependencyError
            If the package for the shared tier is not installed.
        """
        stamp = _stamp(video)
        content = content or hash_video(video)
        transcript_sha256 = None
        speaker_source = "none" if options.speakers == "none" else "voices"
        if options.transcript is not None:
            if names_speakers(options.transcript):  # which refuses what has no end, such as a pipe
                speaker_source = "transcript"
            transcript_sha256 = sha256_of(options.transcript)
        checkpoint = resolve_checkpoint(options.model)
        specification = load_specification(checkpoint)
        needed = needed_weights(options, specification=specification)
        names = [name for name in needed if name != SPEAKER_WEIGHTS or speaker_source == "voices"]
        if store.shared is not None:
            store.shared.check()
        return cls(
            video=video,
            name=report_name(name or video.stem),
            content=content,
            options=options,
            store=store,
            weights={name: resolution.resolve(name) for name in names},
            fingerprints={name: resolution.fingerprint(name) for name in names},
            checkpoint=checkpoint,
            checkpoint_sha256=sha256_of(checkpoint),
            specification=specification,
            transcript_sha256=transcript_sha256,
            speaker_source=speaker_source,
            stamp=stamp,
        )

    def step(
        self,
        name: str,
        *,
        version: str,
        parameters: Mapping[str, Any],
        suffix: str,
        make: Callable[[Path], None],
        device: Callable[[], str] = lambda: CPU,
    ) -> StepResult:
        """Give a step's artefact: the stored one, else the one that `make` writes.

        Parameters
        ----------
        name, version : str
            Of the step.
        parameters : mapping
            All that decides the result beside the video: options, keys of earlier steps, versions of extractors.
        suffix : str
            "json" or "safetensors".
        make : callable
            Writes the artefact to the path it is given, whole or not at all.
        device : callable
            Returns what `make` computed on, for provenance.

        Raises
        ------
        MediaError
            If the video was changed since it was hashed: what was measured would lie under the wrong content.
        StoreError
            If the store cannot be written, or its shared tier does not answer.
        """
        path = self.store.path(self.content, step=name, version=version, parameters=parameters, suffix=suffix)
        start = time.perf_counter()
        # The shared tier is asked only by an analysis that runs: a look at what is stored must not wait for a network.
        reused = self.options.cache and (path.is_file() if self.stored_only else self.store.holds(path))
        if reused:
            mark_used(path)
        else:
            if self.stored_only:
                raise MissingArtefactError(str(path))
            try:
                with atomic_path(path) as unfinished:
                    make(unfinished)
                    if self.video.exists() and _stamp(self.video) != self.stamp:
                        raise MediaError(
                            f"{self.video}: was changed while it was analysed; analyse it again when it is complete"
                        )
                    # Before the artefact is there: a process killed in between would leave one that nobody made.
                    self.store.record_making(path, Making(round(time.perf_counter() - start, 3), device()))
            except MtmmError as error:
                if str(self.video) in str(error):
                    raise
                raise type(error)(f"{self.video}: {name}: {error}") from error
            self.store.publish(path)
        making = self.store.making_of(path)
        return StepResult(path, StepRecord(name, version, making.seconds, reused, making.device))


def _stamp(video: Path) -> tuple[int, int]:
    try:
        status = video.stat()
    except OSError as error:
        raise unreadable(video, error) from error
    return status.st_size, status.st_mtime_ns


def needed_weights(options: AnalyzeOptions, *, specification: Specification) -> tuple[str, ...]:
    """Return the names of the pretrained weights that an analysis with these options and this checkpoint uses."""
    names = {"glove-6b-50d"}
    if options.transcript is None:
        names.add(f"whisper-{options.asr}")
    if options.visual == "mediapipe":
        names.add("face-landmarker")
    if options.speakers != "none":
        names.add(SPEAKER_WEIGHTS)
    names |= {EXTRACTOR_WEIGHTS[name] for name in specification.extractors if name in EXTRACTOR_WEIGHTS}
    return tuple(sorted(names))
