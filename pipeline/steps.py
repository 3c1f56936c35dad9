"""The steps of an analysis, in the order of the sentence: each takes paths and writes one artefact.

A step's artefact is named after everything that decided it (`Job.step`), the artefacts of earlier steps included, so a
change of one option reruns only what depends on it. A step's version is raised when its own code changes what it
writes; the versions of the extractors are among its parameters.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from mtmm_video.extractors.acoustic import COVAREP_NAMES, COVAREP_VERSION, covarep
from mtmm_video.extractors.acoustic.whisper_states import VOICE_VERSION
from mtmm_video.extractors.frame import Frame
from mtmm_video.extractors.speech.recognition import SPEECH_VERSION, transcribe
from mtmm_video.extractors.speech.voice_activity import VOICE_ACTIVITY_VERSION, detect_speech
from mtmm_video.extractors.speech.words import Word
from mtmm_video.extractors.stream import FeatureStream
from mtmm_video.extractors.visual import (
    DEFAULT_SAMPLING_RATE,
    FACET_NAMES,
    FACET_VERSION,
    LONGEST_SIDE,
    FaceChoice,
    VisualTracks,
    choose_face,
    pyfeat_backend,
    track_faces,
)
from mtmm_video.extractors.visual.tracks import TRACKS_VERSION
from mtmm_video.foundation.files import sha256_of
from mtmm_video.model.checkpoint import load_checkpoint
from mtmm_video.model.features import Modality, ModalityFeatures, VideoFeatures, beside
from mtmm_video.model.prediction import predict
from mtmm_video.pipeline.averaging import AVERAGING_VERSION, average_words
from mtmm_video.pipeline.job import VOICE_WEIGHTS, Hook, Job, StepResult, no_hook
from mtmm_video.pipeline.media.reading import probe, read_frames, read_waveform
from mtmm_video.pipeline.quality import measure_quality
from mtmm_video.pipeline.segmentation import SEGMENTATION_VERSION, segment
from mtmm_video.pipeline.source import Source
from mtmm_video.pipeline.store.artefacts import (
    load_features,
    load_modality,
    load_stream,
    load_utterances,
    save_features,
    save_modality,
    save_prediction,
    save_stream,
    save_utterances,
)
from mtmm_video.pipeline.store.local import load_arrays, load_json, save_arrays, save_json
from mtmm_video.pipeline.text_features import text_features
from mtmm_video.pipeline.transcripts.reading import read_transcript
from mtmm_video.pipeline.utterance import Utterance
from mtmm_video.pipeline.voice_features import no_voice, voice_features

SAMPLE_RATE = 16_000  # Hz, of everything that listens


def media(job: Job, *, hook: Hook = no_hook) -> StepResult:
    """Probe the file and find where somebody speaks.

    Raises
    ------
    MediaError
        If the file is no video or sound that can be decoded.
    """

    def make(path: Path) -> None:
        info = probe(job.video)
        speech = np.zeros((0, 2))
        if info.has_audio:
            speech = detect_speech(read_waveform(job.video, sample_rate=SAMPLE_RATE), sample_rate=SAMPLE_RATE)
        source = Source(
            name="",
            path="",
            sha256=job.content,
            duration=info.duration,
            has_audio=info.has_audio,
            has_video=info.has_video,
            width=info.width,
            height=info.height,
            frame_rate=info.frame_rate,
        )
        save_json(path, {"source": dataclasses.asdict(source), "speech": speech.tolist()})

    return job.step("media", version="1", parameters={"vad": VOICE_ACTIVITY_VERSION}, suffix="json", make=make)


def load_source(job: Job, media: StepResult) -> Source:
    """Return the `Source` of a job from its media artefact: the facts are the content's, name and path the job's."""
    facts = load_json(media.path)["source"]
    return Source(**{**facts, "name": job.name, "path": str(job.video)})


def transcript(job: Job, media: StepResult, *, hook: Hook = no_hook) -> StepResult:
    """Recognise the words; where the user gave a transcript, there is nothing to recognise."""
    options = job.options
    parameters = {"media": media.key, "speech": SPEECH_VERSION, "language": options.language or "auto"}
    parameters["weights"] = job.fingerprints[f"whisper-{options.asr}"]

    def make(path: Path) -> None:
        speech = np.array(load_json(media.path)["speech"], dtype=np.float64).reshape(-1, 2)
        if not len(speech):
            save_json(path, {"language": options.language, "words": []})
            return
        heard = transcribe(
            read_waveform(job.video, sample_rate=SAMPLE_RATE),
            sample_rate=SAMPLE_RATE,
            model=job.weights[f"whisper-{options.asr}"],
            language=options.language,
            speech=speech,
            hook=lambda share: hook("transcript", share=share),
        )
        save_json(path, {"language": heard.language, "words": [dataclasses.asdict(word) for word in heard.words]})

    return job.step("transcript", version="1", parameters=parameters, suffix="json", make=make)


def utterances(job: Job, transcript: StepResult | None, *, hook: Hook = no_hook) -> StepResult:
    """Cut the words into utterances; those of the user's transcript where one was given."""
    parameters = {"segmentation": SEGMENTATION_VERSION}
    if transcript is None:
        parameters |= {"file": str(job.transcript_sha256)}
    else:
        parameters |= {"transcript": transcript.key}

    def make(path: Path) -> None:
        if transcript is None:
            assert job.options.transcript is not None
            save_utterances(path, read_transcript(job.options.transcript))
        else:
            words = tuple(Word(**word) for word in load_json(transcript.path)["words"])
            save_utterances(path, segment(words))

    return job.step("utterances", version="1", parameters=parameters, suffix="json", make=make)


