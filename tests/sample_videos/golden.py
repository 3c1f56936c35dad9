"""What the sample videos give with the default options, and how it is written down and compared.

    python tests/sample_videos/golden.py

analyses them and writes ``golden_NAME.json`` anew: after a change that is meant to change results, with the reason in
the commit. Each analysis is a process of its own (``golden.py VIDEO`` prints what one gives), because the instructions
that int8 is computed with are settled when a library is loaded, and the words depend on them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from mtmm_video.pipeline.analysis import Analysis, LabelledUtterance
from mtmm_video.pipeline.options import AnalyzeOptions
from mtmm_video.pipeline.run import analyze
from mtmm_video.pipeline.store.local import Store

FOLDER = Path(__file__).resolve().parents[2] / "sample_videos"
VIDEOS = sorted(FOLDER.glob("*.mp4"))
# The most that oneDNN may use, CTranslate2's products of int8: with AVX-512 two exclamation marks are full stops.
INSTRUCTIONS = {"ONEDNN_MAX_CPU_ISA": "AVX2"}
# Processors round differently, and decoders of video differ by a grey level between versions.
WORD_TIME = 0.1  # seconds
PROBABILITY = 0.03
FEATURES = 0.02  # relative, of the norm of an utterance's columns


def golden_path(video: Path) -> Path:
    """The file of a video's expected results."""
    return Path(__file__).with_name(f"golden_{video.stem}.json")


def analysed(video: Path) -> dict[str, Any]:
    """Analyse a video in a process of its own with the default options and an empty store; see `summary`."""
    command = [sys.executable, __file__, str(video)]
    done = subprocess.run(command, env={**os.environ, **INSTRUCTIONS}, stdout=subprocess.PIPE, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def analysed_here(video: Path) -> dict[str, Any]:
    """Do the same in this process."""
    with tempfile.TemporaryDirectory() as folder:
        return summary(analyze(video, options=AnalyzeOptions(cache=False), store=Store(Path(folder))))


def summary(analysis: Analysis) -> dict[str, Any]:
    """Words, labels and probabilities of every utterance, norm and number of the measured columns per modality."""
    features = {
        name: {
            "norms": [round(float(norm), 5) for norm in np.linalg.norm(entry.values, axis=1)],
            "measured": entry.valid.sum(axis=1).tolist(),
        }
        for name, entry in analysis.features.modalities.items()
    }
    return {"utterances": [_utterance(entry) for entry in analysis.utterances], "features": features}


def _utterance(entry: LabelledUtterance) -> dict[str, Any]:
    prediction = entry.prediction
    return {
        "text": entry.utterance.text,
        "words": [[word.text, round(word.start, 3), round(word.end, 3)] for word in entry.utterance.words],
        "speaker": entry.utterance.speaker,
        "flags": list(entry.flags),
        "sentiment": prediction.sentiment,
        "emotions": list(prediction.emotions),
        "sentiment_probabilities": _rounded(prediction.sentiment_probabilities),
        "emotion_probabilities": _rounded(prediction.emotion_probabilities),
    }


def _rounded(probabilities: Any) -> dict[str, float]:
    return {name: round(float(value), 4) for name, value in probabilities.items()}


if __name__ == "__main__":
    if sys.argv[1:]:
        print(json.dumps(analysed_here(Path(sys.argv[1]))))
        sys.exit()
    for each in VIDEOS:
        golden_path(each).write_text(json.dumps(analysed(each), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        print(golden_path(each))
