"""Recognition of acted emotions by `plus` from voice and face, with constant words.

    python -m benchmarks.plus_acted --checkpoint FOLDER/plus-*.safetensors --tables FOLDER \
        [--clips ../shared/clips/emotion]

Means over the checkpoints, in Markdown: balanced accuracy of a regression on the acoustic columns for unseen speakers;
AUROC on held-out clips; the proportion of clips whose probability of the acted emotion exceeds that of the speaker's
neutral clip, on RAVDESS's held-out speakers; with --clips the same for CREMA-D and Audio2Face, once per finished
configuration.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from benchmarks.plus_text import plus_text
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mtmm_video.extractors.acoustic.columns import VOICE_NAMES
from mtmm_video.extractors.sample_rate import SAMPLE_RATE
from mtmm_video.extractors.speech.voice_activity import detect_speech
from mtmm_video.extractors.visual.speaker import choose_face
from mtmm_video.extractors.visual.tracking import track_faces
from mtmm_video.model.checkpoint import Checkpoint, load_checkpoint
from mtmm_video.model.evaluation import score_table
from mtmm_video.model.features import Modality, ModalityFeatures, VideoFeatures
from mtmm_video.model.labels import EMOTIONS
from mtmm_video.model.prediction import predict
from mtmm_video.model.table import UtteranceTable
from mtmm_video.pipeline.corpora.faces import NEUTRAL, stream_mean
from mtmm_video.pipeline.corpora.ravdess import acted_features
from mtmm_video.pipeline.job import VOICE_WEIGHTS
from mtmm_video.pipeline.media.reading import probe, read_frames, read_waveform
from mtmm_video.pipeline.training.mixture import emotion_of, speakers_of
from mtmm_video.pipeline.training.plus import COVAREP_COLUMNS, Corpora
from mtmm_video.pipeline.weights.resolution import resolve

ACTED = (NEUTRAL, "anger", "disgust", "fear", "happy", "sad")  # what CREMA-D and RAVDESS share
DRAWS = 10  # sessions per held-out speaker
ORDERS = 8  # of the clips of a session: context is read in order
CREMA = {"NEU": NEUTRAL, "ANG": "anger", "DIS": "disgust", "FEA": "fear", "HAP": "happy", "SAD": "sad"}
AUDIO2FACE = {"neutral": NEUTRAL, "anger": "anger", "sadness": "sad"}
SENTENCES = ("Kids are talking by the door.", "Dogs are sitting by the door.", "Don't forget a jacket.")  # last: DFA

Clip = Mapping[Modality, ModalityFeatures]  # one row each


def header(first: str, columns: Sequence[str]) -> str:
    """Return the head of a Markdown table."""
    return f"\n| {first} | {' | '.join(columns)} |\n|---|{'---|' * len(columns)}"


def ravdess_folds(corpora: Corpora) -> None:
    """Print the balanced accuracy of logistic regressions on the acoustic columns, over six folds by speaker."""
    table = corpora.ravdess
    itself = np.array(["#" not in name for name in table.video_ids])  # not its variants
    labels, speakers = np.array(emotion_of(table))[itself], speakers_of(table)[itself]
    features = table.modalities["acoustic"]
    column_sets: dict[str, tuple[tuple[str, ...], float]] = {
        "COVAREP": (COVAREP_COLUMNS, 0.3),
        "voice": (VOICE_NAMES, 0.01),
    }
    print(
        f"RAVDESS, {len(labels)} clips, {len(set(speakers))} speakers, folds by speaker, seven classes (chance 14.3 %)"
    )
    for title, (names, strength) in column_sets.items():
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=3000, C=strength, class_weight="balanced"))
        values = features.values[itself][:, [features.names.index(name) for name in names]].astype(np.float64)
        centred = np.zeros_like(values)
        for speaker in set(speakers.tolist()):
            centred[speakers == speaker] = values[speakers == speaker] - values[speakers == speaker].mean(axis=0)
        for way, columns in (("as they are", values), ("minus the speaker's mean", centred)):
            guessed = cross_val_predict(model, columns, labels, groups=speakers, cv=GroupKFold(6))
            found = 100 * balanced_accuracy_score(labels, guessed)
            print(f"* {title} columns {way}: balanced accuracy {found:.1f} %")


def photographs_regression(corpora: Corpora) -> None:
    """Print the AUROC of a logistic regression on the visual columns for held-out photographs."""
    train, valid = corpora.faces.split("train"), corpora.faces.split("valid")
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=3000, C=0.1, class_weight="balanced"))
    model.fit(train.modalities["visual"].values, np.array(emotion_of(train)))
    guessed, shown = model.predict_proba(valid.modalities["visual"].values), np.array(emotion_of(valid))
    areas = {name: area(guessed[:, row], shown == name) for row, name in enumerate(model.classes_)}
    print("held-out photographs, AUROC: " + ", ".join(f"{name} {value:.2f}" for name, value in areas.items()))


def held_out(checkpoints: Sequence[Checkpoint], corpora: Corpora) -> None:
    """Print the AUROC of each emotion's probability on held-out acted clips against the other clips of the corpus."""
    print(header("held-out clips, AUROC", EMOTIONS))
    voices = corpora.ravdess.split("valid")
    tables: dict[str, UtteranceTable] = {
        "RAVDESS, each clip alone": voices,
        "RAVDESS, a speaker's clips together": by_speaker(voices),
        "photographs": corpora.faces.split("valid"),
    }
    for name, table in tables.items():
        labels = np.array([segment_emotion(corpora, segment) for segment in table.segments])
        areas = []
        for checkpoint in checkpoints:
            scores = score_table(checkpoint, table).emotion
            assert scores is not None
            areas.append([area(scores[:, index], labels == emotion) for index, emotion in enumerate(EMOTIONS)])
        print(f"| {name} | {' | '.join(f'{value:.2f}' for value in np.mean(areas, axis=0))} |")


