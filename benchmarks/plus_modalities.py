"""What voice and face add to `plus`, and that they do not drown the words.

    python benchmarks/plus_modalities.py --checkpoint model/checkpoints/plus.safetensors --tables FOLDER \
        --clips ../shared/clips/emotion [--test]

Four tables in Markdown: MOSEI valid; MOSI (valid, or test with --test) with and without the voice; RAVDESS by speaker
folds; the same sentence acted in six ways.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from extractors.acoustic import covarep
from extractors.visual import choose_face, track_faces
from extractors.voice_activity import detect_speech
from model.checkpoint import Checkpoint, load_checkpoint
from model.evaluation import evaluate, score_table
from model.features import Modality, ModalityFeatures, VideoFeatures
from model.labels import EMOTIONS
from model.prediction import predict
from model.prediction_types import UtterancePrediction
from model.table import UtteranceTable
from pipeline.media import probe, read_frames, read_waveform
from pipeline.plus_corpora import joined_text, level, spoken_part, stream_mean
from pipeline.plus_training import ACOUSTIC_COLUMNS, Corpora
from pipeline.weights import resolve

SENTENCE = "Don't forget a jacket."  # CREMA-D's DFA
RATE = 16_000


def only(table: UtteranceTable, modalities: Sequence[Modality]) -> UtteranceTable:
    """Return the table with some of its modalities."""
    return table.with_modalities([name for name in modalities if name in table.modalities])


def figures(checkpoint: Checkpoint, table: UtteranceTable) -> str:
    """Return one row of main figures."""
    found = evaluate(score_table(checkpoint, table), table, thresholds=checkpoint.specification.thresholds)
    sentiment, emotion = found["sentiment"], found["emotion"]
    cells = [sentiment["accuracy"], sentiment["f1_weighted"], sentiment["auroc"], sentiment["calibration_error"]]
    cells += [emotion["weighted_accuracy"], emotion["f1_weighted"]] if emotion else []
    return " | ".join(f"{100 * cell:.1f}" for cell in cells)


def corpora_tables(checkpoint: Checkpoint, corpora: Corpora, *, split: str) -> None:
    """Print MOSEI's valid split, then MOSI with and without the voice."""
    print("| MOSEI valid | acc | F1 | AUROC | ECE | W-Acc | emotion F1 |\n|---|---|---|---|---|---|---|")
    print(f"| T | {figures(checkpoint, only(corpora.mosei.split('valid'), ['text']))} |")
    print(f"\n| MOSI {split} | acc | F1 | AUROC | ECE |\n|---|---|---|---|---|")
    mosi = corpora.mosi.split(split)
    modalities: dict[str, list[Modality]] = {"T": ["text"], "T+A": ["text", "acoustic"], "A": ["acoustic"]}
    for name, kept in modalities.items():
        print(f"| {name} | {figures(checkpoint, only(mosi, kept))} |")


def ravdess_folds(corpora: Corpora) -> None:
    """Print what the acoustic columns alone tell of unseen speakers: six folds, a logistic regression."""
    table = corpora.ravdess
    labels = np.array([corpus.split("/")[1] for corpus in table.corpora])
    speakers = np.array([name.split("/")[0] for name in table.video_ids])
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000, C=0.3, class_weight="balanced"))
    values = table.modalities["acoustic"].values
    guessed = cross_val_predict(model, values, labels, groups=speakers, cv=GroupKFold(6))
    print(f"\nRAVDESS, {len(labels)} clips of {len(set(speakers))} speakers, folds by speaker, seven classes, balanced")
    print(f"accuracy {100 * balanced_accuracy_score(labels, guessed):.1f} % (chance 14.3 %)")