def acoustic(job: Job, media: StepResult, *, hook: Hook = no_hook) -> StepResult:
    """Measure the 74 COVAREP columns over the whole recording."""

    def make(path: Path) -> None:
        if load_json(media.path)["source"]["has_audio"]:
            waveform = read_waveform(job.video, sample_rate=SAMPLE_RATE)
            save_stream(path, covarep(waveform, sample_rate=SAMPLE_RATE))
        else:
            save_stream(path, _empty_stream(COVAREP_NAMES, COVAREP_VERSION))

    return job.step("acoustic", version="1", parameters={"covarep": COVAREP_VERSION}, suffix="safetensors", make=make)


def voice(job: Job, media: StepResult, utterances: StepResult, *, hook: Hook = no_hook) -> StepResult:
    """Hear how each utterance is said, where the checkpoint was trained on it; else nothing is heard."""
    asked = load_checkpoint(job.checkpoint).specification.takes("voice_")
    parameters = {"voice": VOICE_VERSION if asked else "none"}
    if asked:
        parameters |= {"utterances": utterances.key, "weights": job.fingerprints[VOICE_WEIGHTS]}

    def make(path: Path) -> None:
        if not asked:
            none = np.zeros((0, 0))
            save_modality(path, ModalityFeatures(none.astype(np.float32), none.astype(np.bool_), (), VOICE_VERSION))
            return
        spoken = load_utterances(utterances.path)
        heard = no_voice(len(spoken))
        if spoken and load_json(media.path)["source"]["has_audio"]:
            heard = voice_features(
                read_waveform(job.video, sample_rate=SAMPLE_RATE),
                sample_rate=SAMPLE_RATE,
                spans=[(each.start, each.end) for each in spoken],
                model=job.weights[VOICE_WEIGHTS],
            )
        save_modality(path, heard)

    return job.step("voice", version="1", parameters=parameters, suffix="safetensors", make=make)


def visual(job: Job, media: StepResult, *, hook: Hook = no_hook) -> StepResult:
    """Find and follow every face of the video."""
    parameters = {
        "backend": job.options.visual,
        "tracks": TRACKS_VERSION,
        "rate": DEFAULT_SAMPLING_RATE,
        "longest_side": LONGEST_SIDE,
        "weights": job.fingerprints.get("face-landmarker"),  # py-feat has weights of its own
    }

    def make(path: Path) -> None:
        source = load_source(job, media)
        frames: Iterator[Frame] = iter(())
        if source.has_video:
            sampled = read_frames(job.video, rate=DEFAULT_SAMPLING_RATE, longest_side=LONGEST_SIDE)
            frames = _watched(sampled, source.duration, hook)
        if job.options.visual == "pyfeat":
            tracks = pyfeat_backend.track_faces(frames)
        else:
            tracks = track_faces(frames, landmarker=job.weights["face-landmarker"])
        arrays, metadata = tracks.to_arrays()
        save_arrays(path, arrays, metadata=metadata)

    return job.step("visual", version="1", parameters=parameters, suffix="safetensors", make=make)


