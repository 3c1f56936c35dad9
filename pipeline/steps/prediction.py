"""The step `prediction` of an analysis."""

from __future__ import annotations

from mtmm_video.model.checkpoint import load_checkpoint
from mtmm_video.model.prediction import predict
from mtmm_video.pipeline.step_run import StepRun
from mtmm_video.pipeline.store.artefacts import load_features, save_prediction
from mtmm_video.pipeline.trust import trusted_features


def prediction(run: StepRun) -> None:
    """Label the utterances with the checkpoint, by the modalities that were measured well and that the user wants."""
    measured, quality = load_features(run.inputs["features"], video_id=run.job.name)
    video = trusted_features(measured, quality, wanted=run.job.options.modalities)
    whole = "attention" in run.job.options.formats
    save_prediction(run.path, predict(load_checkpoint(run.job.checkpoint), video, whole_attention=whole))
