"""One video through every step: what `mtmm-video analyze` does, as plain Python without Prefect."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from mtmm_video.foundation.files import sha256_of
from mtmm_video.foundation.version import __version__
from mtmm_video.model.checkpoint import load_checkpoint
from mtmm_video.pipeline import steps
from mtmm_video.pipeline.analysis import Analysis, LabelledUtterance
from mtmm_video.pipeline.job import Hook, Job, MissingArtefactError, StepResult, no_hook
from mtmm_video.pipeline.options import AnalyzeOptions
from mtmm_video.pipeline.provenance import Provenance
from mtmm_video.pipeline.quality import absent_columns, flags_of, notes_of
from mtmm_video.pipeline.reports.writers import write_reports
from mtmm_video.pipeline.store.artefacts import load_features, load_prediction, load_utterances
from mtmm_video.pipeline.store.local import Store, load_json, remove_unfinished

# The libraries whose version can change a number in the report.
PACKAGES = ("av", "gensim", "librosa", "mediapipe", "numpy", "openai-whisper", "scipy", "torch")


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
    chosen = options or AnalyzeOptions()
    job = Job.prepare(Path(path), options=chosen, store=store or Store.default())
    with job.store.locked(job.content):
        results = run_steps(job, hook=hook)
        analysis = assemble(job, results)
        if out is not None:
            hook("reports")
            report(job, analysis, out=Path(out))
    return analysis


def run_steps(job: Job, *, hook: Hook = no_hook) -> dict[str, StepResult]:
    """Run every step of a job in order and return their results by name."""
    results: dict[str, StepResult] = {}

    def note(result: StepResult) -> StepResult:
        results[result.record.name] = result
        hook(result.record.name, result.path)
        return result

    hook("media")
    media = note(steps.media(job, hook=hook))
    transcript = None
    if job.options.transcript is None:
        hook("transcript")
        transcript = note(steps.transcript(job, media, hook=hook))
    hook("utterances")
    utterances = note(steps.utterances(job, transcript, hook=hook))
    hook("acoustic")
    acoustic = note(steps.acoustic(job, media, hook=hook))
    hook("voice")
    voice = note(steps.voice(job, media, utterances, hook=hook))
    visual = None
    if job.options.visual != "none":
        hook("visual")
        visual = note(steps.visual(job, media, hook=hook))
    hook("text")
    text = note(steps.text(job, utterances, hook=hook))
    hook("features")
    features = note(
        steps.features(
            job,
            media=media,
            utterances=utterances,
            acoustic=acoustic,
            voice=voice,
            visual=visual,
            text=text,
            hook=hook,
        )
    )
    hook("prediction")
    note(steps.prediction(job, features, hook=hook))
    return results


def is_finished(job: Job) -> bool:
    """Tell whether every step's artefact lies in the store, so that only the reports are left to write."""
    try:
        run_steps(replace(job, stored_only=True))
    except MissingArtefactError:
        return False
    return True


def assemble(job: Job, results: dict[str, StepResult]) -> Analysis:
    """Put the artefacts of all steps together.

    Parameters
    ----------
    job : Job
    results : dict of str to StepResult
        By step name, as `run_steps` returns them.
    """
    source = steps.load_source(job, results["media"])
    utterances = load_utterances(results["utterances"].path)
    features, quality = load_features(results["features"].path, video_id=source.name)
    prediction = load_prediction(results["prediction"].path)
    speech: Sequence[Sequence[float]] = load_json(results["media"].path)["speech"]
    absent = [name for entry in features.modalities.values() for name in absent_columns(entry.names, entry.valid)]
    return Analysis(
        source=source,
        utterances=tuple(
            LabelledUtterance(
                utterance=utterance,
                prediction=predicted,
                flags=flags_of(utterance, quality=figures, source=source),
                quality=figures,
            )
            for utterance, predicted, figures in zip(utterances, prediction.utterances, quality, strict=True)
        ),
        features=features,
        prediction=prediction,
        provenance=_provenance(job, results.values()),
        notes=notes_of(
            source,
            utterances=len(utterances),
            spoken=sum(end - start for start, end in speech),
            absent=absent,
            visual=job.options.visual,
        ),
    )


def report(job: Job, analysis: Analysis, *, out: Path) -> dict[str, Path]:
    """Write the reports of an analysis into `out` and return their paths by format."""
    remove_unfinished(out, stem=analysis.source.name)
    options = job.options
    return write_reports(
        analysis, folder=out, formats=options.formats, video=job.video, embed=options.embed, plain=options.plain
    )


def _provenance(job: Job, results: Iterable[StepResult]) -> Provenance:
    specification = load_checkpoint(job.checkpoint).specification
    return Provenance(
        version=__version__,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        options=job.options.recorded(),
        weights=dict(job.fingerprints),
        model={"name": specification.name, "sha256": sha256_of(job.checkpoint), **specification.versions},
        packages={"python": platform.python_version()} | {name: importlib.metadata.version(name) for name in PACKAGES},
        steps=tuple(result.record for result in results),
    )
