"""Training as a flow, for a schedule or the Prefect UI: each stage of ``mtmm-video train`` is a task.

A deployment names the entry point ``mtmm_video.flows.training_flow.train_model``; on the command line, ``mtmm-video
train`` runs the same stages without Prefect.
"""

from __future__ import annotations

from pathlib import Path

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE

from mtmm_video.pipeline.training.models import stages_of
from mtmm_video.pipeline.training.stages import StageGraph


@task(task_run_name="{name}", cache_policy=NO_CACHE, persist_result=False)
def run_stage(graph: StageGraph, name: str) -> Path:
    """Make a stage's output unless it is current, and show it in the Prefect UI where it is a text."""
    made = graph.run(name)
    output = graph.output(name)
    get_run_logger().info("%s %s", output, "made" if made else "is current")
    if output.suffix == ".md":
        create_markdown_artifact(output.read_text(encoding="utf-8"), key=name, description=str(output))
    return output


@flow(name="train", persist_result=False)
def train_model(
    data: str,
    *,
    model: str = "paper",
    out: str = "training",
    seeds: tuple[int, ...] = (1, 2, 3, 4, 5),
    stage: str | None = None,
) -> list[Path]:
    """Make a model from the corpora; see ``mtmm-video train``.

    Parameters
    ----------
    data : str
        Folder of the corpora.
    model : str
        ``plus``, ``paper`` or ``facet``.
    out : str
        Folder of the outputs.
    seeds : tuple of int
        Of the checkpoints.
    stage : str, optional
        Only this stage and those it needs.

    Returns
    -------
    list of Path
        The outputs, in the order in which they were made.
    """
    graph = StageGraph(stages_of(model, data=Path(data), seeds=seeds), folder=Path(out))
    return [run_stage(graph, one.name) for one in graph.upto(stage)]
