"""The step `visual` of an analysis."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from mtmm_video.extractors.frame import Frame
from mtmm_video.extractors.visual import pyfeat_backend
from mtmm_video.extractors.visual.sampling import DEFAULT_SAMPLING_RATE, LONGEST_SIDE
from mtmm_video.extractors.visual.tracking import track_faces
from mtmm_video.pipeline.media.reading import read_frames
from mtmm_video.pipeline.part import frames_inside
from mtmm_video.pipeline.step_run import StepRun
from mtmm_video.pipeline.store.artefact_file import save_arrays


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


def _reported(frames: Iterable[Frame], *, duration: float, progress: Callable[[float], None]) -> Iterator[Frame]:
    """Yield frames and report the share of the duration that they have reached."""
    for count, frame in enumerate(frames):
        if count % 10 == 0 and duration > 0:
            progress(min(frame.time / duration, 1.0))
        yield frame
