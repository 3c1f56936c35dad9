"""The last stages of `plus`: natural recordings are measured, and the network gets what it lacks for everyday talk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from mtmm_video.model.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from mtmm_video.model.features import VideoFeatures
from mtmm_video.model.table import Labels, UtteranceTable, concatenate
from mtmm_video.model.training import selection_split
from mtmm_video.pipeline.corpora.talk import Talk, read_goemotions, read_meld
from mtmm_video.pipeline.options import AnalyzeOptions
from mtmm_video.pipeline.run import analyze
from mtmm_video.pipeline.training.encoder_texts import encoder_groups
from mtmm_video.pipeline.training.everyday import (
    Outputs,
    fit_anchors,
    fit_domain,
    fit_gates,
    fit_neutral,
    outputs_of,
    talk_table,
)
from mtmm_video.pipeline.training.plus import chosen_columns
from mtmm_video.pipeline.training.stages import Stage, StageRun
from mtmm_video.pipeline.training.tables import GLOVE, SENTENCE, TEXT_NEEDS, TextColumns

NETWORK = "plus-network"
# Everyday speech in ../shared, nobody of which acts an emotion; labels are not looked at.
NATURAL = (
    "clips/jfk.flac",
    "clips/katie_hill.mp4",
    "clips/obama_two_faces.mp4",
    "cases/short_demo.mp4",
    "cases/audio/katiesteve.wav",
    "cases/audio/sample.wav",
    "data/mosei/video/mosei_-3nNcZdcdvU.mp4",
    "data/mosei/video/mosei_-571d8cVauQ.mp4",
    "data/mosei/video/mosei_-6rXp3zJ3kc.mp4",
    "data/mosei/video/mosei_-Eqdz5y4pEY.mp4",
)


# Of each further domain against MOSEI; .3 costs .2 points of accuracy on MOSEI valid, 1 costs 1.5 (docs/plus.md).
DOMAIN_PRIOR = 0.2


def measure_natural(run: StageRun) -> None:
    """Stage: natural recordings, measured as in an analysis with the new network.

    The analysis takes the sentence encoder that is shipped, so `sentence_delta.safetensors` must be in its place.
    """
    options = AnalyzeOptions(model=str(run.inputs[NETWORK]), speakers="none", formats=())
    tables = []
    for number, (name, path) in enumerate(sorted(run.sources.items())):
        run.report(number, len(run.sources), name)
        features = analyze(path, options=options).features
        count = len(features)
        tables.append(
            UtteranceTable(
                video_ids=(name,),
                splits=("train",),
                corpora=("natural",),
                offsets=np.array([0, count], np.int64),
                modalities=features.modalities,
                labels=Labels.unknown(count),
                segments=tuple(f"{name}[{row}]" for row in range(count)),
                texts=("",) * count,
            )
        )
    concatenate(tables).save(run.output)


def add_everyday(run: StageRun, *, prior: float) -> None:
    """Stage: the network with a neutral class, further domains and anchors."""
    checkpoint = load_checkpoint(run.inputs[NETWORK])
    mosei = chosen_columns(UtteranceTable.load(run.inputs["mosei"]))
    natural = UtteranceTable.load(run.inputs["natural"])
    recordings = [natural.video(index) for index in range(len(natural.video_ids))]
    meld, comments = run.sources["meld"], run.sources["goemotions"]
    talks = {
        "meld": (read_meld(meld / "train_sent_emo.csv.gz"), read_meld(meld / "dev_sent_emo.csv.gz")),
        "goemotions": (
            read_goemotions(comments / "train.tsv.gz", labels=comments / "labels.txt"),
            read_goemotions(comments / "dev.tsv.gz", labels=comments / "labels.txt"),
        ),
    }
    found = everyday(
        checkpoint,
        mosei=mosei,
        talks=talks,
        recordings=recordings,
        prior=prior,
        text=TextColumns.load(run),
    )
    save_checkpoint(run.output, network=found.network, specification=found.specification, half=True)


def everyday(
    checkpoint: Checkpoint,
    *,
    mosei: UtteranceTable,
    talks: Mapping[str, tuple[Talk, Talk]],
    recordings: list[VideoFeatures],
    prior: float,
    text: TextColumns,
) -> Checkpoint:
    """Give a checkpoint its neutral class, domains and anchors; the network stays as it is.

    Parameters
    ----------
    checkpoint : Checkpoint
    mosei : UtteranceTable
        Its valid split fits the neutral class. Its train split stands for MOSEI's kind of talk: in all corpora the
        vectors of train texts come from the encoders of the folds, and a gate must not tell encoders apart.
    talks : mapping of str to (train, dev)
        The corpora of the domains.
    recordings : list of VideoFeatures
        Natural speech.
    prior : float
        Of each domain against MOSEI.
    text : TextColumns
        Computes the text columns of utterances.
    """

    def said(talk: Talk, corpus: str, split: str) -> Outputs:
        groups = encoder_groups(talk.conversations, corpus=corpus, split=split)
        columns = text.of(corpus, groups=groups, texts=talk.texts)
        return outputs_of(checkpoint, talk_table(talk, columns, corpus=corpus))

    valid = selection_split(mosei, "mosei")
    train = {name: said(talk, name, "train") for name, (talk, _) in talks.items()}
    gate = fit_gates(outputs_of(checkpoint, mosei.split("train")), train, prior=prior)
    domains = tuple(
        replace(
            fit_domain(name, train=train[name], labels=talk, chosen=said(dev, name, "valid"), chosen_labels=dev),
            gate=gate[name],
        )
        for name, (talk, dev) in talks.items()
    )
    specification = replace(
        checkpoint.specification,
        neutral=fit_neutral(outputs_of(checkpoint, valid).words, valid.labels.classes),
        domains=domains,
        anchors=fit_anchors(checkpoint, recordings),
    )
    return Checkpoint(network=checkpoint.network, specification=specification)


def everyday_stages(data: Path) -> list[Stage]:
    """Return the stages that follow the network's."""
    shared = data.parent
    return [
        Stage(
            "natural",
            "natural.safetensors",
            measure_natural,
            needs=(NETWORK,),
            sources={name: shared / name for name in NATURAL},
            versions=("natural/2",),
        ),
        Stage(
            "plus",
            "plus.safetensors",
            add_everyday,
            needs=(NETWORK, *TEXT_NEEDS, "mosei", "natural"),
            sources={"meld": data / "meld", "goemotions": data / "goemotions"},
            weights=(GLOVE, SENTENCE),
            settings={"prior": DOMAIN_PRIOR},
            versions=("everyday/4",),
        ),
    ]
