"""Training and evaluation as a flow: prepare the table, train several seeds, evaluate each, write what came out.

    python -m mtmm_video.flows.training_flow --labels-csv ../shared/data/mosei/labels --out training --seeds 1,2,3,4,5

Every task skips what is there from an earlier run, and a seed that was stopped goes on from its last finished epoch.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from prefect import flow, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE

from mtmm_video.extractors.text.glove import GloveVectors
from mtmm_video.flows.prefect_api import LocalServer, has_own_server, prefect_api, settle_environment
from mtmm_video.foundation.files import sha256_of, write_text
from mtmm_video.model.checkpoint import load_checkpoint, save_checkpoint
from mtmm_video.model.evaluation import evaluate, score_table
from mtmm_video.model.recipes import recipe_named
from mtmm_video.model.table import UtteranceTable
from mtmm_video.model.training import train
from mtmm_video.pipeline.corpora.mosei_labels import prepare_labels
from mtmm_video.pipeline.training.table_columns import fit_table
from mtmm_video.pipeline.weights import resolution

# The figures of the summary: where they stand in an evaluation, and what they are called.
FIGURES: Mapping[str, Callable[[Mapping[str, Any]], float | None]] = {
    "sentiment accuracy": lambda found: _at(found, "sentiment", "accuracy"),
    "sentiment weighted F1": lambda found: _at(found, "sentiment", "f1_weighted"),
    "emotion weighted accuracy": lambda found: _at(found, "emotion", "weighted_accuracy"),
    "emotion weighted F1": lambda found: _at(found, "emotion", "f1_weighted"),
}


def _at(found: Mapping[str, Any], task_name: str, figure: str) -> float | None:
    value = (found.get(task_name) or {}).get(figure)
    return None if value is None else float(value)


@task(cache_policy=NO_CACHE, persist_result=False)
def prepare_table(labels: Path, table: Path) -> Path:
    """Make the table of utterances from the label files, unless it is there."""
    if not table.is_file():
        prepare_labels(labels, glove=GloveVectors.load(resolution.resolve("glove-6b-50d"))).save(table)
    return table


@task(task_run_name="train-seed-{seed}", cache_policy=NO_CACHE, persist_result=False)
def train_seed(table: Path, out: Path, recipe: str, seed: int, epochs: int | None) -> Path:
    """Train one seed, unless its checkpoint of the same table and recipe is there."""
    wanted = replace(recipe_named(recipe), seed=seed)
    wanted = replace(wanted, epochs=epochs) if epochs is not None else wanted
    path = out / f"{recipe}-seed{seed}.safetensors"
    data = sha256_of(table)
    if path.is_file():
        made = load_checkpoint(path).specification.provenance
        if made.get("data_sha256") == data and made["recipe"]["epochs"] == wanted.epochs:
            return path
    state = path.with_suffix(".training-state.safetensors")
    checkpoint = train(UtteranceTable.load(table), recipe=wanted, state_path=state, provenance={"data_sha256": data})
    save_checkpoint(path, network=checkpoint.network, specification=checkpoint.specification)
    state.unlink(missing_ok=True)
    return path


@task(cache_policy=NO_CACHE, persist_result=False)
def evaluate_checkpoint(table: Path, checkpoint: Path, split: str) -> dict[str, Any]:
    """Return every figure of a checkpoint on a split."""
    loaded = load_checkpoint(checkpoint)
    rows = fit_table(UtteranceTable.load(table).split(split), loaded.specification)
    return evaluate(score_table(loaded, rows), rows, thresholds=loaded.specification.thresholds)


@task(cache_policy=NO_CACHE, persist_result=False)
def write_card(checkpoints: Sequence[Path], found: Sequence[Mapping[str, Any]], out: Path, split: str) -> Path:
    """Write ``model_card.md`` and ``figures.json``, and show the card in the Prefect UI."""
    best = max(checkpoints, key=lambda path: load_checkpoint(path).specification.provenance["valid_score"])
    card = out / "model_card.md"
    text = model_card(checkpoints, found, best=best, split=split)
    write_text(card, text)
    content = {path.name: dict(figures) for path, figures in zip(checkpoints, found, strict=True)}
    write_text(out / "figures.json", json.dumps(content, indent=1))
    if has_own_server():
        create_markdown_artifact(text, key="model-card", description=f"{len(checkpoints)} seeds on {split}")
    return card


def model_card(checkpoints: Sequence[Path], found: Sequence[Mapping[str, Any]], *, best: Path, split: str) -> str:
    """Return the card of a training run: its figures per seed, their mean and standard deviation.

    Parameters
    ----------
    checkpoints : sequence of Path
        One per seed.
    found : sequence of mapping
        Their evaluations, in the same order.
    best : Path
        The one with the best score on the valid split.
    split : str
        What was evaluated on.
    """
    specification = load_checkpoint(best).specification
    provenance = specification.provenance
    rows = [f"| checkpoint | {' | '.join(FIGURES)} |", "|---|" + "---:|" * len(FIGURES)]
    columns: list[list[float]] = [[] for _ in FIGURES]
    for path, figures in zip(checkpoints, found, strict=True):
        values = [read(figures) for read in FIGURES.values()]
        for column, value in zip(columns, values, strict=True):
            column.extend([] if value is None else [value])
        rows.append(f"| {path.stem} | {' | '.join('' if value is None else f'{value:.4f}' for value in values)} |")
    spread = [
        f"{mean(column):.4f}" + (f" ± {stdev(column):.4f}" if len(column) > 1 else "") if column else ""
        for column in columns
    ]
    rows.append(f"| mean ± standard deviation | {' | '.join(spread)} |")
    features = ", ".join(f"{modality} ({version})" for modality, version in specification.versions.items())
    return "\n".join(
        [
            f"# {specification.name}: {len(checkpoints)} seeds on {split}",
            "",
            *rows,
            "",
            f"Features: {features}. Table: SHA-256 {provenance['data_sha256']}.",
            f"Best on the valid split: {best.name}, epoch {provenance['epoch']}, score {provenance['valid_score']}.",
            "Epoch, calibration and thresholds of every seed were chosen on the valid split.",
            "",
        ]
    )


@flow(name="train", persist_result=False)
def train_and_evaluate(
    labels: str,
    *,
    out: str = "training",
    recipe: str = "paper",
    seeds: tuple[int, ...] = (1, 2, 3, 4, 5),
    split: str = "valid",
    epochs: int | None = None,
) -> Path:
    """Prepare, train, evaluate, and write the model card.

    Parameters
    ----------
    labels : str
        Folder of the label files, see `mtmm-video mosei prepare --labels-csv`.
    out : str
        Where table, checkpoints, ``figures.json`` and ``model_card.md`` go.
    recipe : str
        See `model.recipes`.
    seeds : tuple of int
        One checkpoint each.
    split : str
        ``valid``; ``test`` once, when the configuration is final.
    epochs : int, optional
        Instead of the recipe's.

    Returns
    -------
    Path
        The model card.
    """
    folder = Path(out)
    table = prepare_table(Path(labels), folder / "table.safetensors")
    checkpoints = [train_seed(table, folder, recipe, seed, epochs) for seed in seeds]
    found = [evaluate_checkpoint(table, checkpoint, split) for checkpoint in checkpoints]
    return write_card(checkpoints, found, folder, split)


def main() -> None:
    """Run the flow from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--labels-csv", required=True)
    parser.add_argument("--out", default="training")
    parser.add_argument("--recipe", default="paper")
    parser.add_argument("--seeds", default="1,2,3,4,5")
    parser.add_argument("--split", default="valid")
    parser.add_argument("--epochs", type=int)
    arguments = parser.parse_args()
    server = None if has_own_server() else LocalServer()
    try:
        with prefect_api(server):
            card = train_and_evaluate(
                arguments.labels_csv,
                out=arguments.out,
                recipe=arguments.recipe,
                seeds=tuple(int(seed) for seed in arguments.seeds.split(",")),
                split=arguments.split,
                epochs=arguments.epochs,
            )
    finally:
        if server is not None:
            server.close()
    print(card)


if __name__ == "__main__":
    settle_environment(verbose=False)
    main()