def network_on_clips(checkpoint: Checkpoint, corpora: Corpora) -> None:
    """Print whether held-out acted clips raise their own emotion above what other clips of the corpus get."""
    print("\n| held-out clips | " + " | ".join(EMOTIONS) + " |\n|---|" + "---|" * len(EMOTIONS))
    kinds: tuple[tuple[str, UtteranceTable], ...] = (("RAVDESS, A", corpora.ravdess), ("faces, V", corpora.faces))
    for name, table in kinds:
        valid = table.split("valid")
        scores = score_table(checkpoint, valid).emotion
        labels = np.array([corpus.split("/")[1] for corpus in valid.corpora])
        assert scores is not None
        cells = []
        for index, emotion in enumerate(EMOTIONS):
            own, others = scores[labels == emotion, index], scores[labels != emotion, index]
            area = np.mean(own[:, None] > others[None, :]) if len(own) else np.nan
            cells.append(f"{area:.2f}")
        print(f"| {name} (AUROC) | {' | '.join(cells)} |")


def acted(path: Path, *, checkpoint: Checkpoint, text: ModalityFeatures | None, video: bool) -> UtterancePrediction:
    """Predict one acted clip as a video of one utterance."""
    waveform = spoken_part(level(read_waveform(path).astype(np.float64), sample_rate=RATE), sample_rate=RATE)
    stream = covarep(waveform, sample_rate=RATE)
    values, valid = stream_mean(stream)
    places = [stream.names.index(name) for name in ACOUSTIC_COLUMNS]
    modalities: dict[Modality, ModalityFeatures] = {
        "acoustic": ModalityFeatures(values[None, places], valid[None, places], ACOUSTIC_COLUMNS, stream.version)
    }
    if text is not None:
        modalities["text"] = text
    if video:
        tracks = track_faces(read_frames(path, rate=10.0), landmarker=resolve("face-landmarker"))
        speech = detect_speech(read_waveform(path), sample_rate=RATE)
        face = choose_face(tracks, start=0.0, end=float(tracks.frame_times[-1]), speech=speech).stream
        values, valid = stream_mean(face)
        modalities["visual"] = ModalityFeatures(values[None], valid[None], face.names, face.version)
    return predict(checkpoint, VideoFeatures(path.stem, modalities)).utterances[0]


def clip_table(checkpoint: Checkpoint, folder: Path) -> None:
    """Print emotions and sentiment of the same words acted in several ways, each minus the neutral one."""
    text = joined_text([SENTENCE], glove=resolve("glove-6b-50d"), sentence=resolve("minilm-l6-v2"))
    print("\n| clip | used | positive | " + " | ".join(EMOTIONS) + " |\n|---|---|---|" + "---|" * len(EMOTIONS))
    for group in ("crema_1001", "crema_1002", "a2f_Claire", "a2f_Mark"):
        paths = sorted(folder.glob(f"{group}*"))
        neutral = next(path for path in paths if "NEU" in path.stem or "neutral" in path.stem)
        spoken = replace(text) if group.startswith("crema") else None
        seen = {
            path: acted(path, checkpoint=checkpoint, text=spoken, video=probe(path).has_video)
            for path in [neutral, *[path for path in paths if path != neutral]]
        }
        base = seen[neutral]
        for path, found in seen.items():
            shift = 0.0 if path == neutral else 1.0
            numbers = [
                found.sentiment_probabilities["positive"] - shift * base.sentiment_probabilities["positive"],
                *(found.emotion_probabilities[name] - shift * base.emotion_probabilities[name] for name in EMOTIONS),
            ]
            used = "+".join(name[0].upper() for name in found.modalities_used)
            cells = " | ".join(f"{number:+.2f}" if shift else f"{number:.2f}" for number in numbers)
            print(f"| {path.stem} | {used} | {cells} |")


def main() -> None:
    """Run all four."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--tables", type=Path, required=True)
    parser.add_argument("--clips", type=Path, required=True)
    parser.add_argument("--test", action="store_true", help="MOSI's test split; once per finished configuration")
    arguments = parser.parse_args()
    checkpoint = load_checkpoint(arguments.checkpoint)
    corpora = Corpora.load(arguments.tables)
    corpora_tables(checkpoint, corpora, split="test" if arguments.test else "valid")
    ravdess_folds(corpora)
    network_on_clips(checkpoint, corpora)
    clip_table(checkpoint, arguments.clips)


if __name__ == "__main__":
    main()
