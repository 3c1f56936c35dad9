"""The steps of an analysis: the function behind each name of `pipeline.graph`.

What decides a step's artefact stands in `pipeline.step_keys`, its version included: raise that when a function here
changes what it writes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mtmm_video.extractors.acoustic.columns import COVAREP_NAMES, COVAREP_VERSION
from mtmm_video.extractors.acoustic.covarep import covarep
from mtmm_video.extractors.frame import Frame
from mtmm_video.extractors.sample_rate import SAMPLE_RATE
from mtmm_video.extractors.speech.channel_speakers import speech_of_channels
from mtmm_video.extractors.speech.diarization import diarize
from mtmm_video.extractors.speech.recognition import transcribe
from mtmm_video.extractors.speech.speaker_turns import Diarization
from mtmm_video.extractors.speech.transcript import Transcript
from mtmm_video.extractors.speech.voice_activity import detect_speech
from mtmm_video.extractors.stream import FeatureStream
from mtmm_video.extractors.visual import pyfeat_backend
from mtmm_video.extractors.visual.sampling import DEFAULT_SAMPLING_RATE, LONGEST_SIDE
from mtmm_video.extractors.visual.speaker import FaceChoice
from mtmm_video.extractors.visual.tracking import track_faces
from mtmm_video.extractors.visual.tracks import VisualTracks
from mtmm_video.model.checkpoint import load_checkpoint
from mtmm_video.model.features import Modality, ModalityFeatures, VideoFeatures, hstack
from mtmm_video.model.prediction import predict
from mtmm_video.pipeline.averaging import average_faces, average_words
from mtmm_video.pipeline.job import SENTENCE_WEIGHTS, SPEAKER_WEIGHTS, VOICE_WEIGHTS
from mtmm_video.pipeline.media.presence import find_presence
from mtmm_video.pipeline.media.reading import probe, read_channels, read_frames
from mtmm_video.pipeline.part import (
    frames_inside,
    intervals_inside,
    utterances_inside,
    waveform_inside,
)
from mtmm_video.pipeline.quality import measure_quality
from mtmm_video.pipeline.recogniser import recognition_engine
from mtmm_video.pipeline.source import Source
from mtmm_video.pipeline.speaker_faces import choose_faces
from mtmm_video.pipeline.speaker_names import with_speakers, with_track_names
from mtmm_video.pipeline.step_run import StepRun
from mtmm_video.pipeline.store.artefacts import (
    load_diarization,
    load_features,
    load_modality,
    load_speech,
    load_stream,
    load_transcript,
    load_utterances,
    save_diarization,
    save_features,
    save_modality,
    save_prediction,
    save_source,
    save_speech,
    save_stream,
    save_transcript,
    save_utterances,
)
from mtmm_video.pipeline.store.local import load_arrays, save_arrays
from mtmm_video.pipeline.text_features import text_features
from mtmm_video.pipeline.tracks import count_tracks
from mtmm_video.pipeline.transcripts.reading import read_transcript
from mtmm_video.pipeline.trust import trusted_features
from mtmm_video.pipeline.voice_features import no_voice, voice_features
from mtmm_video.pipeline.weights.ctranslate2_form import sentence_form

Make = Callable[[StepRun], None]  # writes the artefact
MAKERS: dict[str, Make] = {}  # by the names of `pipeline.graph.STEPS`


def _step(make: Make) -> Make:
    """Register a function as the step of its name."""
    MAKERS[make.__name__] = make
    return make


@_step
def media(run: StepRun) -> None:
    """Probe the file: what it holds, and how much of what it claims is there.

    Raises
    ------
    MediaError
        If the file is no video or sound that can be decoded.
    """
    info = probe(run.job.video)
    presence = find_presence(run.job.video, info)
    source = Source(
        name="",
        path="",
        sha256=run.job.content,
        duration=presence.duration,
        has_audio=info.has_audio,
        has_video=info.has_video,
        width=info.width,
        height=info.height,
        frame_rate=info.frame_rate,
        claimed_duration=presence.claimed_duration,
        gaps=presence.gaps,
        remarks=presence.remarks,
        tracks=count_tracks(run.job.video, info, channels=run.job.channels),
    )
    save_source(run.path, source)


@_step
def speech(run: StepRun) -> None:
    """Find the intervals in which somebody speaks, within the part that is analysed."""
    source, tape = run.source(), run.tape()
    found: list[NDArray[np.float64]] = [np.zeros((0, 2))]
    if tape.tracks > 1:
        found = list(speech_of_channels(read_channels(run.job.video))[: tape.tracks])
    elif source.has_audio:
        found = [detect_speech(run.waveform(), sample_rate=SAMPLE_RATE)]
    inside = [intervals_inside(each, run.job, duration=source.duration) for each in found]
    save_speech(run.path, np.concatenate([each + tape.start_of(track) for track, each in enumerate(inside)]))


@_step
def transcript(run: StepRun) -> None:
    """Recognise the words, where the user gave no transcript."""
    options = run.job.options
    spoken = load_speech(run.inputs["speech"])
    heard = Transcript(words=(), language=options.language or "")
    if len(spoken):
        heard = transcribe(
            run.waveform(),
            sample_rate=SAMPLE_RATE,
            engine=recognition_engine(run.job, threads=run.threads),
            language=options.language,
            speech=spoken,
            hook=run.progress,
        )
    save_transcript(run.path, heard)


@_step
def speakers(run: StepRun) -> None:
    """Find out who speaks when."""
    spoken, tape = load_speech(run.inputs["speech"]), run.tape()
    found = Diarization.empty()
    if tape.tracks > 1:
        found = tape.diarization(spoken)
    elif len(spoken):
        networks = run.job.weights[SPEAKER_WEIGHTS]
        found = diarize(
            run.waveform(),
            sample_rate=SAMPLE_RATE,
            activity_model=networks / "activity.safetensors",
            encoder_model=networks / "encoder.safetensors",
            speech=spoken,
            speakers=run.job.options.speaker_count,
        )
    save_diarization(run.path, found)


@_step
def utterances(run: StepRun) -> None:
    """Segment the words into utterances, by pauses, sentences and speakers; those of the user's transcript if given."""
    if run.job.options.transcript is not None:
        given = read_transcript(run.job.options.transcript, duration=run.source().duration)
        found, notes = utterances_inside(given.utterances, run.job), given.notes
    else:
        found, notes = run.tape().utterances(load_transcript(run.inputs["transcript"]).words), ()
    if "speakers" in run.inputs:
        names = run.job.options.speaker_names
        if run.tape().tracks > 1:
            found = with_track_names(found, names=names)
        else:
            found = with_speakers(found, load_diarization(run.inputs["speakers"]).turns, names=names)
    save_utterances(run.path, found, notes=notes)


