"""Classification of acted emotions from each layer of Whisper's encoder, on held-out speakers and sentences.

    python benchmarks/voice_layers.py --ravdess ../shared/data/ravdess

For each layer, logistic regressions on RAVDESS, minus each speaker's mean: trained on twenty speakers and one of the
two sentences, evaluated on the four held-out speakers and the other; the mean over both assignments, in Markdown.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mtmm_video.extractors.acoustic.whisper_states import PEAK, layer_states
from mtmm_video.extractors.speech.whisper_model import load_whisper
from mtmm_video.model.labels import EMOTIONS
from mtmm_video.pipeline.corpora.mosei_labels import read_csv
from mtmm_video.pipeline.corpora.ravdess import CALM, spoken_part
from mtmm_video.pipeline.job import VOICE_WEIGHTS
from mtmm_video.pipeline.training.tables import RAVDESS_VALID
from mtmm_video.pipeline.weights.resolution import resolve

SENTENCES = ("01", "02")
STRENGTHS = (0.001, 0.01)


def centred(states: NDArray[np.float32], groups: list[str]) -> NDArray[np.float32]:
    """Return states less the mean of their group."""
    numbers = np.unique(groups, return_inverse=True)[1]
    means = np.stack([states[numbers == number].mean(axis=0) for number in range(numbers.max() + 1)])
    return np.asarray(states - means[numbers], np.float32)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ravdess", type=Path, required=True)
    arguments = parser.parse_args()
    index = read_csv(arguments.ravdess / "index.csv", columns=("path", "speaker", "emotion"))
    index = index[index["emotion"] != CALM]
    encoder = load_whisper(resolve(VOICE_WEIGHTS)).encoder
    layers = len(encoder.blocks)
    means = []
    for path in index["path"]:
        waveform, rate = soundfile.read(arguments.ravdess / path, dtype="float64")
        speech = spoken_part(waveform, sample_rate=rate)
        samples = torch.from_numpy((speech * PEAK / np.abs(speech).max()).astype(np.float32))
        means.append([state.mean(dim=0).numpy() for state in layer_states(encoder, samples, layers=layers)])
    states = np.array(means).transpose(1, 0, 2)  # (1 + layers, clips, D)
    speakers = [str(name) for name in index["speaker"]]
    emotions = np.array([str(name) for name in index["emotion"]])
    sentences = np.array([Path(path).stem.split("-")[4] for path in index["path"]])
    held_out = np.isin(speakers, RAVDESS_VALID)
    groups = [f"{speaker} {sentence}" for speaker, sentence in zip(speakers, sentences, strict=True)]
    print(f"| layer | strength | balanced accuracy | {' | '.join(EMOTIONS)} |\n|---|---|---|{'---|' * len(EMOTIONS)}")
    for layer in range(1 + layers):
        columns = centred(states[layer], groups)
        for strength in STRENGTHS:
            found = []
            for learnt in SENTENCES:
                train, unseen = ~held_out & (sentences == learnt), held_out & (sentences != learnt)
                model = make_pipeline(
                    StandardScaler(), LogisticRegression(C=strength, max_iter=1000, class_weight="balanced")
                )
                model.fit(columns[train], emotions[train])
                guessed = model.predict_proba(columns[unseen])
                areas = [
                    roc_auc_score(emotions[unseen] == name, guessed[:, list(model.classes_).index(name)])
                    for name in EMOTIONS
                ]
                accuracy = balanced_accuracy_score(emotions[unseen], model.classes_[guessed.argmax(axis=1)])
                found.append([accuracy, *areas])
            cells = " | ".join(f"{value:.2f}" for value in np.mean(found, axis=0))
            print(f"| {layer} | {strength} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
