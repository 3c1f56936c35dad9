"""One video through every step: what `mtmm-video analyze` does, as plain Python without Prefect."""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from mtmm_video.foundation.cores import available_cores, set_torch_threads, torch_threads
from mtmm_video.foundation.errors import InputError, MediaError
from mtmm_video.foundation.files import remove_unfinished
from mtmm_video.foundation.graphics import CPU, graphics_processor
from mtmm_video.foundation.loading import forget_models
from mtmm_video.foundation.memory import release_freed_memory
from mtmm_video.foundation.version import __version__
from mtmm_video.pipeline.analysis import Analysis, LabelledUtterance
from mtmm_video.pipeline.graph import GOAL, Step, steps_towards
from mtmm_video.pipeline.job import Hook, Job, MissingArtefactError, StepResult, no_hook
from mtmm_video.pipeline.media.last_waveform import last_waveform
from mtmm_video.pipeline.media.silence import LONG_RECORDING
from mtmm_video.pipeline.options import AnalyzeOptions
from mtmm_video.pipeline.provenance import Provenance
from mtmm_video.pipeline.quality import absent_columns, flags_of, notes_of
from mtmm_video.pipeline.reports.json_reader import read_report
from mtmm_video.pipeline.reports.writers import write_reports
from mtmm_video.pipeline.retrying import with_retries
from mtmm_video.pipeline.scheduling import run_graph
from mtmm_video.pipeline.step_keys import STEP_KEYS
from mtmm_video.pipeline.store.artefacts import (
    load_features,
    load_prediction,
    load_source,
    load_speech,
    load_transcript,
    load_utterance_notes,
    load_utterances,
)
from mtmm_video.pipeline.store.local import Store

# The libraries whose version can change a number in the report.
PACKAGES = (
    "ai-edge-litert",
    "av",
    "ctranslate2",
    "gensim",
    "librosa",
    "numba",
    "numpy",
    "openai-whisper",
    "opencv-python-headless",
    "scipy",
    "torch",
)


def analyze(
    path: Path | str,
    *,
    out: Path | str | None = None,
    options: AnalyzeOptions | None = None,
    store: Store | None = None,
    hook: Hook = no_hook,
) -> Analysis:
    """Analyse one video: words, utterances, features, labels, reports.

    Parameters
    ----------
    path : Path or str
        Any file with a picture, sound, or both that ffmpeg reads.
    out : Path or str, optional
        Folder for the reports ``<name>.json``, ``<name>.csv`` and so on. None writes none.
    options : AnalyzeOptions, optional
        What the user chose; the defaults otherwise.
    store : Store, optional
        Where artefacts are kept between runs; the user's cache folder otherwise.
    hook : Hook, optional
        Called as steps begin, go on and end.

    Returns
    -------
    Analysis

    Raises
    ------
    MediaError
        If the file cannot be decoded.
    WeightsError
        If a pretrained weight is not on this machine.
    CheckpointError
        If the model is damaged or was trained on other features.
    StoreError
        If the store or the output folder cannot be written.

    Examples
    --------
    >>> import mtmm_video
    >>> analysis = mtmm_video.analyze("talk.mp4", out="out")  # doctest: +SKIP
    >>> analysis.utterances[0].prediction.sentiment  # doctest: +SKIP
    'positive'
    """
    job = Job.prepare(Path(path), options=options or AnalyzeOptions(), store=store or Store.default())
    with job.store.locked(job.content):
        return finish(job, run_steps(job, hook=hook), out=None if out is None else Path(out), hook=hook)


def steps_of(job: Job, *, goal: str = GOAL) -> tuple[Step, ...]:
    """Return the steps that a job asks for on the way to a goal, in topological order."""
    return tuple(step for step in steps_towards(goal) if STEP_KEYS[step.name].applies(job))


