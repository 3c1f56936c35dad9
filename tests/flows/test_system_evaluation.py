"""``mtmm-video evaluate --systems``: the paper's tables from training on, in one command, with all three modalities."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from mtmm_video.flows.command_line import app
from mtmm_video.foundation.errors import InputError, MtmmError, StoreError
from mtmm_video.model import recipes
from mtmm_video.model.checkpoint import load_checkpoint
from mtmm_video.model.features import ModalityFeatures
from mtmm_video.model.paper import runs as system_runs
from mtmm_video.model.paper.baselines import random_forest
from mtmm_video.model.paper.results import MODALITY_COLUMNS
from mtmm_video.model.paper.systems import SYSTEMS, WORD_BY_WORD
from mtmm_video.model.table import Labels, UtteranceTable

SMALL = {"hidden": 4, "dense": 4, "epochs": 1, "batch": 16}


@pytest.fixture(autouse=True)
def small_networks(monkeypatch):
    """The recipes with fewer units and one epoch, and a forest of few trees."""
    monkeypatch.setattr(recipes, "RECIPES", {"paper": replace(recipes.PAPER, **SMALL)})
    monkeypatch.setattr(system_runs, "BASELINE_RECIPE", replace(system_runs.BASELINE_RECIPE, **SMALL))
    monkeypatch.setattr(random_forest, "TREES", 5)


@pytest.fixture
def command():
    def call(*arguments: str | Path) -> str:
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        if isinstance(result.exception, MtmmError):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.stdout

    return call


def write_table(path: Path, *modalities: str, emotions: bool = True) -> Path:
    """Thirty videos, the shortest of one utterance; the first column of each modality tells the sentiment."""
    generator = np.random.default_rng(3)
    lengths = generator.integers(1, 5, 30)
    count = int(lengths.sum())
    strength = generator.uniform(-3, 3, count).astype(np.float32)
    felt = (generator.random((count, 6)) < 0.3).astype(np.float32)
    felt[:, 3] = strength > 1
    blocks = {}
    for name in modalities:
        values = generator.normal(size=(count, 3)).astype(np.float32)
        values[:, 0] += strength
        blocks[name] = ModalityFeatures(values, np.ones_like(values, bool), (f"{name}0", "b", "c"), f"{name}/1")
    table = UtteranceTable(
        video_ids=tuple(f"v{index}" for index in range(30)),
        splits=tuple(("train", "valid", "test")[index % 3] for index in range(30)),
        corpora=("mosei" if emotions else "mosi",) * 30,
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        modalities=blocks,
        labels=Labels.from_intensities(strength, felt if emotions else np.full((count, 6), np.nan, np.float32)),
        segments=tuple(f"s{index}" for index in range(count)),
        texts=("",) * count,
    )
    table.save(path)
    return path


def run(command, table: Path, results: Path, *more: str) -> dict:
    return json.loads(command("evaluate", "--data", table, "--results", results, "--jobs", "1", "--json", *more))


def test_every_system_and_every_set_of_modalities(command, tmp_path):
    table, results = write_table(tmp_path / "t.safetensors", "text", "acoustic", "visual"), tmp_path / "runs"
    options = ("--systems", "all", "--seeds", "1", "--split", "test", "--bootstrap", "20")
    report = run(command, table, results, *options)
    found = {(entry["system"], tuple(entry["modalities"])): entry for entry in report["systems"]}
    every = ("text", "acoustic", "visual")
    assert {system for system, modalities in found if modalities == every} == {*SYSTEMS, "cim_single"} - {*WORD_BY_WORD}
    assert not report["words"]
    assert len([1 for system, _ in found if system == "cim"]) == len(MODALITY_COLUMNS) == 7
    for entry in found.values():
        assert entry["evaluation"]["sentiment"]["accuracy"] > 0
        assert entry["evaluation"]["emotion"]["weighted_accuracy"] > 0
    assert (results / "figure_2-test.png").read_bytes().startswith(b"\x89PNG")
    paired = {(c["against"], c["figure"]) for c in report["comparisons"] if len(c["modalities"]) == 3}
    assert ("graph_mfn", "emotion.weighted_accuracy") in paired

    # The networks of the tables are there for `explain`.
    networks = sorted((results / "networks").glob("cim*-T+A+V-seed1-*.safetensors"))
    assert [load_checkpoint(path).specification.shape.tasks for path in networks] == [
        *(("sentiment", "emotion"), ("emotion",), ("sentiment",)),
    ]

    # A second call trains nothing, and prints every cell of Table 4 with the paper's figure beside it.
    before = {path: path.stat().st_mtime_ns for path in results.glob("*.safetensors")}
    printed = command("evaluate", "--data", table, "--results", results, "--jobs", "1", *options, "--table", "4")
    assert {path: path.stat().st_mtime_ns for path in results.glob("*.safetensors")} == before
    rows = [line for line in printed.splitlines() if line.startswith("| emotion ") and "MTL" in line]
    assert len(rows) == 2
    assert all(" - " not in row for row in rows)
    assert "(62.8)" in rows[1]
    assert "chooses epoch and thresholds on the test split" in printed
    printed = command("evaluate", "--data", table, "--results", results, "--jobs", "1", *options, "--table", "7")
    assert "utterance means along a video; the table keeps no words" in printed


def test_a_changed_table_or_recipe_is_another_run(command, tmp_path):
    results, options = tmp_path / "runs", ("--systems", "cim_single,svm", "--seeds", "1", "--bootstrap", "0")
    one = write_table(tmp_path / "one.safetensors", "text")
    run(command, one, results, *options)
    files = set(results.glob("*.safetensors"))
    run(command, one, results, *options, "--epochs", "2")
    more = set(results.glob("*.safetensors")) - files
    assert [path.name.split("-")[0] for path in more] == ["cim_single"]  # the svm has no epochs
    table = UtteranceTable.load(one)
    splits = tuple("valid" if split == "test" else split for split in table.splits)
    replace(table, splits=splits).save(tmp_path / "two.safetensors")
    run(command, tmp_path / "two.safetensors", results, *options)
    assert len(set(results.glob("*.safetensors")) - files - more) == 2
    both = write_table(tmp_path / "both.safetensors", "text", "acoustic")
    run(command, both, results, *options, "--table", "7")
    assert len(set(results.glob("*T+A-seed1-*.safetensors"))) == 2


def test_a_damaged_result_is_named(command, tmp_path):
    table, results = write_table(tmp_path / "t.safetensors", "text"), tmp_path / "runs"
    options = ("--systems", "majority", "--bootstrap", "0", "--table", "7")
    run(command, table, results, *options)
    (only,) = results.glob("*.safetensors")
    only.write_bytes(only.read_bytes()[:-9])
    with pytest.raises(StoreError, match=f"{only.name}: damaged"):
        run(command, table, results, *options)


def test_a_corpus_of_one_task_has_no_multi_task_network(command, tmp_path):
    table = write_table(tmp_path / "t.safetensors", "text", emotions=False)
    options = ("--systems", "cim_single,svm", "--seeds", "1", "--jobs", "1", "--bootstrap", "10")
    printed = command("evaluate", "--data", table, "--results", tmp_path / "runs", *options)
    assert "anger" not in printed
    assert "(79." not in printed  # the paper's figures are MOSEI's
    with pytest.raises(InputError, match="needs two tasks"):
        run(command, table, tmp_path / "runs", "--systems", "cim")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--systems", "oracle", "--results", "r"), "oracle unknown"),
        (("--systems", "svm", "--results", "r", "--table", "4"), "Table 4 compares cim"),
        (("--systems", "mfn_words", "--results", "r"), "keeps no words"),
        (("--systems", "svm"), "needs --results"),
        (("--systems", "svm", "--results", "r", "--model", "paper"), "give one of them"),
        (("--seeds", "3", "--jobs", "2"), "--seeds, --jobs: only together with --systems"),
        (("--table", "5"), "choose 4 or 7"),
        (("--systems", "svm", "--results", "r", "--recipe", "huge"), "no training recipe"),
    ],
)
def test_what_cannot_be_done_is_said(command, tmp_path, options, message):
    table = write_table(tmp_path / "t.safetensors", "text")
    with pytest.raises(InputError, match=message):
        command("evaluate", "--data", table, *options)


def test_several_processes_give_the_same_figures(tmp_path):
    from mtmm_video.pipeline.training.systems import places, train_missing

    table = UtteranceTable.load(write_table(tmp_path / "t.safetensors", "text"))
    runs = system_runs.planned_runs(
        table, systems=("cim", "ef_lstm"), tables=(7,), seeds=1, recipe=replace(recipes.PAPER, **SMALL)
    )
    alone = train_missing(places(runs, table, folder=tmp_path / "one"), table, jobs=1)
    beside = train_missing(places(runs, table, folder=tmp_path / "two"), table, jobs=2)
    for one, other in zip(alone, beside, strict=True):
        np.testing.assert_array_equal(one.scores["test"].positive, other.scores["test"].positive)
        assert one.thresholds == other.thresholds