@_step
def acoustic(run: StepRun) -> None:
    """Measure the 74 COVAREP columns over the recording, or the part of it that is analysed."""
    stream = FeatureStream.empty(COVAREP_NAMES, version=COVAREP_VERSION)
    if run.source().has_audio:
        waveform, start = run.waveform(), 0.0
        if run.tape().tracks == 1:
            waveform, start = waveform_inside(waveform, run.job, sample_rate=SAMPLE_RATE)
        stream = covarep(waveform, sample_rate=SAMPLE_RATE)
        stream = replace(stream, times=stream.times + start)
    save_stream(run.path, stream)


@_step
def voice(run: StepRun) -> None:
    """Compute whisper's states of each utterance, where the checkpoint was trained on them."""
    spoken = load_utterances(run.inputs["utterances"])
    columns = no_voice(len(spoken))
    if spoken and run.source().has_audio:
        columns = voice_features(
            run.waveform(),
            sample_rate=SAMPLE_RATE,
            spans=[(each.start, each.end) for each in map(run.tape().on_tape, spoken)],
            model=run.job.weights[VOICE_WEIGHTS],
        )
    save_modality(run.path, columns)


@_step
def visual(run: StepRun) -> None:
    """Detect and track every face of the video."""
    source = run.source()
    frames: Iterator[Frame] = iter(())
    if source.has_video:
        sampled = read_frames(run.job.video, rate=DEFAULT_SAMPLING_RATE, longest_side=LONGEST_SIDE)
        frames = _reported(frames_inside(sampled, run.job), duration=source.duration, progress=run.progress)
    if run.job.options.visual == "pyfeat":
        tracks = pyfeat_backend.track_faces(frames)
    else:
        tracks = track_faces(frames, landmarker=run.job.weights["face-landmarker"])
    arrays, metadata = tracks.to_arrays()
    save_arrays(run.path, arrays, metadata=metadata)


