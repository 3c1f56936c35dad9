"""What the gates between MOSEI's, MELD's and GoEmotions' kinds of talk cost and bring, by prior and penalty.

    python benchmarks/everyday_gates.py --data ../shared/data --out OUT

OUT holds the outputs of `mtmm-video train plus` up to `plus`. The heads are those of ``OUT/plus.safetensors``; only the
gates are fitted anew. Figures of MOSEI valid, MELD dev and GoEmotions dev, in Markdown.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from mtmm_video.extractors.text.glove import GloveVectors
from mtmm_video.extractors.text.sentence_encoder import SentenceEncoder
from mtmm_video.model.checkpoint import Checkpoint, load_checkpoint
from mtmm_video.model.evaluation import score_table, three_way_figures
from mtmm_video.model.labels import EMOTION_CLASSES, EMOTIONS
from mtmm_video.model.metrics import area_under_roc, f1
from mtmm_video.model.table import UtteranceTable
from mtmm_video.model.training import selection_split
from mtmm_video.pipeline.corpora.talk import Talk, read_goemotions, read_meld
from mtmm_video.pipeline.training.encoder_folds import FOLDS_STAGE
from mtmm_video.pipeline.training.encoder_texts import encoder_groups
from mtmm_video.pipeline.training.everyday import fit_gates, outputs_of, talk_table
from mtmm_video.pipeline.training.out_of_fold import UnseenVectors
from mtmm_video.pipeline.training.plus import chosen_columns
from mtmm_video.pipeline.training.tables import TextColumns
from mtmm_video.pipeline.weights.resolution import resolve

SETTINGS = ((0.2, 1e-2), (0.3, 1e-2), (0.5, 1e-2), (0.2, 1e-3), (0.3, 1e-3), (0.2, 1e-4))  # prior, penalty


def talk_figures(checkpoint: Checkpoint, talk: Talk, table: UtteranceTable) -> str:
    """Return three-way weighted F1 and calibration error, seven-way F1, AUROC of six emotions, as cells."""
    scores = score_table(checkpoint, table)
    assert scores.classes is not None and scores.emotion is not None
    found = three_way_figures(scores.classes, talk.sentiment.argmax(axis=1))
    told, said = talk.emotion.argmax(axis=1), scores.emotion.argmax(axis=1)
    seven = sum((told == index).mean() * f1(told == index, said == index) for index in range(len(EMOTION_CLASSES)))
    areas = [area_under_roc(talk.emotion[:, index] > 0, scores.emotion[:, index]) for index in range(len(EMOTIONS))]
    return f"{found['f1_weighted']:.3f}, {found['calibration_error']:.3f} | {seven:.3f} | {np.mean(areas):.3f}"


def mosei_figures(checkpoint: Checkpoint, valid: UtteranceTable) -> str:
    """Return accuracy in the paper's convention and AUROC of six emotions, as cells."""
    scores = score_table(checkpoint, valid)
    assert scores.positive is not None and scores.emotion is not None
    right = (scores.positive > 0.5) == (valid.labels.sentiment > 0.5)
    areas = [area_under_roc(valid.labels.emotion[:, k] > 0, scores.emotion[:, k]) for k in range(len(EMOTIONS))]
    return f"{100 * right.mean():.1f} | {100 * np.mean(areas):.1f}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    data, out = arguments.data, arguments.out
    shipped = load_checkpoint(out / "plus.safetensors")
    mosei = chosen_columns(UtteranceTable.load(out / "mosei.safetensors"))
    glove, sentence = resolve("glove-6b-50d"), resolve("mpnet-base-v2")
    columns = TextColumns(
        glove=GloveVectors.load(glove),
        served=SentenceEncoder.load(sentence, delta=out / "sentence_delta.safetensors"),
        unseen=UnseenVectors.load(out / f"{FOLDS_STAGE.replace('-', '_')}.safetensors"),
    )
    meld, comments = data / "meld", data / "goemotions"
    train = {
        "meld": read_meld(meld / "train_sent_emo.csv.gz"),
        "goemotions": read_goemotions(comments / "train.tsv.gz", labels=comments / "labels.txt"),
    }
    dev = {
        "meld": read_meld(meld / "dev_sent_emo.csv.gz"),
        "goemotions": read_goemotions(comments / "dev.tsv.gz", labels=comments / "labels.txt"),
    }
    home, others = outputs_of(shipped, mosei.split("train")), {}
    for name, talk in train.items():
        groups = encoder_groups(talk.conversations, corpus=name, split="train")
        features = columns.of(name, groups=groups, texts=talk.texts)
        others[name] = outputs_of(shipped, talk_table(talk, features, corpus=name))
    valid = selection_split(mosei, "mosei")
    tables = {
        name: talk_table(talk, columns.of(name, groups=[""] * len(talk), texts=talk.texts), corpus=name)
        for name, talk in dev.items()
    }
    print(
        "| prior, penalty | MOSEI valid: accuracy | emotion AUROC | MELD dev: three-way F1, ECE | seven-way F1 "
        "| six emotions AUROC | GoEmotions dev: three-way F1, ECE | seven-way F1 | six emotions AUROC |"
    )
    print("|---" * 9 + "|")
    for prior, penalty in SETTINGS:
        gates = fit_gates(home, others, prior=prior, penalty=penalty)
        domains = tuple(replace(domain, gate=gates[domain.name]) for domain in shipped.specification.domains)
        checkpoint = Checkpoint(shipped.network, replace(shipped.specification, domains=domains))
        cells = [mosei_figures(checkpoint, valid), *(talk_figures(checkpoint, dev[n], tables[n]) for n in dev)]
        print(f"| {prior:g}, {penalty:g} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
