"""The stages of `paper`: MOSEI's transcripts as GloVe means, several seeds, the best one on the valid split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import mean, stdev

from mtmm_video.extractors.text.glove import GloveVectors
from mtmm_video.foundation.files import write_text
from mtmm_video.model.checkpoint import load_checkpoint, save_checkpoint
from mtmm_video.model.fingerprint import TRAINING_VERSION
from mtmm_video.model.recipes import PAPER, Recipe
from mtmm_video.model.table import UtteranceTable
from mtmm_video.model.training import train
from mtmm_video.pipeline.corpora.mosei_labels import prepare_labels
from mtmm_video.pipeline.training.seeds import (
    CHOICE_CORPUS,
    HEADLINE,
    Figures,
    best_seed,
    copy_best,
    epoch_reporter,
    evaluate_seeds,
    headline,
    read_figures,
    write_figures,
)
from mtmm_video.pipeline.training.stages import Stage, StageRun
from mtmm_video.pipeline.training.tables import GLOVE, TABLES_VERSION

SEEDS = (1, 2, 3, 4, 5)
TABLE = "mosei-glove"


def write_table(run: StageRun) -> None:
    """Stage: MOSEI's labels with GloVe means of its transcripts."""
    prepare_labels(run.sources["labels"], glove=GloveVectors.load(run.weights[GLOVE])).save(run.output)


def train_seed(run: StageRun, *, recipe: Recipe) -> None:
    """Stage: a checkpoint of one seed."""
    checkpoint = train(
        UtteranceTable.load(run.inputs[TABLE]),
        recipe=recipe,
        state_path=run.state,
        hook=epoch_reporter(run.report, epochs=recipe.epochs),
        provenance={"made_by": "mtmm-video train paper"},
    )
    save_checkpoint(run.output, network=checkpoint.network, specification=checkpoint.specification)


def write_split_figures(run: StageRun, *, split: str) -> None:
    """Stage: the seeds' figures on a split."""
    table = UtteranceTable.load(run.inputs[TABLE]).split(split)
    checkpoints = {name: path for name, path in run.inputs.items() if name != TABLE}
    write_figures(run.output, evaluate_seeds(checkpoints, {CHOICE_CORPUS: table}, report=run.report))


def write_card(run: StageRun, *, valid: str, shown: str, split: str) -> None:
    """Stage: the model card, with the figures of one split and the choice by those of the valid split."""
    chosen = best_seed(read_figures(run.inputs[valid]))
    text = model_card(read_figures(run.inputs[shown]), best=chosen, checkpoint=run.inputs[chosen], split=split)
    write_text(run.output, text)


def model_card(figures: Mapping[str, Figures], *, best: str, checkpoint: Path, split: str) -> str:
    """Return the card of a training as Markdown: headline figures by seed, their mean and standard deviation.

    Parameters
    ----------
    figures : mapping of str to Figures
        By checkpoint.
    best : str
        The one chosen on the valid split.
    checkpoint : Path
        Its file.
    split : str
        Of the figures.
    """
    specification = load_checkpoint(checkpoint).specification
    provenance = specification.provenance
    found = {name: headline(figures[name][CHOICE_CORPUS]) for name in figures}
    rows = [f"| checkpoint | {' | '.join(HEADLINE.values())} |", "|---|" + "---:|" * len(HEADLINE)]
    for name, values in found.items():
        cells = [f"{values[figure]:.4f}" if figure in values else "" for figure in HEADLINE.values()]
        rows.append(f"| {name} | {' | '.join(cells)} |")
    columns = [[values[figure] for values in found.values() if figure in values] for figure in HEADLINE.values()]
    spread = [
        f"{mean(column):.4f}" + (f" ± {stdev(column):.4f}" if len(column) > 1 else "") if column else ""
        for column in columns
    ]
    rows.append(f"| mean ± standard deviation | {' | '.join(spread)} |")
    features = ", ".join(f"{modality} ({version})" for modality, version in specification.versions.items())
    return "\n".join(
        [
            f"# {specification.name}: {len(figures)} {'seed' if len(figures) == 1 else 'seeds'} on {split}",
            "",
            *rows,
            "",
            f"Features: {features}. Fingerprint of the training: {provenance['training_fingerprint']}.",
            f"Best on the valid split: {best}, epoch {provenance['epoch']}, score {provenance['valid_score']}.",
            "Epoch, calibration and thresholds of every seed were chosen on the valid split.",
            "",
        ]
    )


def paper_stages(
    data: Path, *, seeds: Sequence[int] = SEEDS, recipe: Recipe = PAPER, split: str = "valid"
) -> list[Stage]:
    """Return the stages of a text model.

    Parameters
    ----------
    data : Path
        The folder that holds ``mosei/labels``.
    seeds : sequence of int
        One checkpoint each.
    recipe : Recipe
        Its name begins the names of stages and files.
    split : str
        Of the model card: ``valid``, or ``test`` when the configuration is final.
    """
    name = recipe.name
    version = f"training/{TRAINING_VERSION}"
    trained = [
        Stage(
            f"{name}-{seed}",
            f"{name}-{seed}.safetensors",
            train_seed,
            needs=(TABLE,),
            settings={"recipe": replace(recipe, seed=seed)},
            versions=(version,),
        )
        for seed in seeds
    ]
    needs = tuple(stage.name for stage in trained)
    figures = [
        Stage(
            f"{name}-{part}",
            f"{name}-{part}.json",
            write_split_figures,
            needs=(TABLE, *needs),
            settings={"split": part},
            versions=("figures/1",),
        )
        for part in dict.fromkeys(("valid", split))
    ]
    valid, shown = f"{name}-valid", f"{name}-{split}"
    return [
        Stage(
            TABLE,
            "mosei-glove.safetensors",
            write_table,
            sources={"labels": data / "mosei" / "labels"},
            weights=(GLOVE,),
            versions=(TABLES_VERSION,),
        ),
        *trained,
        *figures,
        Stage(name, f"{name}.safetensors", copy_best, needs=(*needs, valid), settings={"figures": valid}),
        Stage(
            f"{name}-card",
            f"{name}-card.md",
            write_card,
            needs=(*needs, *dict.fromkeys((valid, shown))),
            settings={"valid": valid, "shown": shown, "split": split},
            versions=("card/1",),
        ),
    ]
