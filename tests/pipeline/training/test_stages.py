"""Stages: a file is made again where something that decides it changed, and only there."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from mtmm_video.foundation.errors import DataError, InputError, StoreError
from mtmm_video.pipeline.training.stages import Stage, StageGraph, StageRun


@dataclass(frozen=True)
class Sizes:
    """A setting as the stages have them."""

    rate: float = 0.1
    names: tuple[str, ...] = ("a", "b")


def write_sum(run: StageRun, *, sizes: Sizes) -> None:
    """Add the numbers of the source, times the rate."""
    numbers = [int(line) for line in run.sources["numbers"].read_text(encoding="utf-8").split()]
    run.report(1, 1, "added")
    run.output.write_text(str(round(sum(numbers) * sizes.rate, 3)), encoding="utf-8")


def write_half(run: StageRun) -> None:
    """Halve the sum."""
    run.output.write_text(str(float(run.inputs["sum"].read_text(encoding="utf-8")) / 2), encoding="utf-8")


@pytest.fixture
def numbers(tmp_path: Path) -> Path:
    path = tmp_path / "numbers.txt"
    path.write_text("10\n20\n", encoding="utf-8")
    return path


def graph_of(numbers: Path, *, sizes: Sizes = Sizes(), version: str = "sum/1") -> StageGraph:
    return StageGraph(
        [
            Stage(
                "sum",
                "sum.txt",
                write_sum,
                sources={"numbers": numbers},
                settings={"sizes": sizes},
                versions=(version,),
            ),
            Stage("half", "half.txt", write_half, needs=("sum",)),
            Stage("other", "other.txt", lambda run: run.output.write_text("other")),
        ],
        folder=numbers.parent / "out",
    )


def made(graph: StageGraph, target: str | None = "half") -> list[str]:
    return [stage.name for stage in graph.upto(target) if graph.run(stage.name)]


def test_a_target_is_made_with_what_it_needs_and_nothing_else(numbers: Path) -> None:
    graph = graph_of(numbers)
    assert [stage.name for stage in graph.outdated("half")] == ["sum", "half"]
    assert made(graph) == ["sum", "half"]
    assert graph.output("half").read_text(encoding="utf-8") == "1.5"
    assert not graph.output("other").exists()
    assert made(graph, None) == ["other"]
    assert graph.outdated() == []


def test_a_stage_is_run_again_where_data_settings_or_code_changed(numbers: Path) -> None:
    assert made(graph_of(numbers)) == ["sum", "half"]
    assert made(graph_of(numbers)) == []
    assert made(graph_of(numbers, sizes=Sizes(rate=0.2))) == ["sum", "half"]
    assert made(graph_of(numbers, sizes=replace(Sizes(rate=0.2), names=("a",)))) == ["sum"], "the same sum: half stays"
    assert made(graph_of(numbers)) == ["sum", "half"]
    assert made(graph_of(numbers, version="sum/2")) == ["sum"]
    numbers.write_text("10\n30\n", encoding="utf-8")
    assert made(graph_of(numbers, version="sum/2")) == ["sum", "half"]


def test_an_output_that_was_edited_or_removed_is_made_again(numbers: Path) -> None:
    graph = graph_of(numbers)
    made(graph)
    graph.output("sum").write_text("4.0 by hand", encoding="utf-8")
    assert made(graph) == ["sum"]
    graph.output("half").unlink()
    assert made(graph) == ["half"]


def test_a_file_of_somebody_else_is_not_overwritten(numbers: Path) -> None:
    graph = graph_of(numbers)
    graph.folder.mkdir()
    graph.output("sum").write_text("precious", encoding="utf-8")
    with pytest.raises(StoreError, match="was not made by stage 'sum'"):
        graph.run("sum")
    assert graph.output("sum").read_text(encoding="utf-8") == "precious"


def test_outputs_can_be_moved_to_another_machine(numbers: Path, tmp_path: Path) -> None:
    made(graph_of(numbers))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for path in (numbers, *sorted((tmp_path / "out").glob("*"))):
        target = elsewhere / "out" if path.parent.name == "out" else elsewhere
        target.mkdir(exist_ok=True)
        (target / path.name).write_bytes(path.read_bytes())
    assert made(graph_of(elsewhere / "numbers.txt")) == []


def test_partial_results_outlive_an_interruption_and_no_half_written_output_stays(tmp_path: Path) -> None:
    def interrupted(run: StageRun) -> None:
        seen = run.state.read_text(encoding="utf-8") if run.state.is_file() else ""
        run.output.write_text(f"half of it {seen}", encoding="utf-8")
        run.state.write_text("one epoch", encoding="utf-8")
        if not seen:
            raise KeyboardInterrupt

    graph = StageGraph([Stage("long", "long.txt", interrupted)], folder=tmp_path)
    with pytest.raises(KeyboardInterrupt):
        graph.run("long")
    assert not graph.output("long").exists()
    assert graph.run("long")
    assert graph.output("long").read_text(encoding="utf-8") == "half of it one epoch"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["long.txt", "long.txt.stage.json"]


def test_the_record_names_stage_digest_and_time(numbers: Path) -> None:
    graph = graph_of(numbers)
    made(graph)
    record = json.loads((graph.folder / "sum.txt.stage.json").read_text(encoding="utf-8"))
    assert record["stage"] == "sum"
    # `printf 3.0 | sha256sum`
    assert record["sha256"] == "a416ea84421fa7e1351582da48235bac88380a337ec5cb5a9239dc7d57908b4b"
    assert record["seconds"] >= 0


def test_what_cannot_be_made_is_said(numbers: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="choose one of sum, half, other"):
        graph_of(numbers).upto("third")
    with pytest.raises(DataError, match=r"nowhere\.txt: no such file or folder"):
        graph_of(tmp_path / "nowhere.txt").run("sum")
    with pytest.raises(ValueError, match="must stand before"):
        StageGraph([Stage("half", "half.txt", write_half, needs=("sum",))], folder=tmp_path)