def area(scores: NDArray[np.float64], own: NDArray[np.bool_]) -> float:
    """Area under the ROC curve of an emotion's scores on its own clips against the others."""
    return float((scores[own][:, None] > scores[~own][None, :]).mean()) if own.any() else float("nan")


def segment_emotion(corpora: Corpora, segment: str) -> str:
    """Return the acted emotion of a clip by its name."""
    for table in (corpora.ravdess, corpora.faces):
        if segment in table.segments:
            return emotion_of(table)[table.segments.index(segment)]
    raise KeyError(segment)


def by_speaker(voices: UtteranceTable) -> UtteranceTable:
    """Return a table in which all clips of a speaker are one video, in random order."""
    speakers, generator = speakers_of(voices), np.random.default_rng(0)
    names = sorted(set(speakers.tolist()))
    groups = [generator.permutation(np.flatnonzero(speakers == name)) for name in names]
    rows = np.concatenate(groups)
    features = voices.modalities["acoustic"]
    return replace(
        voices,
        video_ids=tuple(names),
        splits=("valid",) * len(names),
        corpora=("ravdess",) * len(names),
        offsets=np.concatenate([[0], np.cumsum([len(group) for group in groups])]).astype(np.int64),
        modalities={"acoustic": replace(features, values=features.values[rows], valid=features.valid[rows])},
        labels=voices.labels.rows(rows),
        segments=tuple(voices.segments[row] for row in rows),
    )


def alone(checkpoint: Checkpoint, clips: Sequence[Clip]) -> NDArray[np.float64]:
    """Emotion probabilities (n, 6) of clips, each a video of its own."""
    return np.concatenate([in_order(checkpoint, [clip]) for clip in clips])


def together(checkpoint: Checkpoint, clips: Sequence[Clip]) -> NDArray[np.float64]:
    """Emotion probabilities (n, 6) of clips as one video, the mean over `ORDERS` random orders of them."""
    generator = np.random.default_rng(0)
    total = np.zeros((len(clips), len(EMOTIONS)))
    for _ in range(ORDERS):
        order = generator.permutation(len(clips))
        total[order] += in_order(checkpoint, [clips[row] for row in order])
    return total / ORDERS


def in_order(checkpoint: Checkpoint, clips: Sequence[Clip]) -> NDArray[np.float64]:
    """Emotion probabilities (n, 6) of clips as the utterances of one video."""
    joined = {
        name: replace(
            features,
            values=np.concatenate([clip[name].values for clip in clips]),
            valid=np.concatenate([clip[name].valid for clip in clips]),
        )
        for name, features in clips[0].items()
    }
    found = predict(checkpoint, VideoFeatures("acted", joined)).utterances
    return np.array([[utterance.emotion_probabilities[name] for name in EMOTIONS] for utterance in found])


WAYS = {"a speaker's clips as one video": together, "each clip a video": alone}


def row_of(features: ModalityFeatures, row: int) -> ModalityFeatures:
    """Return one row."""
    return replace(features, values=features.values[row : row + 1], valid=features.valid[row : row + 1])


