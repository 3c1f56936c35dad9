"""Text columns of the `plus` checkpoint, for the benchmarks that label texts."""

from __future__ import annotations

from collections.abc import Sequence

from mtmm_video.model.checkpoint_file import load_specification, shipped
from mtmm_video.model.features import ModalityFeatures
from mtmm_video.pipeline.text_features import text_features
from mtmm_video.pipeline.weights.ctranslate2_form import sentence_form
from mtmm_video.pipeline.weights.resolution import resolve


def plus_text(texts: Sequence[str]) -> ModalityFeatures:
    """Compute the text columns as an analysis does."""
    columns = load_specification(shipped("plus")).columns["text"]
    found = text_features(
        texts,
        extractors=columns.extractors,
        glove=resolve("glove-6b-50d"),
        sentence=sentence_form("mpnet-base-v2"),
        threads=2,
    )
    return found.features
