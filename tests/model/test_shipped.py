"""The shipped checkpoints are what the model card says, judged on the valid split: test is for finished work."""

from __future__ import annotations

import pytest

from mtmm_video.model.checkpoint import load_checkpoint
from mtmm_video.model.checkpoint_file import load_specification, shipped
from mtmm_video.model.evaluation import evaluate, score_table
from mtmm_video.model.features import MODALITIES


def test_the_paper_checkpoint_describes_itself():
    specification = load_checkpoint(shipped("paper")).specification
    assert list(specification.columns) == ["text"]
    assert specification.columns["text"].version == "glove-6b-50d/1"
    assert set(specification.columns) <= set(MODALITIES)
    assert specification.provenance["recipe"]["hidden"] == 200  # paper, Table 5
    for thresholds in specification.thresholds.values():
        assert all(0 < value < 1 for value in thresholds.values())


def test_plus_names_the_corpora_that_it_has_read():
    told = load_specification(shipped("plus")).trained_on
    assert all(name in told for name in ("RAVDESS", "CMU-MOSI", "CMU-MOSEI", "MELD", "GoEmotions", "photographs"))


@pytest.mark.slow
@pytest.mark.reference
def test_the_paper_checkpoint_passes_79_per_cent_on_moseis_valid_split(shared):
    from mtmm_video.extractors.text.glove import GloveVectors
    from mtmm_video.foundation.errors import WeightsError
    from mtmm_video.pipeline.corpora.mosei_labels import prepare_labels
    from mtmm_video.pipeline.weights import resolution

    try:
        glove = GloveVectors.load(resolution.resolve("glove-6b-50d"))
    except WeightsError as error:
        pytest.skip(f"needs the GloVe vectors: {error}")
    valid = prepare_labels(shared / "data" / "mosei" / "labels", glove=glove).split("valid")
    checkpoint = load_checkpoint(shipped("paper"))
    found = evaluate(score_table(checkpoint, valid), valid, thresholds=checkpoint.specification.thresholds)
    assert found["sentiment"]["accuracy"] > 0.79
    assert found["sentiment"]["calibration_error"] < 0.03
    assert found["emotion"]["weighted_accuracy"] > 0.62
