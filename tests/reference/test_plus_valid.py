"""The shipped `plus` checkpoint, from transcripts to figures, on MOSEI's valid split."""

from __future__ import annotations

from pathlib import Path

import pytest

from mtmm_video.extractors.text.glove import GloveVectors
from mtmm_video.foundation.errors import WeightsError
from mtmm_video.model.checkpoint import load_checkpoint
from mtmm_video.model.checkpoint_file import shipped
from mtmm_video.model.evaluation import evaluate, score_table
from mtmm_video.model.labels import NEUTRAL_CEILING
from mtmm_video.pipeline.corpora.mosei_labels import prepare_labels
from mtmm_video.pipeline.corpora.mosi import FILE as MOSI_FILE
from mtmm_video.pipeline.corpora.mosi import prepare_mosi
from mtmm_video.pipeline.training.table_columns import fit_table
from mtmm_video.pipeline.weights.resolution import resolve

pytestmark = [pytest.mark.slow, pytest.mark.reference]


def test_plus_keeps_its_valid_figures(shared: Path) -> None:
    try:
        glove = resolve("glove-6b-50d")
        resolve("mpnet-base-v2")
    except WeightsError as error:
        pytest.skip(f"needs the pretrained text weights: {error}")
    valid = prepare_labels(shared / "data" / "mosei" / "labels", glove=GloveVectors.load(glove)).split("valid")
    checkpoint = load_checkpoint(shipped("plus"))
    valid = fit_table(valid, checkpoint.specification)
    scores = score_table(checkpoint, valid)
    found = evaluate(scores, valid, thresholds=checkpoint.specification.thresholds)
    # The figures of docs/plus.md, less what another processor's rounding may cost.
    assert found["sentiment"]["accuracy"] > 0.85
    assert found["sentiment"]["calibration_error"] < 0.03
    assert found["emotion"]["weighted_accuracy"] > 0.665
    assert found["emotion"]["f1_weighted"] > 0.79
    assert found["sentiment"]["three_way"]["accuracy"] > 0.68
    assert found["sentiment"]["three_way"]["calibration_error"] < 0.04
    assert scores.classes is not None
    assert scores.sentiment_intensity is not None
    labels, intensity = scores.classes.argmax(axis=1), scores.sentiment_intensity
    assert (labels[intensity < 0] == 0).all(), "a strength below 0 is negative"
    assert (labels[intensity > NEUTRAL_CEILING] == 2).all(), "a strength above the neutral band is positive"


def test_real_voices_do_not_drown_mosis_words(shared: Path) -> None:
    """MOSI has COVAREP's means without the sound, so the voice columns are absent."""
    try:
        glove = GloveVectors.load(resolve("glove-6b-50d"))
        resolve("mpnet-base-v2")
    except WeightsError as error:
        pytest.skip(f"needs the pretrained text weights: {error}")
    checkpoint = load_checkpoint(shipped("plus"))
    test = prepare_mosi(shared / "data" / "mosi" / MOSI_FILE, glove=glove).split("test")
    fitted = fit_table(test, checkpoint.specification)
    accuracy = {}
    for name, table in (("both", fitted), ("words", fitted.with_modalities(["text"]))):
        found = evaluate(score_table(checkpoint, table), table, thresholds=checkpoint.specification.thresholds)
        accuracy[name] = found["sentiment"]["accuracy"]
    assert accuracy["words"] > 0.81
    assert accuracy["both"] > accuracy["words"] - 0.01
