"""The step `utterances` of an analysis."""

from __future__ import annotations

from mtmm_video.pipeline.part import utterances_inside
from mtmm_video.pipeline.speaker_names import with_speakers, with_track_names
from mtmm_video.pipeline.step_run import StepRun
from mtmm_video.pipeline.store.artefacts import load_diarization, load_transcript, save_utterances
from mtmm_video.pipeline.transcripts.reading import read_transcript


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
