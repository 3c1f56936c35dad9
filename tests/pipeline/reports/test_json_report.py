"""The JSON report says everything, says it the same way in every run, and is what its schema promises."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib import resources
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from mtmm_video.foundation.errors import InputError
from mtmm_video.model.attention import DENSE_LIMIT, KEPT_WEIGHTS, LargestWeights, largest_weights, whole_matrix
from mtmm_video.model.features import VideoFeatures
from mtmm_video.model.prediction_types import VideoPrediction
from mtmm_video.pipeline.analysis import Analysis
from mtmm_video.pipeline.quality import FLAGS
from mtmm_video.pipeline.reports.json_reader import from_json
from mtmm_video.pipeline.reports.json_report import SCHEMA_VERSION, to_json
from mtmm_video.pipeline.reports.writers import write_reports

SCHEMA = json.loads(resources.files("mtmm_video.pipeline.reports").joinpath("schema.json").read_text(encoding="utf-8"))


def test_a_report_follows_its_schema(short_analysis: Analysis) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(json.loads(to_json(short_analysis)), SCHEMA, cls=jsonschema.Draft202012Validator)


def test_the_schema_refuses_what_is_no_report(short_analysis: Analysis) -> None:
    content = json.loads(to_json(short_analysis))
    content["utterances"][0]["flags"] = ["nonsense"]
    with pytest.raises(jsonschema.ValidationError, match="nonsense"):
        jsonschema.validate(content, SCHEMA, cls=jsonschema.Draft202012Validator)


def test_the_schema_knows_every_flag() -> None:
    listed = SCHEMA["properties"]["utterances"]["items"]["properties"]["flags"]["items"]["oneOf"]
    assert {entry["const"]: entry["description"] for entry in listed} == dict(FLAGS)


def test_nothing_is_lost_on_the_way_through_json(short_analysis: Analysis) -> None:
    text = to_json(short_analysis)
    back = from_json(text)
    assert to_json(back) == text
    assert back.source == short_analysis.source
    assert back.utterances == short_analysis.utterances
    assert back.provenance == short_analysis.provenance
    assert back.notes == short_analysis.notes
    for modality, features in short_analysis.features.modalities.items():
        found = back.features.modalities[modality]
        np.testing.assert_array_equal(found.values, features.values)
        np.testing.assert_array_equal(found.valid, features.valid)
        assert (found.names, found.version) == (features.names, features.version)
    for pair, matrices in short_analysis.prediction.attention.items():
        for found_matrix, matrix in zip(back.prediction.attention[pair], matrices, strict=True):
            np.testing.assert_array_equal(found_matrix, matrix)


def test_what_was_not_measured_is_null_and_never_zero(short_analysis: Analysis) -> None:
    rows = json.loads(to_json(short_analysis))["features"]["modalities"]["visual"]["values"]
    assert rows == [[0.1, -1e-07], [None, None]]


def test_a_video_without_a_word_has_a_report_too(short_analysis: Analysis) -> None:
    silent = replace(
        short_analysis, utterances=(), features=VideoFeatures("talk", {}), prediction=VideoPrediction((), {}), notes=()
    )
    text = to_json(silent)
    jsonschema.validate(json.loads(text), SCHEMA, cls=jsonschema.Draft202012Validator)
    assert from_json(text).utterances == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a report"),
        ("[]", "not a report"),
        ('{"schema_version": "9.0"}', "9.0, this mtmm-video reads 1, 2"),
        (f'{{"schema_version": "{SCHEMA_VERSION}"}}', "damaged report"),
    ],
)
def test_other_files_are_refused_with_the_reason(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        from_json(text)


def test_the_attention_of_a_long_video_keeps_its_largest_weights(short_analysis: Analysis) -> None:
    """Whole matrices are quadratic in the utterances: 700 MB of text for 3,000 of them."""
    count = DENSE_LIMIT + 1
    weights = np.random.default_rng(0).dirichlet(np.full(count, 0.02), size=count).astype(np.float32)
    prediction = VideoPrediction(short_analysis.prediction.utterances, {("text", "visual"): (weights, weights.T)})
    text = to_json(replace(short_analysis, prediction=prediction))
    jsonschema.validate(json.loads(text), SCHEMA, cls=jsonschema.Draft202012Validator)
    back = from_json(text)
    for kept, whole in zip(back.prediction.attention["text", "visual"], (weights, weights.T), strict=True):
        found = whole_matrix(kept)
        assert (found == np.where(found > 0, whole, 0)).all()
        assert ((found > 0).sum(axis=1) <= KEPT_WEIGHTS).all()
        np.testing.assert_array_equal(found.max(axis=1), whole.max(axis=1))
    assert to_json(back) == text
    cut = (LargestWeights(*largest_weights(weights)), LargestWeights(*largest_weights(weights.T)))
    prediction = VideoPrediction(short_analysis.prediction.utterances, {("text", "visual"): cut})
    assert to_json(replace(short_analysis, prediction=prediction)) == text


def test_attention_that_was_not_kept_is_not_written_as_zero(short_analysis: Analysis, tmp_path: Path) -> None:
    weights = np.full((DENSE_LIMIT + 1, DENSE_LIMIT + 1), 1 / (DENSE_LIMIT + 1), dtype=np.float32)
    cut = LargestWeights(*largest_weights(weights))
    prediction = VideoPrediction(short_analysis.prediction.utterances, {("text", "visual"): (cut, cut)})
    with pytest.raises(InputError, match="largest attention weights only"):
        write_reports(replace(short_analysis, prediction=prediction), folder=tmp_path, formats=("csv", "attention"))
    assert not list(tmp_path.iterdir())
