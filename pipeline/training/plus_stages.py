"""The stages of `plus`, from the corpora to the shipped checkpoint; `pipeline.training.plus` has the settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mtmm_video.model.checkpoint import save_checkpoint
from mtmm_video.model.fingerprint import TRAINING_VERSION
from mtmm_video.model.recipes import Recipe
from mtmm_video.model.table import UtteranceTable
from mtmm_video.model.training import selection_split, train
from mtmm_video.pipeline.corpora.mosi import FILE as MOSI_FILE
from mtmm_video.pipeline.training.encoder_folds import FOLDS_STAGE, ship_encoder, tune_encoders
from mtmm_video.pipeline.training.encoder_texts import GOEMOTIONS, MELD, MOSEI, MOSI
from mtmm_video.pipeline.training.encoder_tuning import TuningOptions
from mtmm_video.pipeline.training.everyday_stages import NETWORK, everyday_stages
from mtmm_video.pipeline.training.mixture import ClipSampling
from mtmm_video.pipeline.training.plus import (
    CLIP_SAMPLING,
    CLIP_WEIGHT,
    LICENCE_NOTE,
    PLUS_RECIPE,
    TABLES,
    TEACHER_SEEDS,
    TEACHER_SHARE,
    TEXT_RECIPE,
    Corpora,
    chosen_columns,
    mixture,
    text_table,
)
from mtmm_video.pipeline.training.seeds import copy_best, epoch_reporter, evaluate_seeds, write_figures
from mtmm_video.pipeline.training.soft_labels import distilled
from mtmm_video.pipeline.training.stages import Stage, StageRun
from mtmm_video.pipeline.training.tables import SENTENCE, table_stages

SEEDS = (1, 2, 3, 4, 5)
DELTA_VERSION = "talk/1"  # of the tuned encoder; part of the version of its columns
EVALUATED = ("mosei", "mosi")
PROVENANCE: Mapping[str, str] = {"made_by": "mtmm-video train plus", "licence_note": LICENCE_NOTE}
TRAINING = f"training/{TRAINING_VERSION}"


def write_soft_labels(run: StageRun, *, recipe: Recipe, seeds: tuple[int, ...], share: float) -> None:
    """Stage: text of MOSEI and MOSI with distilled labels."""
    text = text_table(UtteranceTable.load(run.inputs["mosei"]), UtteranceTable.load(run.inputs["mosi"]))
    distilled(text, recipe=recipe, seeds=seeds, share=share, report=run.report).save(run.output)


def train_text(run: StageRun, *, recipe: Recipe) -> None:
    """Stage: one seed on text alone, to compare with."""
    _train(run, UtteranceTable.load(run.inputs["soft-labels"]), recipe=recipe)


def train_plus(run: StageRun, *, recipe: Recipe, sampling: ClipSampling, clip_weight: float) -> None:
    """Stage: one seed on all corpora; the recipe gets the weights of the clips' corpora."""
    table, weights = mixture(
        Corpora.read(run.inputs),
        text=UtteranceTable.load(run.inputs["soft-labels"]),
        sampling=sampling,
        clip_weight=clip_weight,
        seed=recipe.seed,
    )
    _train(run, table, recipe=replace(recipe, corpus_weights=weights))


def _train(run: StageRun, table: UtteranceTable, *, recipe: Recipe) -> None:
    checkpoint = train(
        table,
        recipe=recipe,
        state_path=run.state,
        hook=epoch_reporter(run.report, epochs=recipe.epochs),
        provenance=PROVENANCE,
    )
    save_checkpoint(run.output, network=checkpoint.network, specification=checkpoint.specification, half=True)


def write_valid_figures(run: StageRun) -> None:
    """Stage: figures of all seeds on the valid splits of MOSEI and MOSI."""
    tables = {
        corpus: selection_split(chosen_columns(UtteranceTable.load(run.inputs[corpus])), corpus) for corpus in EVALUATED
    }
    checkpoints = {name: path for name, path in run.inputs.items() if name not in EVALUATED}
    write_figures(run.output, evaluate_seeds(checkpoints, tables, report=run.report))


def encoder_sources(data: Path) -> dict[str, Path]:
    """Return the corpora that the encoder is tuned on, as `encoder_texts.read_texts` takes them."""
    return {
        MOSEI: data / "mosei" / "labels",
        MOSI: data / "mosi" / MOSI_FILE,
        MELD: data / "meld",
        GOEMOTIONS: data / "goemotions",
    }


def plus_stages(data: Path, *, seeds: Sequence[int] = SEEDS) -> list[Stage]:
    """Return the stages of `plus`.

    Parameters
    ----------
    data : Path
        The folder that holds ``mosei``, ``mosi``, ``ravdess`` and ``faces``.
    seeds : sequence of int
        Two checkpoints each: on text alone, and on all corpora.
    """
    folds = Stage(
        FOLDS_STAGE,
        "encoder_folds.safetensors",
        tune_encoders,
        sources=encoder_sources(data),
        weights=(SENTENCE,),
        settings={"options": TuningOptions()},
        versions=("encoder/3",),
    )
    encoder = Stage(
        "encoder",
        "sentence_delta.safetensors",
        ship_encoder,
        needs=(FOLDS_STAGE,),
        settings={"version": DELTA_VERSION},
        versions=("encoder/3",),
    )
    soft_labels = Stage(
        "soft-labels",
        "soft_labels.safetensors",
        write_soft_labels,
        needs=("mosei", "mosi"),
        settings={"recipe": TEXT_RECIPE, "seeds": TEACHER_SEEDS, "share": TEACHER_SHARE},
        versions=("soft-labels/2", TRAINING),
    )
    alone = [
        Stage(
            f"text-{seed}",
            f"text-{seed}.safetensors",
            train_text,
            needs=("soft-labels",),
            settings={"recipe": replace(TEXT_RECIPE, seed=seed)},
            versions=(TRAINING,),
        )
        for seed in seeds
    ]
    together = [
        Stage(
            f"plus-{seed}",
            f"plus-{seed}.safetensors",
            train_plus,
            needs=(*TABLES, "soft-labels"),
            settings={
                "recipe": replace(PLUS_RECIPE, seed=seed),
                "sampling": CLIP_SAMPLING,
                "clip_weight": CLIP_WEIGHT,
            },
            versions=(TRAINING, "mixture/1"),
        )
        for seed in seeds
    ]
    names = tuple(stage.name for stage in together)
    return [
        folds,
        encoder,
        *table_stages(data),
        soft_labels,
        *together,
        Stage(
            "plus-valid",
            "plus-valid.json",
            write_valid_figures,
            needs=(*EVALUATED, *names),
            versions=("figures/1",),
        ),
        Stage(
            NETWORK,
            f"{NETWORK}.safetensors",
            copy_best,
            needs=(*names, "plus-valid"),
            settings={"figures": "plus-valid"},
        ),
        *everyday_stages(data),
        *alone,
        Stage(
            "text-valid",
            "text-valid.json",
            write_valid_figures,
            needs=(*EVALUATED, *(stage.name for stage in alone)),
            versions=("figures/1",),
        ),
    ]