def text(job: Job, utterances: StepResult, *, hook: Hook = no_hook) -> StepResult:
    """Compute the text columns that the checkpoint was trained on."""
    columns = load_checkpoint(job.checkpoint).specification.columns.get("text")
    names = columns.names if columns else ()
    parameters = {
        "utterances": utterances.key,
        "columns": list(names),
        "version": columns.version if columns else "",
        "glove": job.fingerprints["glove-6b-50d"],
        "minilm": job.fingerprints.get("minilm-l6-v2", ""),
    }

    def make(path: Path) -> None:
        found = text_features(
            [utterance.text for utterance in load_utterances(utterances.path)],
            columns=names,
            glove=job.weights["glove-6b-50d"],
            sentence=job.weights.get("minilm-l6-v2"),
        )
        save_modality(path, found.features, more={"out_of_vocabulary": found.out_of_vocabulary})

    return job.step("text", version="1", parameters=parameters, suffix="safetensors", make=make)


def features(
    job: Job,
    *,
    media: StepResult,
    utterances: StepResult,
    acoustic: StepResult,
    voice: StepResult,
    visual: StepResult | None,
    text: StepResult,
    hook: Hook = no_hook,
) -> StepResult:
    """Average every modality over words, then over the utterance, and judge how well each was measured."""
    parameters = {
        "averaging": AVERAGING_VERSION,
        "media": media.key,
        "utterances": utterances.key,
        "acoustic": acoustic.key,
        "voice": voice.key,
        "visual": visual.key if visual else "none",
        "facet": FACET_VERSION,
        "text": text.key,
    }

    def make(path: Path) -> None:
        source = load_source(job, media)
        spoken = load_utterances(utterances.path)
        sound = load_stream(acoustic.path)
        text_columns, more = load_modality(text.path)
        modalities: dict[Modality, ModalityFeatures] = {"text": text_columns}
        if source.has_audio:
            modalities["acoustic"] = average_words(sound, spoken)
            heard, _ = load_modality(voice.path)
            if heard.names:
                modalities["acoustic"] = beside([modalities["acoustic"], heard])
        faces: list[FaceChoice | None] = [None] * len(spoken)
        if visual is not None and source.has_video:
            speech = np.array(load_json(media.path)["speech"], dtype=np.float64).reshape(-1, 2)
            tracks = VisualTracks.from_arrays(*load_arrays(visual.path))
            chosen = [choose_face(tracks, start=each.start, end=each.end, speech=speech) for each in spoken]
            faces = list(chosen)
            modalities["visual"] = _average_faces(chosen, spoken)
        quality = [
            measure_quality(
                utterance,
                source=source,
                acoustic=sound if source.has_audio else None,
                face=face,
                unknown_word_share=float(unknown),
            )
            for utterance, face, unknown in zip(spoken, faces, more["out_of_vocabulary"], strict=True)
        ]
        speakers = tuple(each.speaker or "" for each in spoken)
        save_features(path, VideoFeatures(video_id="", modalities=modalities, speakers=speakers), quality=quality)

    return job.step("features", version="2", parameters=parameters, suffix="safetensors", make=make)


def prediction(job: Job, features: StepResult, *, hook: Hook = no_hook) -> StepResult:
    """Label the utterances with the checkpoint."""
    parameters = {"features": features.key, "checkpoint": sha256_of(job.checkpoint)}

    def make(path: Path) -> None:
        video, _ = load_features(features.path, video_id=job.name)
        save_prediction(path, predict(load_checkpoint(job.checkpoint), video))

    return job.step("prediction", version="1", parameters=parameters, suffix="safetensors", make=make)


def _average_faces(faces: Sequence[FaceChoice], utterances: Sequence[Utterance]) -> ModalityFeatures:
    """Average each utterance over its own face: another utterance may show another person."""
    rows = [average_words(face.stream, [utterance]) for face, utterance in zip(faces, utterances, strict=True)]
    width = len(FACET_NAMES)
    return ModalityFeatures(
        values=np.concatenate([row.values for row in rows]) if rows else np.zeros((0, width), np.float32),
        valid=np.concatenate([row.valid for row in rows]) if rows else np.zeros((0, width), np.bool_),
        names=FACET_NAMES,
        version=rows[0].version if rows else FACET_VERSION,  # another backend's scale is another version
    )


def _empty_stream(names: Sequence[str], version: str) -> FeatureStream:
    shape = (0, len(names))
    return FeatureStream(np.zeros(0), np.zeros(shape), tuple(names), np.zeros(shape, np.bool_), version)


def _watched(frames: Iterable[Frame], duration: float, hook: Hook) -> Iterator[Frame]:
    """Pass frames on and tell the hook how far they have come."""
    for count, frame in enumerate(frames):
        if count % 10 == 0 and duration > 0:
            hook("visual", share=min(frame.time / duration, 1.0))
        yield frame
