"""The stages of `plus`: from tables to the checkpoint of the best seed, with small networks and made-up corpora."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mtmm_video.extractors.acoustic.columns import COVAREP_NAMES, VOICE_NAMES
from mtmm_video.extractors.text.sentence_encoder import SENTENCE_NAMES
from mtmm_video.extractors.visual.names import FACET_NAMES
from mtmm_video.model.checkpoint import load_checkpoint
from mtmm_video.model.features import Modality, ModalityFeatures
from mtmm_video.model.labels import EMOTIONS
from mtmm_video.model.table import Labels, UtteranceTable
from mtmm_video.pipeline.corpora.faces import NEUTRAL, single_utterances
from mtmm_video.pipeline.training.everyday_stages import NETWORK
from mtmm_video.pipeline.training.mixture import ClipSampling
from mtmm_video.pipeline.training.plus import ACOUSTIC_COLUMNS
from mtmm_video.pipeline.training.plus_stages import plus_stages
from mtmm_video.pipeline.training.seeds import best_seed, headline
from mtmm_video.pipeline.training.stages import Stage, StageGraph, StageRun

NAMES: dict[Modality, tuple[str, ...]] = {
    "text": SENTENCE_NAMES,
    "acoustic": (*COVAREP_NAMES, *VOICE_NAMES),
    "visual": FACET_NAMES,
}
SMALL = {"hidden": 4, "dense": 4, "epochs": 1}


def columns(count: int, modality: Modality, *, seed: int) -> ModalityFeatures:
    values = np.random.default_rng(seed).normal(size=(count, len(NAMES[modality]))).astype(np.float32)
    return ModalityFeatures(values, np.ones(values.shape, bool), NAMES[modality], f"{modality}-test/1")


def spoken(corpus: str, *modalities: Modality) -> UtteranceTable:
    """Thirty videos of three utterances: twenty of train, ten of valid."""
    generator = np.random.default_rng(5)
    emotions = 2.0 * (generator.random((90, 6)) < 0.2)
    return UtteranceTable(
        video_ids=tuple(f"{corpus}{index}" for index in range(30)),
        splits=("train",) * 20 + ("valid",) * 10,
        corpora=(corpus,) * 30,
        offsets=np.arange(0, 91, 3, dtype=np.int64),
        modalities={modality: columns(90, modality, seed=index) for index, modality in enumerate(modalities)},
        labels=Labels.from_intensities(generator.choice([-2.0, 2.0], size=90), emotions),
        segments=tuple(map(str, range(90))),
        texts=("words",) * 90,
    )


def acted(corpus: str, modality: Modality, *, speakers: tuple[str, ...] = ("R1", "R2")) -> UtteranceTable:
    emotions = [*EMOTIONS, NEUTRAL] * len(speakers)
    return single_utterances(
        [f"{speaker}/{index}" for speaker in speakers for index in range(len(EMOTIONS) + 1)],
        corpus=corpus,
        emotions=emotions,
        splits=["train"] * len(emotions),
        modality=modality,
        features=columns(len(emotions), modality, seed=9),
    )


def made_up(stage: Stage) -> Stage:
    """Replace what reads corpora by tables that are made up, and make the networks small."""
    tables = {
        "mosei": spoken("mosei", "text", "visual"),
        "mosi": spoken("mosi", "text", "acoustic"),
        "ravdess": acted("ravdess", "acoustic"),
        "faces": acted("faces", "visual", speakers=("x",)),
    }

    def write_table(run: StageRun) -> None:
        tables[stage.name].save(run.output)

    if stage.name.startswith("encoder"):
        return replace(stage, make=lambda run: run.output.write_bytes(b"-"), sources={}, weights=(), settings={})
    if stage.name in tables:
        return replace(stage, make=write_table, sources={}, weights=(), settings={})
    settings = dict(stage.settings)
    if "recipe" in settings:
        settings["recipe"] = replace(settings["recipe"], **SMALL)
    if "sampling" in settings:
        settings["sampling"] = ClipSampling(session_utterances=40)
    return replace(stage, settings=settings)


@pytest.mark.slow
def test_from_tables_to_the_checkpoint_of_the_best_seed(tmp_path: Path) -> None:
    graph = StageGraph([made_up(stage) for stage in plus_stages(tmp_path / "corpora", seeds=(1, 2))], folder=tmp_path)
    messages: list[str] = []
    for stage in graph.upto(NETWORK):
        assert graph.run(stage.name, progress=lambda done, total, text: messages.append(f"{done}/{total} {text}"))
    assert not graph.output("text-1").exists(), "nothing that `plus` does not need"
    assert any(message.startswith("6/6 teachers") for message in messages)
    figures = json.loads(graph.output("plus-valid").read_text(encoding="utf-8"))
    assert set(figures) == {"plus-1", "plus-2"}
    assert set(figures["plus-1"]) == {"mosei", "mosi"}
    shipped = graph.output(NETWORK).read_bytes()
    assert shipped == graph.output(best_seed(figures)).read_bytes()
    specification = load_checkpoint(graph.output(NETWORK)).specification
    assert specification.columns["acoustic"].names == ACOUSTIC_COLUMNS
    assert "CC BY-NC-SA" in specification.provenance["licence_note"]
    assert specification.provenance["recipe"]["corpus_weights"]["ravdess"] == 0.3
    assert graph.outdated(NETWORK) == []


def figures_of(accuracy: float, emotion: float) -> dict[str, dict[str, object]]:
    sentiment = {"accuracy": accuracy, "f1_weighted": accuracy, "calibration_error": 0.5}
    return {"mosei": {"sentiment": sentiment, "emotion": {"weighted_accuracy": emotion, "f1_weighted": emotion}}}


def test_the_best_seed_has_the_best_mean_of_both_tasks() -> None:
    found = {"one": figures_of(0.86, 0.60), "two": figures_of(0.84, 0.70), "three": figures_of(0.70, 0.80)}
    assert best_seed(found) == "two"  # .77; the others have .73 and .75
    assert list(headline({"sentiment": {"accuracy": 0.5}, "emotion": None})) == ["sentiment accuracy"]


def test_every_shipped_file_is_the_output_of_a_stage() -> None:
    outputs = {stage.output for stage in plus_stages(Path("corpora"))}
    assert {"plus.safetensors", "sentence_delta.safetensors"} <= outputs
