"""The step `features` of an analysis."""

from __future__ import annotations

from mtmm_video.extractors.visual.speaker import FaceChoice
from mtmm_video.extractors.visual.tracks import VisualTracks
from mtmm_video.model.features import Modality, ModalityFeatures, VideoFeatures, hstack
from mtmm_video.pipeline.averaging import average_faces, average_words
from mtmm_video.pipeline.quality import measure_quality
from mtmm_video.pipeline.speaker_faces import choose_faces
from mtmm_video.pipeline.step_run import StepRun
from mtmm_video.pipeline.store.artefact_file import load_arrays
from mtmm_video.pipeline.store.artefacts import (
    load_diarization,
    load_modality,
    load_speech,
    load_stream,
    load_utterances,
    save_features,
)


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
