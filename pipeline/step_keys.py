"""What decides the artefact of each step of `pipeline.graph`, apart from the functions of `pipeline.steps`.

A step's artefact is named after everything that decided it: the step's version, its parameters, and the artefacts of
the steps it needs. A change of one option therefore reruns only what depends on it. A step's version is raised when its
own code changes what it writes; the versions of the extractors are among its parameters. An analysis that finds every
artefact in the store needs no more than this module, which loads none of the extractors' libraries.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mtmm_video.extractors.acoustic.columns import COVAREP_VERSION, VOICE_VERSION
from mtmm_video.extractors.versions import (
    CHANNEL_SPEAKERS_VERSION,
    DIARIZATION_VERSION,
    SPEECH_VERSION,
    VOICE_ACTIVITY_VERSION,
    VOICE_FACES_VERSION,
)
from mtmm_video.extractors.visual.names import FACET_VERSION
from mtmm_video.extractors.visual.sampling import DEFAULT_SAMPLING_RATE, LONGEST_SIDE
from mtmm_video.extractors.visual.tracks import TRACKS_VERSION
from mtmm_video.model.features import extractor_names
from mtmm_video.pipeline.averaging import AVERAGING_VERSION
from mtmm_video.pipeline.job import SENTENCE_WEIGHTS, SPEAKER_WEIGHTS, VOICE_WEIGHTS, Job
from mtmm_video.pipeline.part import part_parameters
from mtmm_video.pipeline.segmentation import SEGMENTATION_VERSION
from mtmm_video.pipeline.speaker_names import SPEAKER_NAMES_VERSION
from mtmm_video.pipeline.transcripts.reading import TRANSCRIPTS_VERSION
from mtmm_video.pipeline.trust import prediction_parameters
from mtmm_video.pipeline.weights.ctranslate2_form import SENTENCE_QUANTIZATION


@dataclass(frozen=True)
class StepKey:
    """What decides a step's artefact beside the video and the artefacts it needs.

    Attributes
    ----------
    suffix : str
        "json" or "safetensors".
    parameters : callable
        Options, versions of extractors, weights.
    version : str
        Raised when the step's own code changes what it writes.
    applies : callable
        Whether the job asks for the step at all.
    """

    suffix: str
    parameters: Callable[[Job], Mapping[str, Any]]
    version: str = "1"
    applies: Callable[[Job], bool] = lambda _job: True


def _text_parameters(job: Job) -> Mapping[str, Any]:
    columns = job.specification.columns.get("text")
    return {
        "columns": list(columns.names) if columns else [],
        "version": columns.version if columns else "",
        "glove": job.fingerprints["glove-6b-50d"],
        "sentence": job.fingerprints.get(SENTENCE_WEIGHTS, ""),
        "sentence_form": SENTENCE_QUANTIZATION if SENTENCE_WEIGHTS in job.fingerprints else "",
    }


STEP_KEYS: Mapping[str, StepKey] = {
    "media": StepKey(
        "json",
        version="5",
        parameters=lambda job: {
            "channels": job.channels,
            "rule": CHANNEL_SPEAKERS_VERSION,
        },
    ),
    "speech": StepKey(
        "json",
        parameters=lambda job: {"vad": VOICE_ACTIVITY_VERSION, **part_parameters(job)},
    ),
    "transcript": StepKey(
        "json",
        parameters=lambda job: {
            "speech": SPEECH_VERSION,
            "engine": job.options.recogniser(),
            "language": job.options.language or "auto",
            "translate": job.options.translate,
            "weights": job.fingerprints[f"whisper-{job.options.asr}"],
        },
        applies=lambda job: job.options.transcript is None,
    ),
    "speakers": StepKey(
        "json",
        parameters=lambda job: {
            "diarization": DIARIZATION_VERSION,
            "count": job.options.speaker_count,
            "weights": job.fingerprints[SPEAKER_WEIGHTS],
        },
        applies=lambda job: job.speaker_source == "voices",
    ),
    "utterances": StepKey(
        "json",
        version="2",
        parameters=lambda job: {
            "segmentation": SEGMENTATION_VERSION,
            "file": job.transcript_sha256,
            "transcripts": None if job.transcript_sha256 is None else TRANSCRIPTS_VERSION,
            "assignment": SPEAKER_NAMES_VERSION,
            "speaker_names": list(job.options.speaker_names),
            **part_parameters(job),
        },
    ),
    "acoustic": StepKey(
        "safetensors",
        parameters=lambda job: {"covarep": COVAREP_VERSION, **part_parameters(job)},
    ),
    "voice": StepKey(
        "safetensors",
        parameters=lambda job: {"voice": VOICE_VERSION, "weights": job.fingerprints[VOICE_WEIGHTS]},
        applies=lambda job: set(extractor_names(VOICE_VERSION)) <= job.specification.extractors,
    ),
    "visual": StepKey(
        "safetensors",
        parameters=lambda job: {
            "backend": job.options.visual,
            "tracks": TRACKS_VERSION,
            "rate": DEFAULT_SAMPLING_RATE,
            "longest_side": LONGEST_SIDE,
            "weights": job.fingerprints.get("face-landmarker"),  # py-feat has weights of its own
            **part_parameters(job),
        },
        applies=lambda job: job.options.visual != "none",
    ),
    "text": StepKey(
        "safetensors",
        parameters=_text_parameters,
    ),
    "features": StepKey(
        "safetensors",
        version="4",
        parameters=lambda _job: {"averaging": AVERAGING_VERSION, "facet": FACET_VERSION, "voices": VOICE_FACES_VERSION},
    ),
    "prediction": StepKey(
        "safetensors",
        version="4",
        parameters=prediction_parameters,
    ),
}