def held_out_rises(checkpoints: Sequence[Checkpoint], corpora: Corpora, text: ModalityFeatures) -> None:
    """Print how often an acted emotion rises above the speaker's neutral clip of the same sentence.

    And how often it rises by more than happiness, which agitated voices are taken for first.
    """
    voices = corpora.ravdess.split("valid")
    emotions, speakers = np.array(emotion_of(voices)), speakers_of(voices)
    sentences = np.array([name.split("/")[1].split("-")[4] for name in voices.video_ids])  # 01 or 02
    generator = np.random.default_rng(0)
    sessions: list[list[Clip]] = []
    for speaker in sorted(set(speakers.tolist())):
        for _ in range(DRAWS):
            sentence = int(generator.integers(2))
            own = (speakers == speaker) & (sentences == f"{sentence + 1:02d}")
            rows = [int(generator.choice(np.flatnonzero(own & (emotions == name)))) for name in ACTED]
            acoustic = voices.modalities["acoustic"]
            sessions.append([{"text": row_of(text, sentence), "acoustic": row_of(acoustic, row)} for row in rows])
    places = [EMOTIONS.index(name) for name in ACTED[1:]]
    rises, over_happy = [], []
    for words in (False, True):
        for way, label in WAYS.items():
            changes = []
            for checkpoint in checkpoints:
                for session in sessions:
                    clips: Sequence[Clip] = session if words else [{"acoustic": clip["acoustic"]} for clip in session]
                    found = label(checkpoint, clips)
                    changes.append(found[1:] - found[0])
            moved = np.array(changes)  # (sessions, acted emotion, emotion)
            own = np.array([moved[:, row, place] for row, place in enumerate(places)])
            more = own > moved[:, :, EMOTIONS.index("happy")].T
            name = f"{'words and voice' if words else 'voice'}, {way}"
            cells = [f"{(change > 0).mean():.0%} ({change.mean():+.2f})" for change in own]
            rises.append(f"| {name} | {' | '.join(cells)} |")
            cells = [
                "" if acted == "happy" else f"{row.mean():.0%}" for acted, row in zip(ACTED[1:], more, strict=True)
            ]
            over_happy.append(f"| {name} | {' | '.join(cells)} |")
    print(header("RAVDESS, four held-out speakers: rises above neutral (mean change)", ACTED[1:]), *rises, sep="\n")
    print(header("the same: rises more than happiness does", ACTED[1:]), *over_happy, sep="\n")


def measured(path: Path, *, text: ModalityFeatures | None) -> Clip:
    """Measure one acted clip as an utterance."""
    waveform = read_waveform(path)
    clip: dict[Modality, ModalityFeatures] = {} if text is None else {"text": text}
    clip["acoustic"] = acted_features(
        waveform.astype(np.float64), sample_rate=SAMPLE_RATE, model=resolve(VOICE_WEIGHTS)
    )
    if probe(path).has_video:
        tracks = track_faces(read_frames(path, rate=10.0), landmarker=resolve("face-landmarker"))
        speech = detect_speech(waveform, sample_rate=SAMPLE_RATE)
        face = choose_face(tracks, start=0.0, end=float(tracks.frame_times[-1]), speech=speech).stream
        values, valid = stream_mean(face)
        clip["visual"] = ModalityFeatures(values[None], valid[None], face.names, face.version)
    return clip


def clip_rises(checkpoints: Sequence[Checkpoint], folder: Path, text: ModalityFeatures) -> None:
    """Print the change against the neutral clip of the same speaker, of every emotion."""
    groups: dict[str, tuple[Mapping[str, str], ModalityFeatures | None]] = {
        "crema_1001": (CREMA, row_of(text, 2)),
        "crema_1002": (CREMA, row_of(text, 2)),
        "a2f_Claire": (AUDIO2FACE, None),
        "a2f_Mark": (AUDIO2FACE, None),
    }
    clips: dict[str, dict[str, Clip]] = {}
    for group, (names, words) in groups.items():
        paths = {
            emotion: next(path for path in sorted(folder.glob(f"{group}*")) if mark in path.stem.split("_"))
            for mark, emotion in names.items()
        }
        clips[group] = {emotion: measured(path, text=words) for emotion, path in paths.items()}
    for way, label in WAYS.items():
        print(header(f"{way} | used", EMOTIONS))
        for group, acted in clips.items():
            modalities = "+".join(name[0].upper() for name in acted[NEUTRAL])
            change = np.mean([label(one, list(acted.values())) for one in checkpoints], axis=0)
            for row, emotion in enumerate(acted):
                cells = [
                    f"**{value:+.2f}**" if name == emotion else f"{value:+.2f}"
                    for name, value in zip(EMOTIONS, change[row] - change[0], strict=True)
                ]
                if emotion != NEUTRAL:
                    print(f"| {group} {emotion} | {modalities} | {' | '.join(cells)} |")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, nargs="+", required=True)
    parser.add_argument("--tables", type=Path, required=True)
    parser.add_argument("--clips", type=Path, help="../shared/clips/emotion; once per finished configuration")
    arguments = parser.parse_args()
    checkpoints = [load_checkpoint(path) for path in arguments.checkpoint]
    corpora = Corpora.load(arguments.tables)
    text = plus_text(SENTENCES)
    ravdess_folds(corpora)
    photographs_regression(corpora)
    held_out(checkpoints, corpora)
    held_out_rises(checkpoints, corpora, text)
    if arguments.clips is not None:
        clip_rises(checkpoints, arguments.clips, text)


if __name__ == "__main__":
    main()