@_step
def text(run: StepRun) -> None:
    """Compute the text columns that the checkpoint was trained on."""
    columns = run.job.specification.columns.get("text")
    found = text_features(
        [utterance.text for utterance in load_utterances(run.inputs["utterances"])],
        extractors=columns.extractors if columns else (),
        glove=run.job.weights["glove-6b-50d"],
        sentence=sentence_form(SENTENCE_WEIGHTS) if SENTENCE_WEIGHTS in run.job.weights else None,
        threads=run.threads,
    )
    save_modality(run.path, found.features, more={"out_of_vocabulary": found.out_of_vocabulary})


@_step
def features(run: StepRun) -> None:
    """Average every modality over words, then over the utterance, and measure how well each was measured."""
    source, tape = run.source(), run.tape()
    spoken = load_utterances(run.inputs["utterances"])
    sound = load_stream(run.inputs["acoustic"])
    text_columns, more = load_modality(run.inputs["text"])
    modalities: dict[Modality, ModalityFeatures] = {"text": text_columns}
    if source.has_audio:
        modalities["acoustic"] = average_words(sound, [tape.on_tape(utterance) for utterance in spoken])
        if "voice" in run.inputs:
            modalities["acoustic"] = hstack([modalities["acoustic"], load_modality(run.inputs["voice"])[0]])
    sounds = [tape.stream_of(sound, track) for track in range(tape.tracks)]
    faces: list[FaceChoice | None] = [None] * len(spoken)
    if "visual" in run.inputs and source.has_video:
        intervals = tape.file_intervals(load_speech(run.inputs["speech"]))
        tracks = VisualTracks.from_arrays(*load_arrays(run.inputs["visual"]))
        chosen = choose_faces(tracks, spoken, speech=intervals, sounds=sounds if source.has_audio else ())
        faces = list(chosen)
        modalities["visual"] = average_faces(chosen, spoken)
    diarization = load_diarization(run.inputs["speakers"]) if "speakers" in run.inputs else None
    quality = [
        measure_quality(
            utterance,
            source=source,
            diarization=diarization,
            acoustic=sounds[utterance.track] if source.has_audio else None,
            face=face,
            unknown_word_share=float(unknown),
        )
        for utterance, face, unknown in zip(spoken, faces, more["out_of_vocabulary"], strict=True)
    ]
    speakers = tuple(each.speaker or "" for each in spoken)
    save_features(run.path, VideoFeatures(video_id="", modalities=modalities, speakers=speakers), quality=quality)


@_step
def prediction(run: StepRun) -> None:
    """Label the utterances with the checkpoint, by the modalities that were measured well and that the user wants."""
    measured, quality = load_features(run.inputs["features"], video_id=run.job.name)
    video = trusted_features(measured, quality, wanted=run.job.options.modalities)
    whole = "attention" in run.job.options.formats
    save_prediction(run.path, predict(load_checkpoint(run.job.checkpoint), video, whole_attention=whole))


def _reported(frames: Iterable[Frame], *, duration: float, progress: Callable[[float], None]) -> Iterator[Frame]:
    """Yield frames and report the share of the duration that they have reached."""
    for count, frame in enumerate(frames):
        if count % 10 == 0 and duration > 0:
            progress(min(frame.time / duration, 1.0))
        yield frame
