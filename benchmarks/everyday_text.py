"""What the shipped `plus` says of MELD's dialogues and GoEmotions' comments, words alone, on their dev splits.

    python -m benchmarks.everyday_text --data ../shared/data [--checkpoint plus]

Three-way sentiment (accuracy, weighted F1, calibration error), mean AUROC of the six emotions, weighted F1 of the most
probable of seven classes; shares of utterances kept and accuracy by confidence.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from benchmarks.plus_text import plus_text

from mtmm_video.model.checkpoint import load_checkpoint
from mtmm_video.model.checkpoint_file import resolve_checkpoint
from mtmm_video.model.evaluation import score_table, three_way_figures
from mtmm_video.model.labels import EMOTION_CLASSES, EMOTIONS
from mtmm_video.model.metrics import area_under_roc, f1
from mtmm_video.pipeline.corpora.talk import Talk, read_goemotions, read_meld
from mtmm_video.pipeline.training.everyday import talk_table

CONFIDENCES = (0.0, 0.5, 0.6, 0.7, 0.8)


def report(name: str, talk: Talk, *, checkpoint: str) -> None:
    """Print the figures of one corpus."""
    text = plus_text(talk.texts)
    scores = score_table(load_checkpoint(resolve_checkpoint(checkpoint)), talk_table(talk, text, corpus=name))
    assert scores.classes is not None and scores.emotion is not None
    truth, felt = talk.sentiment.argmax(axis=1), talk.emotion
    found = three_way_figures(scores.classes, truth)
    print(f"{name}: {', '.join(f'{key} {found[key]:.3f}' for key in ('accuracy', 'f1_weighted', 'calibration_error'))}")
    areas = [area_under_roc(felt[:, index] > 0, scores.emotion[:, index]) for index in range(len(EMOTIONS))]
    print(f"  mean AUROC of six emotions {np.mean(areas):.3f}")
    told, said = felt.argmax(axis=1), scores.emotion.argmax(axis=1)
    shares = [(told == index).mean() for index in range(len(EMOTION_CLASSES))]
    each = [f1(told == index, said == index) for index in range(len(EMOTION_CLASSES))]
    print(f"  seven classes, weighted F1 {np.dot(shares, each):.3f}")
    confidence, right = scores.classes.max(axis=1), scores.classes.argmax(axis=1) == truth
    kept = [f"{p:g}: {(confidence >= p).mean():.2f} {right[confidence >= p].mean():.3f}" for p in CONFIDENCES]
    print(f"  confidence: share, accuracy; {', '.join(kept)}")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--checkpoint", default="plus")
    arguments = parser.parse_args()
    comments = arguments.data / "goemotions"
    talks = {
        "meld": read_meld(arguments.data / "meld" / "dev_sent_emo.csv.gz"),
        "goemotions": read_goemotions(comments / "dev.tsv.gz", labels=comments / "labels.txt"),
    }
    for name, talk in talks.items():
        report(name, talk, checkpoint=arguments.checkpoint)


if __name__ == "__main__":
    main()