def run_step(
    step: Step,
    job: Job,
    results: Mapping[str, StepResult],
    *,
    hook: Hook = no_hook,
    threads: int = 1,
    shared: bool = False,
) -> StepResult:
    """Run one step, or take its artefact from the store.

    Parameters
    ----------
    step : Step
    job : Job
    results : mapping of str to StepResult
        Of the steps that ran before, by name. A needed step that is missing does not apply to the job.
    hook : Hook
        Told when the step begins, how far it is, and when it has its artefact.
    threads : int
        Processor threads that it may use.
    shared : bool
        Whether other steps run beside it: some then have a process of their own (`Step.apart`).

    Raises
    ------
    MissingArtefactError
        If the job only reads the store and the artefact is not there.
    MtmmError
        As the step raises it.
    """
    key = STEP_KEYS[step.name]
    inputs = {name: results[name] for name in step.needs if name in results}
    keys = {name: inputs[name].key if name in inputs else "none" for name in step.needs}
    parameters = {**keys, **key.parameters(job)}

    def make(path: Path) -> None:
        # The extractors' libraries take seconds to load; an analysis that finds all in the store does without them.
        from mtmm_video.pipeline.step_run import StepRun  # noqa: PLC0415
        from mtmm_video.pipeline.steps import maker  # noqa: PLC0415

        artefacts = {name: result.path for name, result in inputs.items()}
        run = StepRun(job, artefacts, path, lambda share: hook(step.name, share=share), threads)
        # py-feat starts a process itself, with threads of its own; an embedded Python has no program to start.
        if shared and step.apart and job.options.visual != "pyfeat" and sys.executable:
            from mtmm_video.pipeline.step_process import run_apart  # noqa: PLC0415

            run_apart(step.name, run)
            return
        write = maker(step.name)
        set_torch_threads(threads)
        write(run)
        if "media" in artefacts and run.source().duration > LONG_RECORDING:
            forget_models()  # half of its memory; the next video reads them again in a second
        release_freed_memory()  # 0.13 GB of the peak, which comes with the last encoders (docs/performance.md)

    def device() -> str:
        found = (graphics_processor() if step.gpu else None) or CPU
        if found != CPU and step.name == "transcript":
            from mtmm_video.pipeline.recogniser import recognition_device  # noqa: PLC0415 (imports whisper)

            return CPU if recognition_device(job) == CPU else found
        return found

    hook(step.name)
    result = job.step(
        step.name, version=key.version, parameters=parameters, suffix=key.suffix, make=make, device=device
    )
    hook(step.name, result.path)
    return result


def run_steps(
    job: Job,
    *,
    goal: str = GOAL,
    hook: Hook = no_hook,
    cores: int | None = None,
    around: Callable[[Step], AbstractContextManager[None]] = lambda _step: nullcontext(),
) -> dict[str, StepResult]:
    """Run the steps of a job up to a goal and return their results by name.

    Parameters
    ----------
    job : Job
    goal : str
        Name of the last step.
    hook : Hook
        Told how each step goes on, from the thread that it runs in.
    cores : int, optional
        Processor cores to share; `foundation.cores.available_cores` by default. The results do not depend on it.
    around : callable
        Gives a context for each step to run in.
    """
    cores = cores or available_cores()
    shared = cores > 1

    def start(step: Step, results: Mapping[str, StepResult], threads: int, report: Hook) -> StepResult:
        with around(step):
            return with_retries(lambda: run_step(step, job, results, hook=report, threads=threads, shared=shared))

    before = torch_threads()
    try:
        return run_graph(steps_of(job, goal=goal), start, cores=cores, hook=hook)
    finally:
        last_waveform.forget()
        set_torch_threads(before or available_cores())  # of the program that this one is part of


def stored_results(job: Job) -> dict[str, StepResult] | None:
    """Return the results of all steps from the store, or None where one is missing."""
    results: dict[str, StepResult] = {}
    try:
        for step in steps_of(job):
            results[step.name] = run_step(step, replace(job, stored_only=True), results)
    except MissingArtefactError:
        return None
    return results


