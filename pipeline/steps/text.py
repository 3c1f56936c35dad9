"""The step `text` of an analysis."""

from __future__ import annotations

from mtmm_video.pipeline.job import SENTENCE_WEIGHTS
from mtmm_video.pipeline.step_run import StepRun
from mtmm_video.pipeline.store.artefacts import load_utterances, save_modality
from mtmm_video.pipeline.text_features import text_features
from mtmm_video.pipeline.weights.ctranslate2_form import sentence_form


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
