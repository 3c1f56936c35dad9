"""The methods paragraph names what was really used, and nobody else."""

from __future__ import annotations

import dataclasses

import pytest

from mtmm_video.foundation.errors import InputError
from mtmm_video.model.checkpoint_file import shipped
from mtmm_video.pipeline.citation import cite
from mtmm_video.pipeline.reports.json_report import to_json


def test_a_report_names_its_version_model_and_recogniser(short_analysis, tmp_path):
    path = tmp_path / "talk.json"
    path.write_text(to_json(short_analysis), encoding="utf-8")
    text = cite(path)
    assert f"mtmm-video {short_analysis.provenance.version}" in text
    assert "Akhtar" in text
    given = {**short_analysis.provenance.options, "asr": None}
    supplied = dataclasses.replace(
        short_analysis, provenance=dataclasses.replace(short_analysis.provenance, options=given)
    )
    path.write_text(to_json(supplied), encoding="utf-8")
    assert "supplied by us" in cite(path)
    assert "Radford" not in cite(path)


@pytest.mark.parametrize(("name", "cites_voice"), [("paper", False), ("plus", True)])
def test_a_checkpoint_cites_the_features_that_it_takes(name, cites_voice):
    text = cite(shipped(name))
    assert "Pennington" in text
    assert ("Degottex" in text) == cites_voice
    assert "validation split" in text


def test_anything_else_is_refused(tmp_path):
    (tmp_path / "x.json").write_text("{}", encoding="utf-8")
    with pytest.raises(InputError, match="neither a report"):
        cite(tmp_path / "x.json")
