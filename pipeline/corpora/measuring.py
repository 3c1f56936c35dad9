"""Measuring the utterances of one labelled file with the steps of an analysis: a model is trained on what it is served.

The bounds are the annotators'. Words that the corpus gives lie over the speech that is detected inside the bounds;
words are recognised only where the corpus gives none.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtmm_video.extractors.speech.word_times import fill_times
from mtmm_video.extractors.speech.words import Word
from mtmm_video.model.features import VideoFeatures
from mtmm_video.model.word_features import WordFeatures
from mtmm_video.pipeline.corpora.spoken_words import load_words, measure_words
from mtmm_video.pipeline.job import Hook, Job, StepResult, no_hook
from mtmm_video.pipeline.options import AnalyzeOptions
from mtmm_video.pipeline.quality import Quality, flags_of
from mtmm_video.pipeline.run import run_step, steps_of
from mtmm_video.pipeline.store.artefacts import (
    load_features,
    load_source,
    load_speech,
    load_transcript,
    load_utterances,
    save_utterances,
)
from mtmm_video.pipeline.store.local import Store
from mtmm_video.pipeline.utterance import Utterance

SEGMENTS_VERSION = "1"  # of the utterances that this module lays out


@dataclass(frozen=True)
class Segment:
    """A segment that an annotator labelled: what is known of an utterance before it is measured.

    Attributes
    ----------
    start, end : float or None
        Seconds in the file; None for the whole of it.
    text, speaker : str or None
        None where unknown.
    """

    start: float | None = None
    end: float | None = None
    text: str | None = None
    speaker: str | None = None


@dataclass(frozen=True)
class MeasuredFile:
    """The utterances of one file as they were measured.

    Attributes
    ----------
    features : VideoFeatures
        One row per segment, in their order.
    words : WordFeatures
        Of the same utterances.
    utterances : tuple of Utterance
        Their words and bounds.
    quality : tuple of Quality
        One per segment.
    flags : tuple of tuple of str
        One per segment, see `pipeline.analysis.FLAGS`.
    language : str or None
        As recognised; None where nothing had to be recognised.
    duration : float
        Of the file in seconds.
    """

    features: VideoFeatures
    words: WordFeatures
    utterances: tuple[Utterance, ...]
    quality: tuple[Quality, ...]
    flags: tuple[tuple[str, ...], ...]
    language: str | None
    duration: float


def measure_file(
    file: Path,
    segments: Sequence[Segment],
    *,
    options: AnalyzeOptions,
    store: Store | None = None,
    hook: Hook = no_hook,
    stored_only: bool = False,
) -> MeasuredFile:
    """Measure every segment of a file.

    Parameters
    ----------
    file : Path
        Sound, video, or both.
    segments : sequence of Segment
        The annotators' utterances.
    options : AnalyzeOptions
        Recogniser, language, what looks at faces, and the checkpoint whose columns are measured.
    store : Store, optional
        Where artefacts are kept between runs; the user's cache folder otherwise.
    hook : Hook, optional
        Called as steps begin and go on.
    stored_only : bool
        Whether a missing artefact is an error and not work to do.

    Raises
    ------
    MissingArtefactError
        If only the store was to be read and something is not there.
    MediaError
        If the file cannot be decoded.
    WeightsError, CheckpointError, StoreError
        As `pipeline.analyze`.
    """
    # Who speaks is the annotators' to say, and their times are those of the file.
    options = dataclasses.replace(options, speakers="none", speaker_names=(), channels="mix")
    job = Job.prepare(file, options=options, store=store or Store.default())
    if stored_only:
        job = dataclasses.replace(job, stored_only=True)
    with job.store.locked(job.content):
        results: dict[str, StepResult] = {}
        wanted = {step.name: step for step in steps_of(job, goal="features")}
        for name in ("media", "speech"):
            results[name] = run_step(wanted.pop(name), job, results, hook=hook)
        source = load_source(results["media"].path, name=job.name, video=file)
        recognise = wanted.pop("transcript")
        if source.has_audio and any(segment.text is None for segment in segments):
            results["transcript"] = run_step(recognise, job, results, hook=hook)
        wanted.pop("utterances")
        results["utterances"] = lay_out(job, segments, results=results)
        for step in wanted.values():
            results[step.name] = run_step(step, job, results, hook=hook)
        features, quality = load_features(results["features"].path, video_id=source.name)
        words = load_words(measure_words(job, results).path)
        spoken = load_utterances(results["utterances"].path)
    flags = (flags_of(each, quality=figures, source=source) for each, figures in zip(spoken, quality, strict=True))
    heard = load_transcript(results["transcript"].path).language if "transcript" in results else None
    return MeasuredFile(features, words, spoken, quality, tuple(flags), heard, source.duration)


def lay_out(job: Job, segments: Sequence[Segment], *, results: Mapping[str, StepResult]) -> StepResult:
    """Give every segment its words: the step ``segments``, in place of cutting recognised words into utterances."""
    heard = results.get("transcript")
    parameters: Mapping[str, Any] = {
        "media": results["media"].key,
        "speech": results["speech"].key,
        "transcript": None if heard is None else heard.key,
        "segments": [dataclasses.astuple(segment) for segment in segments],
    }

    def make(path: Path) -> None:
        utterances = place(
            segments,
            speech=load_speech(results["speech"].path),
            heard=() if heard is None else load_transcript(heard.path).words,
            duration=load_source(results["media"].path, name=job.name, video=job.video).duration,
        )
        save_utterances(path, utterances)

    return job.step("segments", version=SEGMENTS_VERSION, parameters=parameters, suffix="json", make=make)


def place(
    segments: Sequence[Segment], *, speech: NDArray[np.float64], heard: Sequence[Word], duration: float
) -> tuple[Utterance, ...]:
    """Bound every segment and lay its words out.

    Parameters
    ----------
    segments : sequence of Segment
        In any order; they may overlap where two people speak at once.
    speech : ndarray, shape (n, 2)
        Detected speech in seconds.
    heard : sequence of Word
        Recognised words; one belongs to the segment that its middle lies in.
    duration : float
        Of the file in seconds.

    Returns
    -------
    tuple of Utterance
        One per segment, in their order. A whole file is bounded by the speech in it. Where no word is known, the
        segment is one word without letters: what is heard and seen in it counts, and it has no text.
    """
    found = []
    for index, segment in enumerate(segments):
        start, end = segment.start or 0.0, duration if segment.end is None else segment.end
        inside = speech[(speech[:, 1] > start) & (speech[:, 0] < end)]
        spoken = (max(start, inside[0, 0]), min(end, inside[-1, 1])) if len(inside) else (start, end)
        if segment.start is None:
            start, end = spoken
        if segment.text is None:
            words = tuple(word for word in heard if start <= (word.start + word.end) / 2 < end)
        else:
            tokens = [token for token in segment.text.split() if any(letter.isalnum() for letter in token)]
            words = fill_times(tokens, [None] * len(tokens), start=spoken[0], end=spoken[1])
        found.append(
            Utterance(
                index=index,
                start=float(start),
                end=float(end),
                text=" ".join(word.text for word in words) if segment.text is None else segment.text,
                words=words or (Word(text="", start=float(spoken[0]), end=float(spoken[1])),),
                speaker=segment.speaker,
            )
        )
    return tuple(found)
