"""The step `media` of an analysis."""

from __future__ import annotations

from mtmm_video.pipeline.media.presence import find_presence
from mtmm_video.pipeline.media.reading import probe
from mtmm_video.pipeline.source import Source
from mtmm_video.pipeline.step_run import StepRun
from mtmm_video.pipeline.store.artefacts import save_source
from mtmm_video.pipeline.tracks import count_tracks


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