def finish(job: Job, results: Mapping[str, StepResult], *, out: Path | None, hook: Hook = no_hook) -> Analysis:
    """Put the artefacts of all steps together and write the reports, where a folder is given."""
    analysis = assemble(job, results)
    if out is not None:
        hook("reports")
        report(job, analysis, out=out)
    return analysis


def assemble(job: Job, results: Mapping[str, StepResult]) -> Analysis:
    """Put the artefacts of all steps together.

    Parameters
    ----------
    job : Job
    results : mapping of str to StepResult
        By step name, as `run_steps` returns them.
    """
    source = load_source(results["media"].path, name=job.name, video=job.video)
    utterances = load_utterances(results["utterances"].path)
    features, quality = load_features(results["features"].path, video_id=source.name)
    prediction = load_prediction(results["prediction"].path)
    speech = load_speech(results["speech"].path)
    languages = load_transcript(results["transcript"].path).spans if "transcript" in results else ()
    translated = job.options.translate
    absent = [name for entry in features.modalities.values() for name in absent_columns(entry.names, entry.valid)]
    return Analysis(
        source=source,
        utterances=tuple(
            LabelledUtterance(
                utterance=utterance,
                prediction=predicted,
                flags=flags_of(utterance, quality=figures, source=source, languages=languages, translated=translated),
                quality=figures,
                uncertain=predicted.confidence < job.options.min_confidence,
            )
            for utterance, predicted, figures in zip(utterances, prediction.utterances, quality, strict=True)
        ),
        features=features,
        prediction=prediction,
        provenance=_provenance(job, results.values(), tracks=source.tracks),
        notes=(
            *notes_of(
                source,
                utterances=len(utterances),
                spoken=float((speech[:, 1] - speech[:, 0]).sum()),
                absent=absent,
                visual=job.options.visual,
                languages=languages,
                translated=translated,
                part=job.options.part,
            ),
            *load_utterance_notes(results["utterances"].path),
        ),
    )


def report(job: Job, analysis: Analysis, *, out: Path) -> dict[str, Path]:
    """Write the reports of an analysis into `out` and return their paths by format."""
    remove_unfinished(out)
    _refuse_other_video(job, out / f"{analysis.source.name}.json")
    options = job.options
    preview = None
    if "html" in options.formats and analysis.source.has_video:
        from mtmm_video.pipeline.media.preview import preview_for  # noqa: PLC0415 (loads the decoder)

        with suppress(MediaError):  # the page itself says where a browser cannot play the file
            preview = preview_for(job.video, out / f"{analysis.source.name}.preview.mp4")
    return write_reports(
        analysis,
        folder=out,
        formats=options.formats,
        video=job.video,
        embed=options.embed,
        preview=preview,
        plain=options.plain,
        csv_raw=options.csv_raw,
        csv_excel=options.csv_excel,
    )


def _refuse_other_video(job: Job, existing: Path) -> None:
    """Refuse to overwrite the report of another file that has the same name; one of the same file is replaced.

    Raises
    ------
    InputError
        If the report at `existing` is of another content and of another path.
    """
    try:
        found = read_report(existing).source
    except InputError:
        return  # none, or nothing that could be lost
    if found.sha256 != job.content and Path(found.path).resolve() != job.video.resolve():
        raise InputError(
            f"{existing}: is the report of another video ({found.path}); choose another --out, or delete the report"
        )


def _provenance(job: Job, results: Iterable[StepResult], *, tracks: int) -> Provenance:
    return Provenance(
        version=__version__,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        options=job.options.recorded(),
        weights=dict(job.fingerprints),
        model={
            "name": job.specification.name,
            "sha256": job.checkpoint_sha256,
            **job.specification.versions,
            **({"trained_on": job.specification.trained_on} if job.specification.trained_on else {}),
        },
        packages={"python": platform.python_version()} | {name: importlib.metadata.version(name) for name in PACKAGES},
        steps=tuple(result.record for result in results),
        speakers="channels" if tracks > 1 and job.speaker_source == "voices" else job.speaker_source,
    )
